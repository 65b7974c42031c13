"""``python -m nfsrdma.client.api.emit``: make the blocking face; ``--check`` only compares.

The two faces have the same methods with the same signatures and docstrings. So they are written
once, as coroutines, and the blocking ones are what is left when ``async`` and ``await`` are taken
out and names are exchanged. A phrase of :data:`PHRASES` that the source no longer has is an error.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
EMITTED: Final = {
    "aio_paths": "blocking_paths",
    "aio_file": "blocking_file",
    "aio": "blocking",
}
"""The modules of the blocking face by their sources."""
LINE_LENGTH: Final = 100

HEADS: Final = {
    "aio": '''"""The blocking face: ``mount()``, and mounts.

Emitted from ``aio.py`` by ``emit.py`` (``make emit``): change it there. An operation is the
coroutine of the same name of :class:`~..filesystem.FileSystem`, run on the caller's thread. Any
number of threads may use one mount.
"""
''',
    "aio_paths": '''"""The blocking face of operations by path; files and trees are in ``blocking``.

Emitted from ``aio_paths.py`` by ``emit.py`` (``make emit``): change it there.
"""
''',
    "aio_file": '''"""The blocking face of an open file, which is a file of Python.

Emitted from ``aio_file.py`` by ``emit.py`` (``make emit``): change it there.
"""
''',
}

_OPENS: Final = """\
    @overload
    def open(
        self,
        path: StrOrBytesPath,
        mode: OpenBinaryMode = "rb",
        buffering: Literal[-1, 0] = -1,
        encoding: None = None,
        errors: None = None,
        newline: None = None,
        *,
        permissions: int = 0o644,
    ) -> NfsFile: ...
    @overload
    def open(
        self,
        path: StrOrBytesPath,
        mode: OpenTextMode,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        permissions: int = 0o644,
    ) -> io.TextIOWrapper: ...
    @overload
    def open(
        self,
        path: StrOrBytesPath,
        mode: OpenBinaryMode,
        buffering: int,
        encoding: None = None,
        errors: None = None,
        newline: None = None,
        *,
        permissions: int = 0o644,
    ) -> NfsFile | io.BufferedIOBase: ...
    @overload
    def open(
        self,
        path: StrOrBytesPath,
        mode: str,
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        permissions: int = 0o644,
    ) -> Opened: ...
"""
"""What type checkers are told of the kinds of files that ``open()`` returns, as of Python's own."""

_MOUNT: Final = (
    ("import Mounting, begin, lent, planned\n", "import begin, lent, planned\n"),
    ("from __future__ import annotations\n\n", "from __future__ import annotations\n\nimport io\n"),
    ("TYPE_CHECKING, Self, TypeVar\n", "TYPE_CHECKING, Literal, Self, TypeVar, overload\n"),
    (
        "if TYPE_CHECKING:\n",
        "if TYPE_CHECKING:\n    from _typeshed import OpenBinaryMode, OpenTextMode\n",
    ),
    (
        "Opened = AsyncFile\n",
        "Opened = AsyncFile | io.RawIOBase | io.BufferedIOBase | io.TextIOWrapper\n",
    ),
    ("    async def open(\n", _OPENS + "    async def open(\n"),
    (
        """Open a file: unbuffered, of octets. ``permissions`` are those of a file that this makes.

        ``mode`` is of the letters of Python's ``open()``, with a ``b``: there is neither text nor a
        buffer on an event loop, and what asks for one is a ``ValueError``.
""",
        """Open a file as Python's ``open()`` does, but of octets unless ``mode`` says otherwise.

        With ``b`` the file is one of octets, unbuffered: an :class:`NfsFile`; ``buffering`` above 1
        puts a buffer of so many octets on it, and 1 one of the usual size. Without, it is one of
        text, always buffered, and the other arguments mean what they do there. ``permissions`` are
        those of a file that this makes.

        Close it, best by ``with``: what a buffer holds is lost with a file that is collected in a
        cycle, as it is with Python's own.
""",
    ),
    (
        "return AsyncFile(self, file, plan.letters, plan.octets)",
        "return plan.over(AsyncFile(self, file, plan.letters, plan.octets))",
    ),
    ("Mounting[AsyncMount]", "Mount"),
    (
        "    A mount belongs to the event loop that made it.\n",
        "    Any number of threads may use a mount. It is pickled as its URL and its options: to\n"
        "    unpickle it mounts again, as the user of that process unless the options name one.\n",
    ),
    ("an asynchronous context", "a context"),
)
_PATHS: Final = (
    (
        "import AsyncGenerator, AsyncIterator, Iterable\n",
        "import Generator, Iterable, Iterator\n",
    ),
    ("AsyncGenerator[DirEntry, None]", "Generator[DirEntry, None, None]"),
    ("an asynchronous context", "a context"),
    ("an asynchronous iterator", "an iterator"),
    ("[path async for path in found]", "list(found)"),
    ("[entry async for entry in self._scan(where)]", "list(self._scan(where))"),
    (
        "            for entry in page:\n                yield entry\n",
        "            yield from page\n",
    ),
)
_FILE: Final = (
    ("class AsyncFile:", "class NfsFile(io.RawIOBase):"),
    (
        "    Any number of reads and writes at given offsets may be under way at a time; the caller"
        " keeps\n    those that move the position in order.\n",
        "    For small pieces wrap it in ``io.BufferedReader`` or ``io.BufferedWriter``, and one of"
        " those\n    in ``io.TextIOWrapper`` for text, as ``open()`` of the mount does.\n",
    ),
)
PHRASES: Final = {"aio": _MOUNT, "aio_paths": _PATHS, "aio_file": _FILE}
"""What is exchanged in each source as it stands, in this order, before the words are."""

WORDS: Final = {
    "AsyncFile": "NfsFile",
    "AsyncIterator": "Iterator",
    "AsyncMount": "Mount",
    "AsyncPaths": "Paths",
    "AsyncScan": "Scan",
    "LoopMount": "ThreadMount",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "aio_file": "blocking_file",
    "aio_paths": "blocking_paths",
    "anext": "next",
    "on_loop": "on_thread",
}

_HEAD = re.compile(r'\A""".*?"""\n', re.DOTALL)
_AWAITED = re.compile(r"\(await ([\w.]+\(\))\)")
_WORD = re.compile(r"\b(?:async |await |" + "|".join(WORDS) + r"\b)")
_BROKEN = re.compile(r"^( *def \w+\()\n +([^\n]+)\n *(\)[^\n]*:(?: \.\.\.)?)$", re.MULTILINE)
"""A definition over three lines, which may fit in one now."""
_LEFT = re.compile(r"\b(?:async|await|asynchronous|asyncio|Async\w+|Loop\w+|\w*loop)\b")
"""Words that the blocking face has no use for."""


class EmitError(Exception):
    """The source is not what the tables here expect."""


def source_text(source: str) -> str:
    """Return the text of a source, by its name."""
    return (HERE / f"{source}.py").read_text(encoding="utf-8")


def blocking(source: str, text: str) -> str:
    """Return the blocking face of a source, of which ``text`` is the text.

    Raises :class:`EmitError`.
    """
    head = HEADS[source]
    text = _HEAD.sub("", text, count=1)
    for phrase, other in PHRASES[source]:
        if phrase not in text:
            raise EmitError(f"{source}.py does not have {phrase!r}")
        text = text.replace(phrase, other)
    text = _AWAITED.sub(r"\1", text)
    text = _WORD.sub(lambda found: WORDS.get(found[0], ""), text)
    text = _BROKEN.sub(_joined, text)
    left = _LEFT.search(text)
    if left:
        raise EmitError(f"{left[0]!r} is left in {EMITTED[source]}.py")
    return head + text


def _joined(found: re.Match[str]) -> str:
    line = "".join(found.groups())
    return line if len(line) <= LINE_LENGTH else found[0]


def main(arguments: list[str]) -> int:
    """Write the blocking face if it is stale; the exit status says whether all is well."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m nfsrdma.client.api.emit [--check]", file=sys.stderr)
        return 2
    stale = 0
    for source, name in EMITTED.items():
        text = blocking(source, source_text(source))
        emitted = HERE / f"{name}.py"
        if emitted.exists() and emitted.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if not arguments:
            emitted.write_text(text, encoding="utf-8")
        print(f"{'stale' if arguments else 'wrote'} {emitted}")
    return int(bool(arguments and stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
