"""Chooses what runs the guests: KVM where it really boots the kernel, else software emulation.

``/dev/kvm`` proves little: on a cloud machine it may open, run a BIOS, and hang in the kernel. So
the kernel itself is tried, with an initramfs that says one word, and the finding is kept until the
machine is booted again.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from . import packages
from .initramfs import Archive

KVM = "-accel kvm -cpu host"

#: An old processor on purpose: emulating what "max" has on top (five levels of page tables, carry-
#: less multiplication for CRC-32, AVX) made soft-RoCE twice as slow here.
TCG = "-accel tcg,thread=multi -cpu Nehalem"

_PROBE_TIMEOUT = 8.0
_WORD = "kvm-boots-this-kernel"


def choose(tree: Path) -> str:
    """QEMU's options for the accelerator; ``NFSRDMA_LAB_ACCEL=kvm`` or ``tcg`` overrides."""
    named = os.environ.get("NFSRDMA_LAB_ACCEL", "")
    if named:
        return {"kvm": KVM, "tcg": TCG}[named]
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return TCG
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    release = packages.kernel_release(tree)
    finding = packages.cache_folder() / f"kvm-finding-{release}"
    key = f"{boot} {release} "
    known = finding.read_text() if finding.exists() else ""
    if not known.startswith(key):
        known = key + ("boots" if _kvm_boots(tree) else "does not boot")
        finding.write_text(known)
    return KVM if known == key + "boots" else TCG


def _kvm_boots(tree: Path) -> bool:
    archive = Archive()
    for folder in ("bin", "dev"):
        archive.folder(folder)
    archive.busybox(f"#!/bin/busybox sh\necho {_WORD}\n/bin/busybox poweroff -f\n")
    initramfs = archive.into_file()
    argv = ["qemu-system-x86_64", *KVM.split(), "-smp", "2", "-m", "256", "-display", "none"]
    argv += ["-nodefaults", "-no-reboot", "-serial", "stdio", "-initrd", f"/dev/fd/{initramfs}"]
    argv += ["-kernel", str(packages.kernel_image(tree)), "-append", "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(
            argv,
            capture_output=True,
            timeout=_PROBE_TIMEOUT,
            stdin=subprocess.DEVNULL,
            pass_fds=(initramfs,),
        )
    except subprocess.TimeoutExpired:
        return False
    finally:
        os.close(initramfs)
    return _WORD.encode() in done.stdout
