"""NFS-Ganesha on a directory of this machine, over TCP: what ours is compared with.

It takes the Debian packages nfs-ganesha and nfs-ganesha-vfs, and root.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_START_S = 30.0
_CONFIGURATION = """
NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = {port}; Bind_addr = 127.0.0.1; Enable_NLM = false;
    Enable_RQUOTA = false; Enable_UDP = false; fsid_device = true; }}
NFSv4 {{ Minor_Versions = 0,1,2; Lease_Lifetime = 60; Graceless = true; RecoveryBackend = fs;
    RecoveryRoot = {state}; Allow_Numeric_Owners = true; Only_Numeric_Owners = true; }}
NFS_KRB5 {{ Active_krb5 = false; }}
EXPORT {{ Export_ID = 77; Path = {folder}; Pseudo = /ganesha; Access_Type = RW;
    Squash = No_Root_Squash; SecType = sys, none; Protocols = 4; Transports = TCP;
    FSAL {{ Name = VFS; }} }}
"""


def why_not() -> str | None:
    """What is missing for it on this machine."""
    if shutil.which("ganesha.nfsd") is None:
        return "ganesha.nfsd is not installed (apt-get install nfs-ganesha nfs-ganesha-vfs)"
    return None if os.geteuid() == 0 else "Ganesha wants to be started by root"


@contextmanager
def ganesha(folder: Path, scratch: Path) -> Iterator[tuple[int, int]]:
    """Serve ``folder`` as ``/ganesha``: the port at 127.0.0.1, and the process.

    ``scratch`` gets its configuration, log and state. Raises ``OSError``.
    """
    state = scratch / "state"
    state.mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = scratch / "ganesha.conf"
    configuration.write_text(_CONFIGURATION.format(port=port, folder=folder, state=state))
    log = scratch / "ganesha.log"
    process = subprocess.Popen(
        ["ganesha.nfsd", "-F", "-f", configuration, "-L", log, "-p", scratch / "pid",
         "-N", "NIV_EVENT"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _await(process, port, log)
        yield port, process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            last = log.read_text().splitlines()[-1:] if log.exists() else []
            raise OSError(f"Ganesha did not start: {' '.join(last) or process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise OSError(f"Ganesha did not start within {_START_S:.0f} seconds")
