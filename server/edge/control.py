"""The local control socket of a server: its administrator asks, and the server answers in JSON.

A Unix socket, for root and the server's own user alone: by its access bits, and by what the kernel
says of each caller (SO_PEERCRED, unix(7)). A caller sends one line, ``{"ask": "status"}``, or with
what it is about, ``{"ask": "evict", "of": "10.0.0.7"}``, and gets one line:
``{"format": 1, "status": {...}}``, or ``{"error": "..."}``; then the connection ends.
Few callers at a time, for a few seconds each, with short questions.

A socket is made under another name, and takes its own when it listens already. So one that refuses
connections is what a server left behind that was killed, and it is replaced.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import secrets
import socket
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nfsrdma.rpcrdma.io.callers import MOST_CALLERS, PATIENCE_S, Callers, Passing, is_ours
from nfsrdma.rpcrdma.task import Reactor

from ..administration import NotDone

FORMAT: Final = 1
"""Of the answers. It grows when a field changes its meaning; new fields may come at any time."""
SUFFIX: Final = ".sock"
_SYSTEM: Final = Path("/run/nfsrdma/control")
_MAX_ANSWER: Final = 64 << 20
_LEFTOVERS: Final = 256
"""How many sockets in the directory are looked at, at most, for their servers."""

_log = logging.getLogger(__name__)

Answers = Mapping[str, Callable[[str], object]]
"""What can be asked, and what gives the answer: anything that JSON can say.

It is given what the question is about. It raises ``NotDone``, whose text the caller gets. A
:class:`HandOver` is an answer with sockets, and keeps the caller.
"""


@dataclass(frozen=True, slots=True)
class HandOver:
    """What is said and passed to a caller who stays; ``stays`` gets the connection to him."""

    said: object
    sockets: Sequence[socket.socket]
    stays: Callable[[socket.socket], None]


class ControlError(Exception):
    """The server could not be asked, or refused to answer; the text says why."""


def control_directory() -> Path | None:
    """Return where this user's servers have their sockets; None if there is no such place."""
    if os.geteuid() == 0:
        return _SYSTEM
    base = os.environ.get("XDG_RUNTIME_DIR", "") or f"/run/user/{os.geteuid()}"
    path = Path(base)
    return path / "nfsrdma" if path.is_absolute() and path.is_dir() else None


def new_place(directory: Path) -> Path:
    """Return a name in the directory for the socket of this process.

    The directory is made if it is missing, and sockets that were left behind there are removed.
    Raises ``OSError``, also if others may write to the directory.
    """
    directory.mkdir(0o700, parents=True, exist_ok=True)
    status = directory.stat()
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o022:
        raise OSError(errno.EPERM, "it is not this user's alone", str(directory))
    for path in sockets_in(directory):
        if _is_left_behind(path):
            with suppress(OSError):
                path.unlink()
    return directory / f"{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"


def sockets_in(directory: Path) -> list[Path]:
    """Return the control sockets in a directory, or those of them that come first."""
    with suppress(OSError):
        return sorted(directory.glob(f"*{SUFFIX}"))[:_LEFTOVERS]
    return []


def _is_left_behind(path: Path) -> bool:
    """Return whether it is a socket that nobody listens at. Raises ``OSError`` if none can say."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            probe.setblocking(False)
            probe.connect(str(path))
    except ConnectionRefusedError:
        return True
    except (FileNotFoundError, BlockingIOError):
        return False
    return False


class ControlSocket:
    """Listens at ``path`` and gives ``answers``, on the reactor's thread.

    Raises ``OSError``: ``EADDRINUSE`` if another server listens there, ``EEXIST`` if it is no
    socket.
    """

    def __init__(self, reactor: Reactor, path: Path, answers: Answers) -> None:
        self.path = path
        self._answers = answers
        self._sock = socket.socket(socket.AF_UNIX)
        try:
            self._inode = self._bind()
        except BaseException:
            self._sock.close()
            raise
        self._callers = Callers(reactor, self._sock, b"\n", self._answer, is_ours)

    def _bind(self) -> tuple[int, int]:
        """Make the socket, and give it its name; return what tells it from others there."""
        path = self.path
        if os.path.lexists(path) and not _is_left_behind(path):
            taken = stat.S_ISSOCK(path.lstat().st_mode)
            code = errno.EADDRINUSE if taken else errno.EEXIST
            raise OSError(code, os.strerror(code), str(path))
        hidden = path.with_name(f".{secrets.token_hex(4)}")
        try:
            self._sock.bind(str(hidden))
        except OSError as error:
            # A name that is too long for a socket has no number.
            raise OSError(error.errno or errno.ENAMETOOLONG, str(error), str(path)) from None
        try:
            os.chmod(hidden, 0o600)
            self._sock.listen(MOST_CALLERS)
            status = hidden.lstat()
            hidden.replace(path)
        except BaseException:
            with suppress(OSError):
                hidden.unlink()
            raise
        return status.st_dev, status.st_ino

    def _answer(self, question: bytes) -> bytes | Passing:
        try:
            asked = json.loads(question)
            name, about = asked["ask"], str(asked.get("of", ""))
            ask_for = self._answers[name]
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            known = ", ".join(self._answers)
            return _line(error=f'ask by {{"ask": NAME}}; there is: {known}')
        try:
            answer = ask_for(about)
            if isinstance(answer, HandOver):
                return Passing(_line(**{name: answer.said}), answer.sockets, answer.stays)
            return _line(**{name: answer})
        except NotDone as refused:
            return _line(error=str(refused))
        except Exception:
            # Nobody's files are to suffer from a fault in what only looks at them.
            _log.exception("what was asked at the control socket could not be answered")
            return _line(error="the server failed to answer: its log says how")

    def close(self) -> None:
        """Listen no more, end what is under way, and remove the socket if it is still ours."""
        if self._sock.fileno() < 0:
            return
        self._callers.close()
        with suppress(OSError):
            status = self.path.lstat()
            if (status.st_dev, status.st_ino) == self._inode:
                self.path.unlink()


def _line(**said: Any) -> bytes:
    return json.dumps({"format": FORMAT, **said}).encode() + b"\n"


def ask(path: Path, what: str, about: str = "") -> dict[str, Any]:
    """Ask the server behind a socket, and return its answer. It may take seconds.

    Raises ``OSError`` if it cannot be reached, and :class:`ControlError`.
    """
    answer = bytearray()
    end = time.monotonic() + 2 * PATIENCE_S
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(str(path))
        # Whom it does not answer it may have left by now.
        with suppress(ConnectionError):
            sock.sendall(question(what, about))
            while more := sock.recv(1 << 16):
                answer += more
                if len(answer) > _MAX_ANSWER or time.monotonic() > end:
                    raise ControlError("the answer does not end")
    return understood(bytes(answer), what)


def question(what: str, about: str = "") -> bytes:
    """Return the line that asks."""
    return json.dumps({"ask": what, "of": about}).encode() + b"\n"


def understood(answer: bytes, what: str) -> dict[str, Any]:
    """Return what an answer says. Raises :class:`ControlError`."""
    if not answer:
        raise ControlError(
            "the server did not answer: it answers root and its own user, a few at a time"
        )
    try:
        said = json.loads(answer)
        if "error" in said:
            raise ControlError(str(said["error"]))
        if said["format"] != FORMAT:
            raise ControlError(f"the server's answer has format {said['format']}, not {FORMAT}")
        return dict(said[what])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ControlError("the answer makes no sense: is it a control socket?") from None
