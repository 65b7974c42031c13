"""Copying trees in and out: many files in flight, each of them whole or not there.

A file is written under a random name of its own next to its destination (``temporary``), made
exclusively and through no link, and takes its proper name once it is complete. So what has its
proper name is whole, whoever else copies the same at the same time: the last one wins. A copy that
was interrupted can simply be started again; with ``resume`` it leaves alone what has the size and
the modification time of its source already: times are preserved, so a finished file does.

What is replaced is replaced as by ``rsync`` without ``--inplace``: another file has the name then,
with the source's mode and the copier's ownership; other hard links keep the old contents, and a
link in the way is replaced, not followed. Directories and special files are not replaced.

Both sides are walked directory by directory, by handles and descriptors, so that no path gets too
long and nothing that is put in a directory's place leads out of the tree. A file that cannot be
copied is told, and the rest goes on.

Small files go in one call each: a READ, or an OPEN, WRITE, SETATTR, CLOSE and RENAME, are one
compound. Large files are split over the session's slots, and their holes stay holes.
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
