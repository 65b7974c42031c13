"""From a URL to the back end, and what is not exported this way."""

from __future__ import annotations

import errno
from typing import Any, Final

from .filesystem import FsspecFileSystem

_LOCAL: Final = frozenset({"file", "local"})
_ELSEWHERE: Final = frozenset({"reference"})


class UrlRefused(ValueError):
    """A URL that cannot be exported; the text says why, and what to do."""


def open_url(url: str) -> FsspecFileSystem:
    """Open what an fsspec URL names, such as ``s3://bucket/prefix`` or ``zip://::/srv/a.zip``.

    Raises :class:`UrlRefused`, and ``OSError`` if it cannot be read.
    """
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UrlRefused("URLs need fsspec: pip install 'nfsrdma[fsspec]'") from None
    try:
        fs, root = url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)
        _check(fs)
        return FsspecFileSystem(fs, _top(fs, root), url)
    except (OSError, UrlRefused):
        raise
    except ImportError as error:
        raise UrlRefused(f"this URL needs a package that is not installed: {error}") from None
    except Exception as error:
        # What is wrong with a URL or an archive each file system says in its own way.
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}") from error


def _top(fs: Any, root: str) -> str:
    """Return where the tree begins: in ``.`` if that is all that there is.

    So it is in an archive that was made by ``tar -C DIR .``.
    """
    if root.strip("/"):
        return root
    told = fs.ls(root, detail=True)
    alone = [each.get("name") for each in told[:2]] == ["."]
    return "." if alone and told[0].get("type") == "directory" else root


def _check(fs: Any) -> None:
    """Refuse what would lead out of the export, or serve files with rights that callers lack.

    fsspec opens local files with the server's rights, and follows links wherever they lead; so do
    wrappers around it (``dir``, ``simplecache``). What a reference file names may be anywhere.
    """
    below: Any = fs
    for _ in range(8):
        if below is None:
            return
        protocols = {below.protocol} if isinstance(below.protocol, str) else set(below.protocol)
        if protocols & _LOCAL:
            raise UrlRefused("a directory of this machine is exported by its path, not by a URL")
        if protocols & _ELSEWHERE:
            raise UrlRefused("what a reference file names may be anywhere: it cannot be exported")
        below = getattr(below, "fs", None) or getattr(below, "sync_fs", None)
    raise UrlRefused("too many file systems inside one another")
