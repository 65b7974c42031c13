"""Errors: always an ``OSError``, of the built-in class where there is one."""

from __future__ import annotations

import errno

import pytest

from nfsrdma.client.errors import (
    NfsConnectionError,
    NfsError,
    ProtocolError,
    UncertainOutcomeError,
    auth_error,
    make_error,
    status_error,
    unreachable,
)
from nfsrdma.rpcrdma.rpc.channel import TransportError
from nfsrdma.rpcrdma.rpc.message import AuthError
from nfsrdma.xdr.nfs4 import types as t


@pytest.mark.parametrize(
    ("status", "kind", "number"),
    [
        (t.NFS4ERR_NOENT, FileNotFoundError, errno.ENOENT),
        (t.NFS4ERR_EXIST, FileExistsError, errno.EEXIST),
        (t.NFS4ERR_ACCESS, PermissionError, errno.EACCES),
        (t.NFS4ERR_PERM, PermissionError, errno.EPERM),
        (t.NFS4ERR_ISDIR, IsADirectoryError, errno.EISDIR),
        (t.NFS4ERR_NOTDIR, NotADirectoryError, errno.ENOTDIR),
        (t.NFS4ERR_NOTEMPTY, OSError, errno.ENOTEMPTY),
        (t.NFS4ERR_STALE, OSError, errno.ESTALE),
        (123456, OSError, errno.EIO),
    ],
)
def test_a_status_is_the_built_in_error(status: int, kind: type[OSError], number: int) -> None:
    with pytest.raises(kind) as caught:
        raise status_error(status, path="some/path")
    error = caught.value
    assert isinstance(error, NfsError)
    assert (error.errno, error.status, error.filename) == (number, status, "some/path")
    assert "some/path" in str(error)
    assert error.strerror


def test_errors_can_be_raised_again_elsewhere() -> None:
    error = status_error(t.NFS4ERR_NOENT, path="x")
    again = error.again()
    assert again is not error
    assert (type(again), again.args, again.status) == (type(error), error.args, error.status)
    for other in (ProtocolError("odd"), UncertainOutcomeError("lost")):
        assert (other.again().args, other.again().errno) == (other.args, other.errno)


def test_numbers() -> None:
    assert ProtocolError("odd").errno == errno.EPROTO
    assert UncertainOutcomeError("lost").errno == errno.EIO
    assert make_error(errno.ENOSPC, "full").filename is None
    assert isinstance(auth_error(AuthError(1)), PermissionError)


@pytest.mark.parametrize(
    ("cause", "kind", "text"),
    [
        ("closed", ConnectionError, "closed"),
        (TransportError("gone"), ConnectionError, "gone"),
        (ConnectionRefusedError(111, "refused"), ConnectionRefusedError, "refused"),
        (TimeoutError("late"), TimeoutError, "late"),
        (TimeoutError(110, "late"), TimeoutError, "late"),
        (OSError(errno.EHOSTUNREACH, "no route"), ConnectionError, "no route"),
        (OSError(-2, "Name or service not known"), NfsConnectionError, "not known"),
        (OSError(), NfsConnectionError, "OSError"),
    ],
)
def test_whatever_hides_a_server(
    cause: BaseException | str, kind: type[OSError], text: str
) -> None:
    error = unreachable(cause)
    assert isinstance(error, kind)
    assert isinstance(error, NfsError)
    assert text in str(error)
