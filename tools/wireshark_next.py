"""The Wireshark of another release of Debian, unpacked beside the host's and run from there.

    python tools/wireshark_next.py [--suite trixie]

Nothing is installed: apt gets lists, a state and folders of its own, and what is downloaded (tshark
and all that it needs, the C library included) is unpacked into a cache folder. Printed is the path
of a ``tshark`` that starts the unpacked one by its own loader; with its folder in front of PATH the
tests run with it (``make wireshark-next``). The cache is ~/.cache/nfsrdma-wireshark, or what
NFSRDMA_WIRESHARK_CACHE names. Exit status 3: it cannot be had here (no apt, no network, another
machine), and why.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
_UNWANTED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/lintian")
_EXTCAPS = "extcap/wireshark"
"""Below the folder of the libraries: where a tshark of root looks, which heeds no environment."""
_MERGED = ("bin", "sbin", "lib", "lib64")
_LOADER = "usr/lib64/ld-linux-x86-64.so.2"
_LIBRARIES = "usr/lib/x86_64-linux-gnu"


class Unavailable(Exception):
    """It cannot be had; the message says why."""


def run(argv: list[str], **options: object) -> str:
    """Return the standard output of a command that must succeed. Raises ``Unavailable``."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise Unavailable(f"{' '.join(argv[:2])}: {done.stderr.strip() or done.returncode}")
    return str(done.stdout)


def _mirror() -> str:
    """Return the address of the host's own mirror."""
    listing = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL)"])
    for line in listing.splitlines():
        site, _, label = line.partition(" ")
        if label == "Debian":
            return site
    raise Unavailable("apt's source list names no mirror of Debian (apt-get update)")


def _download(suite: str, scratch: Path) -> list[Path]:
    """Download tshark of a suite and all that it depends on."""
    if shutil.which("apt-get") is None or os.uname().machine != "x86_64":
        raise Unavailable("it needs apt, and an x86-64 machine")
    for name in ("lists/partial", "cache/archives/partial", "state"):
        (scratch / name).mkdir(parents=True)
    (scratch / "state" / "status").touch()  # nothing is installed: all of it is needed
    source = scratch / "one.sources"
    source.write_text(
        f"Types: deb\nURIs: {_mirror()}\nSuites: {suite}\nComponents: main\nSigned-By: {KEYS}\n"
    )
    settings = {
        "Dir::Etc::sourcelist": source, "Dir::Etc::sourceparts": "-",
        "Dir::State": scratch / "state", "Dir::State::status": scratch / "state" / "status",
        "Dir::State::lists": scratch / "lists", "Dir::Cache": scratch / "cache",
        "APT::Sandbox::User": "root",
    }  # fmt: skip
    options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
    run(["apt-get", "-qq", *options, "update"])
    wanted = ["--download-only", "--no-install-recommends", "-y", "install", "tshark"]
    run(["apt-get", "-qq", *options, *wanted])
    return sorted((scratch / "cache" / "archives").glob("*.deb"))


def _unpack(packages: list[Path], root: Path) -> None:
    for name in _MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for package in packages:
        with subprocess.Popen(
            ["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE
        ) as source:
            run(["tar", "-x", "--keep-directory-symlink", "-C", str(root)], stdin=source.stdout)
        if source.returncode:
            raise Unavailable(f"{package.name} cannot be unpacked")
    for name in _UNWANTED:
        shutil.rmtree(root / name, ignore_errors=True)


def _start(tree: Path) -> None:
    """Write what starts the unpacked programs.

    To a program that is started by its loader, its own folder is the loader's: there tshark looks
    for dumpcap. Wireshark's own extcaps would not find their libraries; an empty folder is named.
    """
    libraries = tree / _LIBRARIES
    (libraries / _EXTCAPS).mkdir(parents=True, exist_ok=True)
    folders = {
        "WIRESHARK_DATA_DIR": tree / "usr/share/wireshark",
        "WIRESHARK_PLUGIN_DIR": libraries / "wireshark/plugins",
        "WIRESHARK_EXTCAP_DIR": libraries / _EXTCAPS,
    }
    exports = "".join(f'export {name}="{folder}"\n' for name, folder in folders.items())
    for program, start in (
        ("dumpcap", libraries / "dumpcap"),
        ("tshark", tree / "start" / "tshark"),
    ):
        start.parent.mkdir(exist_ok=True)
        start.write_text(
            f'#!/bin/sh\n{exports}exec "{tree / _LOADER}" --library-path "{libraries}" '
            f'--argv0 {program} "{tree / "usr/bin" / program}" "$@"\n'
        )
        start.chmod(0o755)


def prepared(suite: str) -> Path:
    """Return the ``tshark`` of a suite, unpacked on first use. Raises ``Unavailable``."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    named = os.environ.get("NFSRDMA_WIRESHARK_CACHE") or Path(base) / "nfsrdma-wireshark"
    cache = Path(named).resolve()
    tree = cache / suite
    if not (tree / "start" / "tshark").exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            scratch = Path(folder)
            packages = _download(suite, scratch / "apt")
            print(f"{len(packages)} packages of {suite} into {tree}", file=sys.stderr)
            _unpack(packages, scratch / "tree")
            shutil.rmtree(tree, ignore_errors=True)
            (scratch / "tree").rename(tree)
        _start(tree)
    return tree / "start" / "tshark"


def main() -> int:
    """Prepare it, and print where it is."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--suite", default="trixie")
    options = parser.parse_args()
    try:
        program = prepared(options.suite)
        print(run([str(program), "--version"]).splitlines()[0], file=sys.stderr)
    except (Unavailable, OSError) as error:
        print(f"no Wireshark of {options.suite} here: {error}", file=sys.stderr)
        return 3
    print(program)
    return 0


if __name__ == "__main__":
    sys.exit(main())
