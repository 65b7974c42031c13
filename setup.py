"""The optional native modules; everything else about the build is in ``pyproject.toml``.

Each has a twin in Python, which is its oracle in the tests and takes over where there is no
compiler: then the build warns, and the installation succeeds without. Stable ABI of Python 3.11.

    NFSRDMA_SANITIZE=1 pip install -e .     with the address and undefined-behaviour sanitizers
"""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

NATIVE = (
    "nfsrdma.xdr._codec",
    "nfsrdma.rpcrdma.roce.packets._kernel",
    "nfsrdma.rpcrdma.providers._udp",
    "nfsrdma.rpcrdma.providers.shm._talk",
    "nfsrdma.dissector.capture._guard",
)
"""The modules. Their sources lie beside their twins: ``_kernel.c``, ``_kernel_*.c``."""

SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-O1", "-g"]
FLAGS = ["-std=c11", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"]
HEADER = "src/nfsrdma/xdr/native.h"


def extension(module: str) -> Extension:
    """How one of them is built."""
    folder, name = ("src/" + module.replace(".", "/")).rsplit("/", 1)
    sanitize = SANITIZERS if os.environ.get("NFSRDMA_SANITIZE") == "1" else []
    return Extension(
        module,
        sorted(map(str, (*Path(folder).glob(f"{name}.c"), *Path(folder).glob(f"{name}_*.c")))),
        include_dirs=["src/nfsrdma/xdr"],
        depends=[HEADER, *map(str, Path(folder).glob(f"{name}*.h"))],
        define_macros=[("Py_LIMITED_API", "0x030B0000")],
        py_limited_api=True,
        extra_compile_args=[*FLAGS, *sanitize],
        extra_link_args=sanitize,
        optional=True,
    )


COMMIT = "_commit"
"""A file beside the modules that says which commit they are of (``nfsrdma --version``)."""


def write_commit(package: Path) -> None:
    """Have a copy of the package say its commit: as this one does, or as git knows it."""
    with suppress(OSError, subprocess.CalledProcessError):
        own = Path("src/nfsrdma", COMMIT)
        command = ["git", "--git-dir=.git", "rev-parse", "HEAD"]
        commit = own.read_text() if own.exists() else subprocess.check_output(command, text=True)
        (package / COMMIT).write_text(commit)


class BuildPackage(build_py):
    """A built package says its commit; one that is edited in place says what its checkout has."""

    def run(self) -> None:
        """Copy the modules."""
        super().run()
        if not self.editable_mode:
            write_commit(Path(self.build_lib, "nfsrdma"))


class SourceDistribution(sdist):
    """So does a source distribution, for what is built from it."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files."""
        super().make_release_tree(base_dir, files)
        write_commit(Path(base_dir, "src/nfsrdma"))


setup(
    cmdclass={"build_py": BuildPackage, "sdist": SourceDistribution},
    ext_modules=[extension(module) for module in NATIVE],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
