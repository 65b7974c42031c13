"""``python -m nfsrdma.client.api.emit``: make ``blocking`` of ``aio``; ``--check`` only compares.

The two faces have the same methods with the same signatures and docstrings. So they are written
once, as coroutines, and the blocking ones are what is left when ``async`` and ``await`` are taken
out and names are exchanged. A phrase of :data:`PHRASES` that the source no longer has is an error.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("aio.py")
EMITTED: Final = Path(__file__).with_name("blocking.py")
LINE_LENGTH: Final = 100

HEAD: Final = '''"""The blocking face: ``mount()``, mounts, and open files that are Python files.

Emitted from ``aio.py`` by ``emit.py`` (``make emit``): change it there. An operation is the
coroutine of the same name of :class:`~..filesystem.FileSystem`, run on the caller's thread. Any
number of threads may use one mount.
"""
'''

# What is exchanged as it stands, in this order, before the words are.
PHRASES: Final = (
    (
        "import AsyncGenerator, AsyncIterator, Callable, Coroutine\n",
        "import Callable, Coroutine, Generator, Iterator\n",
    ),
    ("import LoopMount, Mounting, begin, lent\n", "import ThreadMount, begin, lent\n"),
    ("Mounting[AsyncMount]", "Mount"),
    ("AsyncGenerator[DirEntry, None]", "Generator[DirEntry, None, None]"),
    ("class AsyncFile:", "class NfsFile(io.RawIOBase):"),
    (
        "    A mount belongs to the event loop that made it.\n",
        "    Any number of threads may use a mount. It is pickled as its URL and its options: to\n"
        "    unpickle it mounts again, as the user of that process unless the options name one.\n",
    ),
    (
        "    Any number of reads and writes at given offsets may be under way at a time; the caller"
        " keeps\n    those that move the position in order.\n",
        "    For small pieces wrap it in ``io.BufferedReader`` or ``io.BufferedWriter``, and one of"
        " those\n    in ``io.TextIOWrapper`` for text.\n",
    ),
    ("an asynchronous context", "a context"),
    ("an asynchronous iterator", "an iterator"),
    (
        "            for entry in page:\n                yield entry\n",
        "            yield from page\n",
    ),
)

WORDS: Final = {
    "AsyncFile": "NfsFile",
    "AsyncIterator": "Iterator",
    "AsyncMount": "Mount",
    "AsyncScan": "Scan",
    "LoopMount": "ThreadMount",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "aclose": "close",
    "anext": "next",
    "on_loop": "on_thread",
}

_HEAD = re.compile(r'\A""".*?"""\n', re.DOTALL)
_AWAITED = re.compile(r"\(await ([\w.]+\(\))\)")
_WORD = re.compile(r"\b(?:async |await |" + "|".join(WORDS) + r"\b)")
_BROKEN = re.compile(r"^( *def \w+\()\n +([^\n]+)\n *(\)[^\n]*:)$", re.MULTILINE)
"""A definition over three lines, which may fit in one now."""
_LEFT = re.compile(r"\b(?:async|await|asynchronous|asyncio|Async\w+|Loop\w+|\w*loop)\b")
"""Words that the blocking face has no use for."""


class EmitError(Exception):
    """The source is not what the tables here expect."""


def blocking(source: str) -> str:
    """Return the blocking face of ``source``. Raises :class:`EmitError`."""
    text = _HEAD.sub(lambda _: HEAD, source, count=1)
    for phrase, other in PHRASES:
        if phrase not in text:
            raise EmitError(f"{SOURCE.name} does not have {phrase!r}")
        text = text.replace(phrase, other)
    text = _AWAITED.sub(r"\1", text)
    text = _WORD.sub(lambda found: WORDS.get(found[0], ""), text)
    text = _BROKEN.sub(_joined, text)
    left = _LEFT.search(text)
    if left:
        raise EmitError(f"{left[0]!r} is left in {EMITTED.name}")
    return text


def _joined(found: re.Match[str]) -> str:
    line = "".join(found.groups())
    return line if len(line) <= LINE_LENGTH else found[0]


def main(arguments: list[str]) -> int:
    """Write the blocking face if it is stale; the exit status says whether all is well."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m nfsrdma.client.api.emit [--check]", file=sys.stderr)
        return 2
    text = blocking(SOURCE.read_text(encoding="utf-8"))
    if EMITTED.read_text(encoding="utf-8") == text:
        return 0
    if not arguments:
        EMITTED.write_text(text, encoding="utf-8")
    print(f"{'stale' if arguments else 'wrote'} {EMITTED}")
    return int(bool(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
