"""A lab put together: the network, the host on it, and guests that boot when first asked for."""

from __future__ import annotations

import compileall
import os
from pathlib import Path

from . import accelerator, initramfs, packages
from .guest import Files, Guest
from .host import REPOSITORY, Host
from .network import Network

#: Guests by name and host number: 10.99.0.11 and 10.99.0.12, fd99::11 and fd99::12.
NUMBERS = {"alpha": 11, "beta": 12}

#: What of ours guests run, by folders that are no links.
_OURS = (
    *("client", "dissector", "rpcrdma", "server", "xdr", "src"),
    *("tests/interop", "tests/conformance", "tests/support"),
)


def compile_ours() -> None:
    """Compile our Python here, for the guests: what they compile themselves they do not keep.

    It would take a minute of an emulated processor for each that starts our server or a mount.
    """
    for name in _OURS:
        compileall.compile_dir(REPOSITORY / name, quiet=2)


class Lab:
    """Guests, host and network; a context manager that removes all of it.

    ``output`` keeps the guests' consoles; every guest sees it as ``/lab`` and may write there.
    """

    def __init__(self, output: Path) -> None:
        output.mkdir(parents=True, exist_ok=True)
        compile_ours()
        self.output = output.resolve()
        self.guests: dict[str, Guest] = {}
        tree = packages.guest_tree()
        self.kernel_release = packages.kernel_release(tree)
        #: What its guests boot from.
        self.files = Files(
            tree, packages.kernel_image(tree), initramfs.build(tree), accelerator.choose(tree)
        )
        self.network = Network()
        self.host = Host(self.network)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def accelerator(self) -> str:
        """``kvm`` or ``tcg``."""
        return "kvm" if self.files.accelerator == accelerator.KVM else "tcg"

    def guest(self, name: str) -> Guest:
        """The guest of that name, ready; booted now if it is not up."""
        self.boot(name)
        return self.guests[name]

    def boot(self, *names: str) -> None:
        """Boot several guests at once and wait until all are ready."""
        started = [name for name in names if name not in self.guests]
        for name in started:
            self.guests[name] = Guest(self.network, name, NUMBERS[name], self.files, self.output)
        for name in started:
            self.guests[name].wait_ready()

    def set_mtu(self, mtu: int) -> None:
        """Set the MTU everywhere: `network.LARGE_MTU`, or `network.SMALL_MTU` (path MTU 1024)."""
        # The path is never narrower than what is sent on it.
        if mtu > self.network.mtu:
            self.network.set_mtu(mtu)
        for guest in self.guests.values():
            guest.set_mtu(mtu)
        if mtu < self.network.mtu:
            self.network.set_mtu(mtu)

    def close(self) -> None:
        """Switch the guests off and remove the network."""
        for guest in self.guests.values():
            guest.close()
        self.network.close()
        os.close(self.files.initramfs)
