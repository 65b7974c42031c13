"""What the tree of a worker must look like: the oracle of the simulation, in plain Python.

A tree is a dictionary from names to :class:`File`, :class:`Link` or another dictionary. The
functions do to it what the operation of that name does to a server's tree, or raise
:class:`Expected` with the errors that the operation must fail with.
"""

from __future__ import annotations

import errno
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str, ...]


class Expected(Exception):
    """The operation must fail, with one of these ``errno``s, and change nothing."""

    def __init__(self, *numbers: int) -> None:
        super().__init__(*(errno.errorcode[number] for number in numbers))
        self.numbers = numbers


class File:
    """A regular file. Other names of it share the object."""

    __slots__ = ("data", "maybe", "since")

    def __init__(
        self, data: bytes = b"", maybe: tuple[bytes, ...] = (), since: tuple[bytes, ...] = ()
    ) -> None:
        self.data = data
        self.maybe = maybe
        """Contents that an operation of unknown outcome may have left, wholly or in part."""
        self.since = since
        """What it had from when it was last made stable until now."""

    def settle(self) -> None:
        """It is known to be as it should, and stable."""
        self.maybe = self.since = ()

    def doubt(self, *others: bytes) -> None:
        """It may have been set back to what it was, or to ``others``."""
        self.maybe = (*self.maybe, *self.since, *others)

    def __repr__(self) -> str:
        return f"File({len(self.data)} octets{', or others' if self.maybe else ''})"


class Link:
    """A symbolic link."""

    __slots__ = ("target",)

    def __init__(self, target: str) -> None:
        self.target = target

    def __repr__(self) -> str:
        return f"Link({self.target[:20]!r})"


Tree: TypeAlias = dict[str, Any]
"""Names to ``File``, ``Link`` or ``Tree``."""


def clone(tree: Tree) -> Tree:
    """A copy; files with several names still have them in it."""
    copies: dict[int, File] = {}

    def copy(node: Any) -> Any:
        if isinstance(node, dict):
            return {name: copy(below) for name, below in node.items()}
        if isinstance(node, File):
            known = copies.get(id(node))
            if known is None:
                known = copies[id(node)] = File(node.data, node.maybe, node.since)
            return known
        return node

    return copy(tree)  # type: ignore[no-any-return]


def find(tree: Tree, path: Path) -> Any:
    """What is at ``path``, or ``None``."""
    node: Any = tree
    for name in path:
        if not isinstance(node, dict) or name not in node:
            return None
        node = node[name]
    return node


def walk(tree: Tree, above: Path = ()) -> list[tuple[Path, Any]]:
    """Every node below ``tree`` with its path, parents first."""
    found: list[tuple[Path, Any]] = []
    for name, node in tree.items():
        found.append(((*above, name), node))
        if isinstance(node, dict):
            found += walk(node, (*above, name))
    return found


def links_of(tree: Tree, file: File) -> int:
    """How many names a file has."""
    return sum(node is file for _, node in walk(tree))


def _parent(tree: Tree, path: Path) -> Tree:
    node: Any = tree
    for name in path[:-1]:
        if not isinstance(node, dict):
            raise Expected(errno.ENOTDIR)
        if name not in node:
            raise Expected(errno.ENOENT)
        node = node[name]
    if not isinstance(node, dict):
        raise Expected(errno.ENOTDIR)
    return node


def _at(tree: Tree, path: Path) -> Any:
    parent = _parent(tree, path)
    if path[-1] not in parent:
        raise Expected(errno.ENOENT)
    return parent[path[-1]]


def stat(tree: Tree, path: Path) -> Any:
    """What LOOKUP finds."""
    return _at(tree, path)


def make(tree: Tree, path: Path, node: Any) -> None:
    """CREATE, or OPEN with a guarded create: nothing may be there."""
    parent = _parent(tree, path)
    if path[-1] in parent:
        raise Expected(errno.EEXIST)
    parent[path[-1]] = node


def regular(tree: Tree, path: Path) -> File:
    """The regular file at ``path``."""
    node = _at(tree, path)
    if isinstance(node, dict):
        raise Expected(errno.EISDIR)
    assert isinstance(node, File), "the workload follows no links here"
    return node


def write(tree: Tree, path: Path, data: bytes) -> None:
    """Make ``data`` the contents of a file, a new one if need be."""
    parent = _parent(tree, path)
    if path[-1] not in parent:
        parent[path[-1]] = File(data)
    else:
        regular(tree, path).data = data


def append(tree: Tree, path: Path, data: bytes) -> None:
    """Write at the end of a file, a new one if need be."""
    parent = _parent(tree, path)
    if path[-1] not in parent:
        parent[path[-1]] = File()
    regular(tree, path).data += data


def truncate(tree: Tree, path: Path, size: int) -> None:
    """Cut a file, or fill it up with zeros."""
    file = regular(tree, path)
    file.data = file.data[:size] + bytes(max(0, size - len(file.data)))


def patched(data: bytes, offset: int, piece: bytes) -> bytes:
    """``data`` with ``piece`` written over it at ``offset``."""
    if not piece:
        return data
    if offset > len(data):
        data += bytes(offset - len(data))
    return data[:offset] + piece + data[offset + len(piece) :]


def remove(tree: Tree, path: Path) -> None:
    """Remove a name of a file or a link."""
    if isinstance(_at(tree, path), dict):
        raise Expected(errno.EISDIR)
    del _parent(tree, path)[path[-1]]


def rmdir(tree: Tree, path: Path) -> None:
    """Remove an empty directory."""
    node = _at(tree, path)
    if not isinstance(node, dict):
        raise Expected(errno.ENOTDIR)
    if node:
        raise Expected(errno.ENOTEMPTY)
    del _parent(tree, path)[path[-1]]


def link(tree: Tree, source: Path, path: Path) -> None:
    """Give a file another name."""
    node = _at(tree, source)
    parent = _parent(tree, path)
    if isinstance(node, dict):
        raise Expected(errno.EISDIR, errno.EPERM, errno.EEXIST)
    if path[-1] in parent:
        raise Expected(errno.EEXIST)
    parent[path[-1]] = node


def rename(tree: Tree, source: Path, path: Path) -> None:
    """Move, replacing what may be replaced."""
    from_parent = _parent(tree, source)
    to_parent = _parent(tree, path)
    if source[-1] not in from_parent:
        raise Expected(errno.ENOENT)
    node = from_parent[source[-1]]
    victim = to_parent.get(path[-1])
    if isinstance(node, dict) and path[: len(source)] == source and path != source:
        raise Expected(errno.EINVAL)
    if victim is node:
        return
    if victim is not None:
        if isinstance(victim, dict) != isinstance(node, dict):
            raise Expected(errno.EEXIST, errno.EISDIR, errno.ENOTDIR)
        if isinstance(victim, dict) and victim:
            raise Expected(errno.ENOTEMPTY, errno.EEXIST)
    del from_parent[source[-1]]
    to_parent[path[-1]] = node


def differences(model: Tree, actual: Tree, above: Path = ()) -> list[str]:
    """In what the tree of a server, read into a :data:`Tree`, is not as it should be."""
    found: list[str] = []
    for name in model.keys() | actual.keys():
        where = "/".join((*(part[:20] for part in above), name[:20]))
        if name not in actual:
            found.append(f"{where} is missing")
        elif name not in model:
            found.append(f"{where} should not be there")
        else:
            found += _compare(model[name], actual[name], (*above, name), where)
    return sorted(found)


def _compare(wanted: Any, got: Any, path: Path, where: str) -> list[str]:
    if type(wanted) is not type(got):
        return [f"{where} is a {type(got).__name__} and should be a {type(wanted).__name__}"]
    if isinstance(wanted, dict):
        return differences(wanted, got, path)
    if isinstance(wanted, Link):
        return [] if wanted.target == got.target else [f"{where} leads elsewhere"]
    if plausible(got.data, wanted.data, *wanted.maybe):
        return []
    return [f"{where}: {mismatch(got.data, wanted.data)}"]


def plausible(got: bytes, wanted: bytes, *others: bytes) -> bool:
    """Whether ``got`` is ``wanted``, or, if there are others, made of octets of any of them.

    A file that was being written when its server or its client was lost may have any mixture
    of old and new octets, zeros where one of them has none, and any size between.
    """
    if got == wanted or not others:
        return got == wanted
    candidates = (wanted, *others)
    if not min(map(len, candidates)) <= len(got) <= max(map(len, candidates)):
        return False
    padded = [data.ljust(len(got), b"\0") for data in candidates]
    return all(octet in column for octet, *column in zip(got, *padded, strict=False))


def mismatch(got: bytes, wanted: bytes) -> str:
    """Where two contents begin to differ."""
    same = next(
        (at for at, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b),
        min(len(got), len(wanted)),
    )
    return f"{len(got)} octets instead of {len(wanted)}, different from {same} on"
