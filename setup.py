"""What is compiled; everything else about the build is in ``pyproject.toml``.

The native modules are optional: each has a twin in Python, which is its oracle in the tests and
takes over where there is no compiler; then the build warns, and the installation succeeds without.
Stable ABI of Python 3.11.

    NFSRDMA_SANITIZE=1 pip install -e .     with the address and undefined-behaviour sanitizers

Some modules of the dissector can be compiled from their own source as well, by mypyc: twice as
quick, and for the one version of Python that builds them. Then a failure is an error.

    NFSRDMA_COMPILED=1 pip install .        the build brings mypy itself
"""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

NATIVE = (
    "nfsrdma.xdr._codec",
    "nfsrdma.rpcrdma._future",
    "nfsrdma.rpcrdma.roce.packets._kernel",
    "nfsrdma.rpcrdma.io._exchange",
    "nfsrdma.rpcrdma.io._serve",
    "nfsrdma.rpcrdma.providers._udp",
    "nfsrdma.rpcrdma.providers.shm._talk",
    "nfsrdma.rpcrdma.rpc._lanes",
    "nfsrdma.rpcrdma.transport._short",
    "nfsrdma.dissector.capture._guard",
    "nfsrdma.server.vfs._entries",
    "nfsrdma.server.engine._lane",
    "nfsrdma.client._quick",
)
"""The modules. Their sources lie beside their twins: ``_kernel.c``, ``_kernel_*.c``."""

COMPILED = {
    "": "pipeline",
    "base": "extent packet stretches text",
    "fields": "fields summary values",
    "layers": "frame offload roce",
    "messages": "body procedures programs rpc rpcrdma rpcrdma2",
    "tracking": "chunks connections data events flow matching model names offers pairing parts "
    "paths placement reads resolve sends sequence writes",
    "views": "line ndjson",
}
"""What runs for each packet and message, by folder of ``nfsrdma.dissector``: one unit to mypyc.

No subclasses of C's classes (``messages.decoder``), and no classes with subclasses outside of it.
"""

SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-O1", "-g"]
FLAGS = ["-std=c11", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden"]
HEADER = "src/nfsrdma/xdr/native.h"
MYPY = "mypy>=2.4"


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


def compiled() -> list[Extension]:
    """What mypyc makes of the dissector's sources, if something is being built."""
    if "editable_wheel" in sys.argv:
        raise SystemExit("NFSRDMA_COMPILED=1 is not for -e: edits would have no effect")
    if not {"bdist_wheel", "build_ext"} & set(sys.argv):
        return []  # asked for its name, or for what it needs: mypy may not be there yet
    from mypyc.build import mypycify

    sources = [
        str(Path("src/nfsrdma/dissector", folder, f"{name}.py"))
        for folder, names in COMPILED.items()
        for name in names.split()
    ]
    made: list[Extension] = mypycify(
        # What else is installed makes no difference to what is compiled, nor to whether it can be.
        ["--config-file=pyproject.toml", "--no-site-packages", *sources],
        opt_level="2",
        debug_level="0",
        group_name="nfsrdma_dissector",
        target_dir="build/mypyc",
    )
    for each in made:
        # What a compiler newer than mypyc warns of is no reason to fail.
        each.extra_compile_args = [flag for flag in each.extra_compile_args if flag != "-Werror"]
    return made


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


with_compiled = os.environ.get("NFSRDMA_COMPILED") == "1"
setup(
    cmdclass={"build_py": BuildPackage, "sdist": SourceDistribution},
    ext_modules=[*map(extension, NATIVE), *(compiled() if with_compiled else ())],
    setup_requires=[MYPY] if with_compiled else [],
    options={
        "build_ext": {"parallel": True},  # as many modules at a time as there are cores
        **({} if with_compiled else {"bdist_wheel": {"py_limited_api": "cp311"}}),
    },
)
