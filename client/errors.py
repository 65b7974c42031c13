"""The errors of the client: every one is an ``OSError``, as Python programs expect.

The error for an NFS status has the ``errno`` that a local file system would have set, and is an
instance of the built-in class for that number: ``except FileNotFoundError`` works. The NFS status
itself is :attr:`NfsError.status`.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from nfsrdma.rpcrdma.rpc.message import AuthError
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.nfs4.errors import errno_of, explain, name_of
from nfsrdma.xdr.rpc import AUTH_TOOWEAK

Where = Callable[[], object]
"""Names the file that an error is about. It is called only if there is an error."""


def nowhere() -> None:
    """Name no file."""


class StatusError(Exception):
    """The failure of a compound: the status, and the operation that returned it.

    It stays inside the client; :func:`status_error` makes an :class:`NfsError` of it.
    """

    def __init__(self, status: int, operation: int, index: int) -> None:
        super().__init__(status)
        self.status = status
        self.operation = operation
        self.index = index

    def __str__(self) -> str:
        return f"operation {self.operation} failed with {name_of(self.status)}"


class LockDeniedError(StatusError):
    """The failure of LOCK or LOCKT because of another lock, which ``denied`` describes."""

    def __init__(self, operation: int, index: int, denied: t.LOCK4denied) -> None:
        super().__init__(t.NFS4ERR_DENIED, operation, index)
        self.denied = denied


class NfsError(OSError):
    """The base of all errors about a server: an ``OSError``, with its fields."""

    side = "server"
    """The side that the error is about; :class:`LocalError` has the other one."""
    status: int | None = None
    """The ``nfsstat4``, or None if the error has another source."""

    def again(self) -> NfsError:
        """Return an equal error, to be raised in another place."""
        copy = type(self)(*self.args)
        copy.status = self.status
        return copy


class LocalError(OSError):
    """An error of this machine in a copy or a capture, which no server caused.

    Like an :class:`NfsError` it is an instance of the built-in class for its ``errno``.
    """

    side = "local disk"


class LocalFileNotFoundError(LocalError, FileNotFoundError):
    """ENOENT."""


class LocalFileExistsError(LocalError, FileExistsError):
    """EEXIST."""


class LocalPermissionError(LocalError, PermissionError):
    """EACCES or EPERM."""


class LocalIsADirectoryError(LocalError, IsADirectoryError):
    """EISDIR."""


class LocalNotADirectoryError(LocalError, NotADirectoryError):
    """ENOTDIR."""


_LOCAL: Final[dict[int, type[LocalError]]] = {
    errno.ENOENT: LocalFileNotFoundError,
    errno.EEXIST: LocalFileExistsError,
    errno.EACCES: LocalPermissionError,
    errno.EPERM: LocalPermissionError,
    errno.EISDIR: LocalIsADirectoryError,
    errno.ENOTDIR: LocalNotADirectoryError,
}


def local_error(number: int, message: str, path: object) -> LocalError:
    """Return the error for an ``errno`` of this machine, about ``path``."""
    return _LOCAL.get(number, LocalError)(number, message, path)


class NfsFileNotFoundError(NfsError, FileNotFoundError):
    """NFS4ERR_NOENT."""


class NfsFileExistsError(NfsError, FileExistsError):
    """NFS4ERR_EXIST; some servers return it for NFS4ERR_NOTEMPTY too."""


class NfsPermissionError(NfsError, PermissionError):
    """NFS4ERR_ACCESS, NFS4ERR_PERM, or credentials that the server rejects."""


class NfsIsADirectoryError(NfsError, IsADirectoryError):
    """NFS4ERR_ISDIR."""


class NfsNotADirectoryError(NfsError, NotADirectoryError):
    """NFS4ERR_NOTDIR."""


class NfsConnectionError(NfsError, ConnectionError):
    """The server cannot be reached."""


class NfsConnectionRefusedError(NfsConnectionError, ConnectionRefusedError):
    """No server listens at the address."""


class NfsTimeoutError(NfsError, TimeoutError):
    """The server did not answer in time."""


class NfsBlockingError(NfsError, BlockingIOError):
    """NFS4ERR_DENIED, or a status that asks for another attempt later."""


class ProtocolError(NfsError):
    """The server broke the rules of the protocol."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(args if len(args) > 1 else (errno.EPROTO, *args)))


class UncertainOutcomeError(NfsError):
    """A call that must not be executed twice was lost: the server may have executed it or not."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(args if len(args) > 1 else (errno.EIO, *args)))


class ForkedMountError(NfsError):
    """The mount belongs to the process that this one was forked from."""


_CLASSES: Final[dict[int, type[NfsError]]] = {
    errno.EAGAIN: NfsBlockingError,
    errno.ENOENT: NfsFileNotFoundError,
    errno.EEXIST: NfsFileExistsError,
    errno.EACCES: NfsPermissionError,
    errno.EPERM: NfsPermissionError,
    errno.EISDIR: NfsIsADirectoryError,
    errno.ENOTDIR: NfsNotADirectoryError,
    errno.ECONNREFUSED: NfsConnectionRefusedError,
    errno.ECONNRESET: NfsConnectionError,
    errno.ECONNABORTED: NfsConnectionError,
    errno.EPIPE: NfsConnectionError,
    errno.EHOSTUNREACH: NfsConnectionError,
    errno.ENETUNREACH: NfsConnectionError,
    errno.ETIMEDOUT: NfsTimeoutError,
}


def ends_everything(error: OSError) -> bool:
    """Return whether no other call can succeed either: the server or the mount is out of reach."""
    return isinstance(error, (NfsConnectionError, NfsTimeoutError, ForkedMountError))


def name_file(error: OSError, where: Where) -> None:
    """Let an error that names no file name ``where()``.

    Errors that end everything are about no single file.
    """
    if error.filename is None and error.errno is not None and not ends_everything(error):
        error.filename = where()


def make_error(number: int, message: str, path: object = None) -> NfsError:
    """Return the error for an ``errno``, about ``path`` if that is given."""
    kind = _CLASSES.get(number, NfsError)
    return kind(number, message) if path is None else kind(number, message, path)


def status_error(status: int, message: str = "", path: object = None) -> NfsError:
    """Return the error for an ``nfsstat4``, about ``path`` if that is given."""
    number = errno_of(status)
    if not message:
        message = explain(status)
        if number not in _CLASSES:
            message = f"{message} ({name_of(status)})"
    error = make_error(number, message, path)
    error.status = status
    return error


def auth_error(error: AuthError) -> NfsError:
    """Return the error for credentials that the server rejects."""
    if error.stat != AUTH_TOOWEAK:
        return make_error(errno.EACCES, f"the server refuses the credentials: {error}")
    # RFC 5531, Section 9: "rejected for security reasons", whichever they are.
    return make_error(
        errno.EACCES,
        "the server refuses the credentials: it does not serve this user or this host, or does not "
        "believe who calls (its log says which)",
    )


def forked(pid: int) -> ForkedMountError:
    """Return the error for using a mount of process ``pid`` in a child of that process."""
    text = f"this mount belongs to another process (pid {pid}): mount again in this one"
    return ForkedMountError(errno.ENOTCONN, text)


def unreachable(cause: BaseException | str) -> NfsError:
    """Return the error for a server that cannot be reached because of ``cause``."""
    if isinstance(cause, str):
        return make_error(errno.ECONNRESET, cause)
    number = cause.errno if isinstance(cause, OSError) else None
    text = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
    if isinstance(cause, TimeoutError):
        number = errno.ETIMEDOUT
    if number not in _CLASSES or number in (errno.ENOENT, errno.EACCES):
        return NfsConnectionError(number or errno.ECONNRESET, text or type(cause).__name__)
    return make_error(number, text or type(cause).__name__)
