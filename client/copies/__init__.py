"""Copying trees in and out: many files in flight, each either complete or absent.

A file is written next to its destination under a random name (``temporary``), created exclusively
and through no link, and renamed once it is complete. So whatever has its final name is complete,
even if several copies run at the same time: the last one wins. A copy that was interrupted can
simply be started again. With ``resume`` it skips files that have the size and the modification time
of their source already: times are preserved, so finished files do.

Files are replaced as by ``rsync`` without ``--inplace``: a new file gets the name, with the
source's mode and the copier's ownership. Other hard links keep the old contents, and a symbolic
link is replaced, not followed. Directories and special files are not replaced.

Both sides are walked directory by directory, by handles and descriptors, so that no path gets too
long, and nothing that replaces a directory meanwhile leads out of the tree. If a file cannot be
copied, its error is reported, and the rest goes on.

A small file takes one call: a READ, or a compound of OPEN, WRITE, SETATTR, CLOSE and RENAME. Large
files are spread over the session's slots, and their holes stay holes.
"""

from __future__ import annotations

from .local import LocalDirectory, LocalEntry, LocalFile, LocalTree, NewFile
from .progress import Progress, Report, TransferOptions
from .transfer import Transfer

__all__ = [
    "LocalDirectory",
    "LocalEntry",
    "LocalFile",
    "LocalTree",
    "NewFile",
    "Progress",
    "Report",
    "Transfer",
    "TransferOptions",
]
