"""A lab put together: the network, the host on it, and guests that boot when first asked for."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from . import accelerator, initramfs, packages
from .guest import Files, Guest
from .host import Host
from .network import Network

#: Guests by name and host number: 10.99.0.11 and 10.99.0.12, fd99::11 and fd99::12.
NUMBERS = {"alpha": 11, "beta": 12}


class Lab:
    """Guests, host and network; a context manager that removes all of it.

    ``output`` keeps consoles and whatever is put into the guests' shares (``output/NAME``).
    """

    def __init__(self, output: Path) -> None:
        output.mkdir(parents=True, exist_ok=True)
        self.output = output.resolve()
        self.guests: dict[str, Guest] = {}
        tree = packages.guest_tree()
        self._scratch = Path(tempfile.mkdtemp(prefix="nfsrdma-lab-"))
        try:
            image = self._scratch / "initramfs"
            initramfs.build(tree, image)
            chosen = accelerator.choose(tree)
            self._files = Files(tree, packages.kernel_image(tree), image, chosen)
            self.kernel_release = packages.kernel_release(tree)
            self.network = Network()
        except BaseException:
            shutil.rmtree(self._scratch)
            raise
        self.host = Host(self.network)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def accelerator(self) -> str:
        """``kvm`` or ``tcg``."""
        return "kvm" if self._files.accelerator == accelerator.KVM else "tcg"

    def guest(self, name: str) -> Guest:
        """The guest of that name, ready; booted now if it is not up."""
        self.boot(name)
        return self.guests[name]

    def boot(self, *names: str) -> None:
        """Boot several guests at once and wait until all are ready."""
        started = [name for name in names if name not in self.guests]
        for name in started:
            self.guests[name] = Guest(
                self.network, name, NUMBERS[name], self._files, self.output
            )
        for name in started:
            self.guests[name].wait_ready()

    def set_mtu(self, mtu: int) -> None:
        """Set the MTU everywhere. Path MTU: 4096 octets at `network.LARGE_MTU`, 1024 at `network.SMALL_MTU`."""
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
        shutil.rmtree(self._scratch, ignore_errors=True)
