"""The rooms and who may enter whom (ARCHITECTURE.md): the imports are walked and held to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("xdr", "rpcrdma", "server", "client", "dissector")

MAY_IMPORT = {
    "xdr": set(),
    "rpcrdma": {"xdr"},
    "server": {"xdr", "rpcrdma"},
    "client": {"xdr", "rpcrdma"},
    "dissector": {"xdr", "rpcrdma"},
}

# Above all of them, and for none of them to know.
UPPER_ROOMS = {
    "bench": {"cli", "proxy", "conform"},
    "proxy": {"bench", "cli", "conform", "dissector"},
    "conform": {"bench", "cli", "proxy", "client", "server", "dissector"},
    "cli": set[str](),
}
"""Room -> those that may not be entered from it either."""

# The dissector is an independent witness: it may know the wire, never an engine.
WIRE_MODULES = {
    "rpcrdma.roce.wire",
    "rpcrdma.transport.header",
    "rpcrdma.transport.private_data",
    "rpcrdma.pcapng",
    "rpcrdma.rpc.message",
    "rpcrdma.rpc.auth",
}

# Where the operating system may be touched; everything else is given time, bytes and randomness.
EDGES = (
    "rpcrdma/providers",
    "rpcrdma/io",
    "rpcrdma/api",
    "server/vfs",
    "server/edge",
    "client/api/emit",
    "client/edge",
    "client/fsspec",
    "client/fuse",
    "dissector/capture",
)
EDGE_MODULES = {
    "asyncio",
    "ctypes",
    "fcntl",
    "mmap",
    "multiprocessing",
    "os",
    "pathlib",
    "random",
    "secrets",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "threading",
    "time",
}

# State that each thread has of its own is no thread; names and numbers do not touch the system.
FLAGS = (
    *("ACCMODE", "APPEND", "CLOEXEC", "CREAT", "DIRECT", "DSYNC", "EXCL", "LARGEFILE", "NOATIME"),
    *("NOCTTY", "NOFOLLOW", "NONBLOCK", "RDONLY", "RDWR", "RSYNC", "SYNC", "TRUNC", "WRONLY"),
)
HARMLESS = {
    *(f"fcntl.LOCK_{name}" for name in ("EX", "NB", "SH", "UN")),
    *(f"os.O_{name}" for name in FLAGS),
    "os.PathLike",
    "os.R_OK",
    "os.SEEK_DATA",
    "os.SEEK_HOLE",
    "os.W_OK",
    "os.X_OK",
    "os.fspath",
    "os.major",
    "os.minor",
    "random.Random",
    "threading.local",
}

# Within ``rpcrdma.roce`` each room may import those before it.
ROCE_ROOMS = ("wire", "packets", "engine", "cm")

# Within the server what is known of clients has to do without those who use it: they are injected.
NOT_FOR = {
    "server/state": ("server.callback", "server.engine", "server.ops", "server.edge"),
    "server/callback": ("server.engine", "server.ops", "server.edge"),
}


def sources() -> list[Path]:
    return [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def imported(path: Path) -> Iterator[str]:
    """The absolute dotted names that a file imports, ``nfsrdma.`` left out; not for typing only."""
    package = path.relative_to(ROOT).parent.parts
    tree = ast.parse(path.read_text())
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.removeprefix("nfsrdma.")
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = ".".join(package[: len(package) - node.level + 1])
                module = f"{base}.{node.module}" if node.module else base
            else:
                module = (node.module or "").removeprefix("nfsrdma.")
            for alias in node.names:
                yield f"{module}.{alias.name}"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_are_entered_only_by_those_who_may(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    for name in imported(path):
        other = name.split(".")[0]
        if other in ROOMS and other != room:
            assert other in MAY_IMPORT[room], f"{path} imports {name}"
            if room == "dissector" and other == "rpcrdma":
                assert any(name == m or name.startswith(m + ".") for m in WIRE_MODULES), (
                    f"{path} imports {name}, which is no wire module"
                )
        assert other not in UPPER_ROOMS, f"{path} imports {name}"


@pytest.mark.parametrize("room", UPPER_ROOMS)
def test_the_upper_rooms_know_nothing_of_those_above_them(room: str) -> None:
    umbrella = ROOT / "src" / "nfsrdma"
    files = sorted((umbrella / room).rglob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            assert name.split(".")[0] not in UPPER_ROOMS[room], f"{path} imports {name}"


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_edges_touch_the_operating_system(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    if relative.startswith(EDGES) or relative.startswith("xdr/compiler"):
        return
    names = set(imported(path)) - HARMLESS
    touched = {name.split(".")[0] for name in names} & EDGE_MODULES
    assert not touched, f"{relative} imports {sorted(touched)}"


def test_only_the_edge_of_the_conformance_suite_touches_the_operating_system() -> None:
    room = ROOT / "src" / "nfsrdma" / "conform"
    for path in sorted(room.rglob("*.py")):
        if path.name not in ("edge.py", "commands.py"):
            names = set(imported(path)) - HARMLESS
            touched = {name.split(".")[0] for name in names} & EDGE_MODULES
            assert not touched, f"{path} imports {sorted(touched)}"


def test_the_wire_of_roce_needs_nothing_else() -> None:
    for path in sorted((ROOT / "rpcrdma/roce/wire").glob("*.py")):
        for name in imported(path):
            assert not name.startswith("rpcrdma.") or name.startswith("rpcrdma.roce.wire."), (
                f"{path} imports {name}"
            )


@pytest.mark.parametrize("room", ROCE_ROOMS)
def test_the_rooms_of_roce_are_stacked(room: str) -> None:
    above = ROCE_ROOMS[ROCE_ROOMS.index(room) + 1 :]
    files = sorted((ROOT / "rpcrdma" / "roce" / room).glob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            assert not name.startswith(tuple(f"rpcrdma.roce.{upper}" for upper in above)), (
                f"{path} imports {name}"
            )


@pytest.mark.parametrize("room", NOT_FOR)
def test_state_does_not_know_who_uses_it(room: str) -> None:
    for path in sorted((ROOT / room).rglob("*.py")):
        for name in imported(path):
            assert not name.startswith(NOT_FOR[room]), f"{path} imports {name}"
