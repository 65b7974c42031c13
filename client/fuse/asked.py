"""A mount is asked how it is: the socket of its process, and who asks there.

It is named after the mount's device number, which the kernel tells of a mount without touching it,
so a mount that hangs can be asked. Root may ask, and who has mounted; whoever asks makes sure that
the answer is that user's.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from nfsrdma.rpcrdma.io.callers import MOST_CALLERS, PATIENCE_S, Callers, is_ours, peer_user
from nfsrdma.rpcrdma.task import Reactor

from .mounting import Ours

FORMAT: Final = 1
"""Of the answer. It grows when a field changes its meaning; new fields may come at any time."""
_ANSWER_MAX: Final = 4 << 20
_log = logging.getLogger(__name__)


class AskError(Exception):
    """A mount could not be asked; the text says why."""


def places(user: int, device: str) -> list[Path]:
    """Return where the socket of a user's mount may be, the best place first."""
    system = Path("/run/nfsrdma") if not user else Path(f"/run/user/{user}/nfsrdma")
    name = f"{device}.sock"
    return [system / "mounts" / name, Path(f"/tmp/nfsrdma-mounts-{user}") / name]


class Asked:
    """Gives ``answer()`` to whoever asks the mount with a device number, on the reactor's thread.

    Where there is no place for a socket, nobody can ask, and nothing else is the matter.
    """

    def __init__(self, reactor: Reactor, device: str, answer: Callable[[], dict[str, Any]]) -> None:
        self._answer = answer
        self._path: Path | None = None
        self._callers: Callers | None = None
        for path in places(os.geteuid(), device):
            try:
                sock = _listen(path)
            except OSError as error:
                _log.info("no socket at %s: %s", path, error)
                continue
            self._path = path
            self._callers = Callers(reactor, sock, b"\n", self._say, is_ours)
            return

    def _say(self, question: bytes) -> bytes:
        try:
            return json.dumps({"format": FORMAT, **self._answer()}).encode() + b"\n"
        except Exception:
            # Nobody's files are to suffer from a fault in what only looks at them.
            _log.exception("the mount could not say how it is")
            return b'{"error": "the mount failed to answer"}\n'

    def close(self) -> None:
        """Listen no more, and remove the socket. Harmless to repeat."""
        if self._callers is not None and self._path is not None:
            self._callers.close()
            self._callers = None
            with suppress(OSError):
                self._path.unlink()


def _listen(path: Path) -> socket.socket:
    """Return a socket that listens at ``path``, in a directory that is this user's alone.

    What has the name was left behind: there are no two mounts with one device number.
    """
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    status = path.parent.lstat()
    alone = status.st_uid == os.geteuid() and not stat.S_IMODE(status.st_mode) & 0o022
    if not stat.S_ISDIR(status.st_mode) or not alone:
        raise PermissionError(f"{path.parent} is not this user's alone")
    with suppress(FileNotFoundError):
        path.unlink()
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.bind(str(path))
        os.chmod(path, 0o600)
        sock.listen(MOST_CALLERS)
    except BaseException:
        sock.close()
        raise
    return sock


def ask(mount: Ours) -> dict[str, Any]:
    """Return what the process of a mount says of it. Raises :class:`AskError`."""
    for path in places(mount.user, mount.device):
        try:
            said = json.loads(_heard(path, mount.user))
            if "error" in said:
                raise AskError(str(said["error"]))
            if said["format"] != FORMAT:
                raise AskError(f"its answer has format {said['format']}, not {FORMAT}")
            return dict(said)
        except (FileNotFoundError, ConnectionError):
            continue
        except PermissionError:
            raise AskError("only root and who has mounted it may ask") from None
        except OSError as error:
            raise AskError(error.strerror or str(error)) from None
        except (ValueError, TypeError, KeyError, RecursionError):
            raise AskError("its answer makes no sense") from None
    raise AskError("nobody answers for it: has its process ended, or is it of an older version?")


def _heard(path: Path, user: int) -> bytes:
    answer = bytearray()
    end = time.monotonic() + 2 * PATIENCE_S
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE_S)
        sock.connect(str(path))
        if peer_user(sock) not in (0, user):
            raise AskError("who answers for it is another user than who has mounted it")
        sock.sendall(b"how are you?\n")
        while more := sock.recv(1 << 16):
            answer += more
            if len(answer) > _ANSWER_MAX or time.monotonic() > end:
                raise AskError("its answer does not end")
    return bytes(answer)
