"""A guest: one virtual machine with the distribution's kernel, soft-RoCE and an agent.

Three lines run a command in one (`machine.Lab` starts it on first use)::

    with Lab(Path("out/try")) as lab:
        guest = lab.guest("alpha")
        print(guest.run("rdma link; uname -a").stdout)
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .command import Result, checked
from .network import LARGE_MTU, Network, ipv4, ipv6
from .packages import LabError

#: Seconds within which a guest must answer; software emulation on a busy machine is slow.
BOOT_TIMEOUT = 150.0

#: Seconds that an answer may come late, over the command's own timeout.
ANSWER_SLACK = 30.0

#: The soft-RoCE device of every guest, made by ``boot.sh``.
DEVICE = "rxe0"


@dataclass(frozen=True)
class Files:
    """What guests boot from."""

    tree: Path
    kernel: Path
    initramfs: int
    accelerator: str


class Job:
    """A command that runs in a guest while the caller does something else."""

    def __init__(self, guest: Guest, command: str, handle: int) -> None:
        self._guest = guest
        self._command = command
        self._handle = handle
        self._started = time.monotonic()

    def wait(self, timeout: float = 60.0, *, check: bool = True) -> Result:
        """Wait for its end; it is killed when that does not come in time."""
        answer = self._guest.request("wait", timeout, handle=self._handle, timeout=timeout)
        return self._guest.result(self._command, answer, self._started, check)

    def output(self) -> str:
        """Standard output and then error so far."""
        answer = self._guest.request("peek", 0, handle=self._handle)
        return str(answer["stdout"] + answer["stderr"])

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._guest.request("peek", 0, handle=self._handle)["code"] is None

    def signal(self, number: int) -> None:
        """Signal it and all that it started."""
        self._guest.request("signal", 0, handle=self._handle, number=number)

    def stop(self, timeout: float = 5.0) -> Result:
        """Ask it to end; it is killed when it does not."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout, check=False)


class Guest:
    """A running virtual machine. Start it, `wait_ready`, `run` commands, `close` it."""

    def __init__(
        self,
        network: Network,
        name: str,
        number: int,
        files: Files,
        folder: Path,
        *,
        terminal: bool = False,
    ) -> None:
        """Start it. ``folder`` becomes ``/lab`` in the guest, where both sides may write.

        With ``terminal`` a shell runs on this process's terminal; its end switches the guest off.
        """
        self.name = name
        self.ipv4 = ipv4(number)
        self.ipv6 = ipv6(number)
        self.tap = network.add_tap()
        #: Seconds from start to the agent's first word, and to a working soft-RoCE device.
        self.boot_seconds = self.ready_seconds = 0.0
        self._console = folder / f"{name}.console.log"
        self._started = time.monotonic()
        self._port, theirs = socket.socketpair()
        with theirs:
            argv = self._argv(network, files, number, theirs.fileno(), folder, terminal)
            self._qemu = network.popen(
                argv,
                stdin=None if terminal else subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), files.initramfs),
            )
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._hello: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._answers[0] = self._hello
        self._next_id = 1
        self._lock = threading.Lock()
        threading.Thread(target=self._read_answers, name=f"{name} agent", daemon=True).start()

    def __enter__(self) -> Guest:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_ready(self) -> None:
        """Wait until soft-RoCE is up; raises `LabError` when it does not come up."""
        try:
            self._take(self._hello, BOOT_TIMEOUT)
        except LabError as error:
            raise LabError(f"{error}\n{self._console_tail()}") from None
        self.boot_seconds = time.monotonic() - self._started
        wait = "until test -s /run/lab-ready; do sleep 0.1; done; exit $(cat /run/lab-ready)"
        self.run(wait, timeout=BOOT_TIMEOUT)
        self.ready_seconds = time.monotonic() - self._started

    def run(
        self,
        command: str,
        *,
        timeout: float = 60.0,
        check: bool = True,
        stdin: str = "",
        cwd: str | None = None,
    ) -> Result:
        """Run a shell command to its end; raises `CommandError` when it fails, unless unchecked."""
        started = time.monotonic()
        answer = self.request(
            "run", timeout, command=command, timeout=timeout, stdin=stdin, cwd=cwd
        )
        return self.result(command, answer, started, check)

    def start(self, command: str, *, cwd: str | None = None) -> Job:
        """Start a shell command and return at once."""
        answer = self.request("start", 0, command=command, cwd=cwd)
        return Job(self, command, answer["handle"])

    @contextlib.contextmanager
    def background(self, command: str, *, until: str = "", timeout: float = 90.0) -> Iterator[Job]:
        """A command that runs as long as the block; entered when its output contains ``until``."""
        job = self.start(command)
        try:
            if until:
                self._await_output(job, until, timeout)
            yield job
        finally:
            job.stop()

    def set_mtu(self, mtu: int) -> None:
        """Set the MTU of the guest's interface; soft-RoCE follows it."""
        self.run(f"ip link set eth0 mtu {mtu}")

    def wait_off(self) -> None:
        """Wait until the machine has switched itself off."""
        self._qemu.popen.wait()

    def close(self) -> None:
        """Switch the machine off at once; it has nothing worth saving."""
        self._qemu.kill()
        self._qemu.popen.wait(10)
        self._port.close()

    def request(self, op: str, limit: float, **arguments: Any) -> dict[str, Any]:
        """Send one request to the agent and return its answer (see `agent`)."""
        answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        with self._lock:
            number = self._next_id
            self._next_id += 1
            self._answers[number] = answers
            line = json.dumps({"id": number, "op": op, **arguments})
            self._port.sendall(line.encode() + b"\n")
        try:
            answer = self._take(answers, limit + ANSWER_SLACK)
        finally:
            self._answers.pop(number, None)
        if "error" in answer:
            raise LabError(f"{self.name}: agent: {answer['error']}")
        return answer

    def result(self, command: str, answer: dict[str, Any], started: float, check: bool) -> Result:
        """An answer of the agent as a `Result`, checked."""
        result = Result(
            command,
            answer["code"],
            answer["stdout"],
            answer["stderr"],
            answer["timed_out"],
            time.monotonic() - started,
        )
        return checked(self.name, result, check)

    def _take(self, answers: queue.SimpleQueue[dict[str, Any]], timeout: float) -> dict[str, Any]:
        """Next answer; it comes in slices so that the end of the machine is noticed."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                return answers.get(timeout=0.5)
            except queue.Empty:
                if not self._qemu.running:
                    raise LabError(f"{self.name}: qemu has ended") from None
                if time.monotonic() > deadline:
                    raise LabError(f"{self.name}: no answer in {timeout:.0f} s") from None

    def _read_answers(self) -> None:
        with contextlib.suppress(OSError):
            for line in self._port.makefile("rb"):
                answer = json.loads(line)
                waiting = self._answers.get(answer["id"])
                if waiting is not None:
                    waiting.put(answer)

    def _await_output(self, job: Job, text: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while text not in (seen := job.output()):
            if time.monotonic() > deadline or not job.running:
                raise LabError(f"{self.name}: waited in vain for {text!r}, saw: {seen}")
            time.sleep(0.1)

    def _console_tail(self) -> str:
        return "\n".join(self._console.read_text(errors="replace").splitlines()[-15:])

    def _argv(
        self,
        network: Network,
        files: Files,
        number: int,
        agent: int,
        folder: Path,
        terminal: bool,
    ) -> list[str | Path]:
        settings = {
            "name": self.name,
            "ipv4": f"{self.ipv4}/24",
            "ipv6": f"{self.ipv6}/64",
            "mtu": network.mtu,
            # A virtual environment's own interpreter is a link; the agent needs no environment.
            "python": os.path.realpath(sys.executable),
        }
        if terminal:
            size = shutil.get_terminal_size()
            settings["shell"] = f"{size.lines}x{size.columns}"
        append = [
            "console=ttyS0 quiet panic=-1 mitigations=off nokaslr audit=0 cryptomgr.notests",
            "no_timer_check",  # a busy host is late with the interrupts that are tried at boot
            *(f"lab.{key}={value}" for key, value in settings.items()),
        ]
        argv: list[str | Path] = ["qemu-system-x86_64", *files.accelerator.split()]
        argv += ["-smp", "2", "-m", "2048", "-display", "none", "-nodefaults", "-no-reboot"]
        argv += ["-serial", "mon:stdio" if terminal else f"file:{self._console}"]
        argv += ["-kernel", files.kernel, "-initrd", f"/dev/fd/{files.initramfs}"]
        argv += ["-append", " ".join(append)]
        for tag, path in (("host", Path("/")), ("tree", files.tree), ("share", folder)):
            access = "" if tag == "share" else ",readonly=on"
            argv += ["-virtfs"]
            argv += [
                f"local,path={path},mount_tag={tag},security_model=none,multidevs=remap{access}"
            ]
        argv += ["-device", "virtio-serial-pci", "-chardev", f"socket,id=agent,fd={agent}"]
        argv += ["-device", "virtserialport,chardev=agent,name=lab", "-device", "virtio-rng-pci"]
        argv += ["-netdev", f"tap,id=net,ifname={self.tap},script=no,downscript=no"]
        mac = f"52:54:00:99:00:{number:02x}"
        argv += ["-device", f"virtio-net-pci,netdev=net,mac={mac},host_mtu={LARGE_MTU}"]
        return argv
