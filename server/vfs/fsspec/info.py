"""What fsspec tells of an object, made into what NFS wants to know.

Each file system has keys of its own in the dictionaries that ``info`` and ``ls`` return; only
``name``, ``size`` and ``type`` are common to all.
"""

from __future__ import annotations

import datetime
import email.utils
import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes

_TIMES: Final = (
    *("mtime", "LastModified", "last_modified", "Last-Modified", "updated", "modified"),
    *("date_time", "created"),
)
"""Where file systems tell when an object was modified, the best first."""
_VERSIONS: Final = (
    *("ETag", "etag", "Content-MD5", "Digest", "md5", "md5Hash", "checksum", "sha", "sha256"),
    *("generation", "version_id", "VersionId", "CRC", "chksum"),
)
"""What differs when an object is replaced, besides its size and time."""
_READABLE: Final = 0o444
_MAX_NAME: Final = 255
_MAX_ID: Final = 0xFFFFFFFE


@dataclass(frozen=True, slots=True)
class Info:
    """An object: ``where`` is its path in fsspec. ``size`` is None as long as nobody knows it.

    ``mode``, ``uid`` and ``gid`` are -1 where there is no such thing.
    """

    name: bytes
    where: str
    directory: bool
    size: int | None = 0
    mtime_ns: int = 0
    change: int = 0
    mode: int = -1
    uid: int = -1
    gid: int = -1


def read_info(told: Mapping[str, Any], parent: str, quoted: bool) -> Info | None:
    """Return an entry of ``parent``; None for what cannot be shown under a name of its own.

    That is a name that leads elsewhere, or that no file can have, and whatever is neither file nor
    directory. ``quoted`` says that names are parts of URLs, in which octets are written as ``%2E``.
    """
    where, kind = told.get("name"), told.get("type")
    if not isinstance(where, str) or kind not in ("file", "directory"):
        return None
    above, _, last = where.rstrip("/").rpartition("/")
    name = _name(last, quoted)
    if above.strip("/") != parent.strip("/") or name is None:
        return None
    return described(told, name, where, kind == "directory")


def described(told: Mapping[str, Any], name: bytes, where: str, directory: bool) -> Info:
    """Return what is told of an object whose name and place are known."""
    mode, uid, gid = (_number(told.get(key)) for key in ("mode", "uid", "gid"))
    if directory:
        return Info(name, where, True, mode=mode, uid=uid, gid=gid, mtime_ns=_mtime(told))
    size = _number(told.get("size"))
    mtime_ns = _mtime(told)
    digest = hashlib.blake2s(f"{size} {mtime_ns}".encode(), digest_size=8)
    for key in _VERSIONS:
        if told.get(key) is not None:
            digest.update(f"\0{key}={told[key]}".encode("utf-8", "backslashreplace"))
    change = int.from_bytes(digest.digest(), "big") >> 1
    return Info(name, where, False, size if size >= 0 else None, mtime_ns, change, mode, uid, gid)


def permissions(info: Info) -> int:
    """Return the permission bits of an object, which nobody may write.

    Where the file system keeps neither modes nor owners everybody may read: who that is, the rules
    of the export say.
    """
    if min(info.mode, info.uid, info.gid) < 0 or max(info.uid, info.gid) > _MAX_ID:
        return _READABLE | 0o111 if info.directory else _READABLE
    return stat.S_IMODE(info.mode) & 0o555


def owner(info: Info, default: tuple[int, int]) -> tuple[int, int]:
    """Return the user and group of an object."""
    if min(info.mode, info.uid, info.gid) < 0 or max(info.uid, info.gid) > _MAX_ID:
        return default
    return info.uid, info.gid


def _name(text: str, quoted: bool) -> bytes | None:
    """Return a name's octets, if they can be the name of a file."""
    if quoted and ("?" in text or "#" in text):
        return None
    try:
        name = unquote_to_bytes(text) if quoted else os.fsencode(text)
    except UnicodeEncodeError:
        return None
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name or len(name) > _MAX_NAME:
        return None
    return name


def _number(value: object) -> int:
    """Return a number from 0 to 2^63-1, or -1 for anything else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63:
        return value
    return -1


def _mtime(told: Mapping[str, Any]) -> int:
    """Return when an object was modified in nanoseconds, or 0 if nobody says."""
    for key in _TIMES:
        try:
            found = _seconds(told[key])
            if 0 < found < 1 << 33:
                return int(found * 1_000_000) * 1000
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
    return 0


def _seconds(value: Any) -> float:
    if isinstance(value, tuple):  # of a zip archive, which has no time zones
        year, month, day, hour, minute, second = value
        value = datetime.datetime(year, month, day, hour, minute, second)
    if isinstance(value, str):
        try:
            value = datetime.datetime.fromisoformat(value)
        except ValueError:
            value = email.utils.parsedate_to_datetime(value)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            value = value.replace(tzinfo=datetime.UTC)
        value = value.timestamp()
    return float(value)
