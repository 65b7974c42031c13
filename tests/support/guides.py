"""Pages of the manual, followed to the letter: what is to be typed, and what comes of it."""

from __future__ import annotations

import os
import re
import selectors
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.M | re.S)
PATIENCE_S = 120.0
_END = "@end-of-step@"


@dataclass(frozen=True)
class Step:
    """Something to be typed, ``console`` or ``python``, and the lines that it prints."""

    kind: str
    typed: str
    shown: tuple[str, ...]


def steps_of(page: str) -> list[Step]:
    """Return what a page has people do, in order."""
    steps: list[Step] = []
    for kind, text in BLOCK.findall(page):
        if kind == "python":
            steps.append(Step(kind, text, ()))
            continue
        for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
            lines = part.rstrip("\n").split("\n")
            typed = [lines.pop(0)]
            while lines and lines[0][:1] == ">":
                typed.append(lines.pop(0)[2:])
            steps.append(Step(kind, "\n".join(typed), tuple(lines)))
    return steps


class Follower:
    """A shell in a network and with mounts of its own, where nothing is yet."""

    def __init__(self, home: Path) -> None:
        self._env = {
            **os.environ,
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "100",
        }
        self._shell = subprocess.Popen(
            [*alone(), "bash", "--norc", "-m"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=home,
            env=self._env,
        )
        hidden = " && ".join(f"mount -t tmpfs tmpfs {place}" for place in ("/run", "/var/lib"))
        status, printed = self._type(f"umask 022; PATH=$PATH:/sbin ip link set lo up && {hidden}")
        assert status == 0, printed

    def follow(self, step: Step) -> None:
        """Take a step. What it shows has to be printed, in this order; it may print more."""
        if step.kind == "python":
            path = Path(self._env["HOME"]) / "step.py"
            path.write_text(step.typed)
            status, printed = self._type(f"{sys.executable} {path}")
        else:
            status, printed = self._type(step.typed)
        assert status == 0, f"{step.typed}: status {status}\n{printed}"
        lines = iter(printed.splitlines())
        for shown in step.shown:
            wanted = re.compile(re.escape(shown).replace("…", ".*"))
            assert any(wanted.fullmatch(line.rstrip()) for line in lines), (
                f"{step.typed}: {shown!r} is not printed, or too early:\n{printed}"
            )
        if step.typed.endswith("&") and " serve " in step.typed:
            self._wait_for_server()

    def _wait_for_server(self) -> None:
        end = time.monotonic() + PATIENCE_S
        ask = "nfsrdma ls nfs+tcp://127.0.0.1/ --timeout 1 > /dev/null 2>&1"
        while self._type(ask)[0]:
            assert time.monotonic() < end, "the server does not come"

    def _type(self, text: str) -> tuple[int, str]:
        """Have the shell do something; return the status, and what was printed."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._shell.stdin.write(f"{text}\nprintf '\\n{_END}%s\\n' $?\n".encode())
        self._shell.stdin.flush()
        printed, end = b"", time.monotonic() + PATIENCE_S
        with selectors.DefaultSelector() as selector:
            selector.register(self._shell.stdout, selectors.EVENT_READ)
            while not (found := re.search(rf"\n{_END}(\d+)\n".encode(), printed)):
                assert selector.select(end - time.monotonic()), f"{text} does not end:\n{printed!r}"
                more = os.read(self._shell.stdout.fileno(), 1 << 16)
                assert more, f"{text} ended the shell:\n{printed!r}"
                printed += more
        return int(found[1]), printed[: found.start()].decode()

    def close(self) -> None:
        """End the shell, and what it has started."""
        assert self._shell.stdin is not None
        self._shell.stdin.close()
        self._shell.terminate()
        try:
            self._shell.wait(10)
        except subprocess.TimeoutExpired:
            self._shell.kill()
            self._shell.wait()


def alone() -> list[str]:
    """Return what runs a program in namespaces of its own: network, mounts and processes."""
    return ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]


def missing() -> str:
    """Return why pages cannot be followed here, if so."""
    for program in ("unshare", "ip", "bash", "curl"):
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            return f"there is no {program}"
    done = subprocess.run([*alone(), "true"], capture_output=True, text=True, check=False)
    return done.stderr.strip()
