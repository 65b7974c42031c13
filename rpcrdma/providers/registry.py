"""Providers by name."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import import_module
from os import PathLike
from pathlib import Path
from random import Random
from typing import Any

from ..pcapng import PcapngWriter
from ..task import Reactor
from ..verbs.interfaces import Device
from .tap import Tap

PROVIDERS: dict[str, str] = {
    "soft": ".soft",
    "verbs": ".rdmacore",
    "shm": ".shm",
}
"""Name -> module of this package with an ``open_device(reactor, *, rng, address, tap, ...)``.

Modules are imported when first needed: some need packages that are not always installed.
"""

DEFAULT_PROVIDER = "soft"

WITH_DEVICES = frozenset({"verbs"})
"""Providers with several devices: they take ``device=``, the name of one."""


def implied_provider(provider: str | None, device: str | None, pcap: object) -> str | None:
    """Return the provider that these options imply; ``None`` leaves the choice open.

    A device by name is one of ``verbs``, and only ``soft`` has packets to capture.
    """
    if provider is None and device is not None:
        return next(iter(WITH_DEVICES))
    if provider is None and pcap is not None:
        return DEFAULT_PROVIDER
    return provider


WITHOUT_PACKETS = {
    "shm": "there are no packets in shared memory: to capture, use --provider soft",
    "verbs": "an adapter's packets do not pass through here: capture them on the interface "
    "(soft-RoCE) or with the adapter's own means",
}
"""Providers without packets to capture -> what to do instead."""


def check_provider(name: str, device: str | None = None, pcap: object = None) -> None:
    """Check that there is a provider ``name`` that has what is asked for.

    Raises ``ValueError`` if not: devices, if one is named, and packets, if they are to be captured.
    """
    if name not in PROVIDERS:
        raise ValueError(f"no provider {name!r}: there are {', '.join(sorted(PROVIDERS))}")
    if device is not None and name not in WITH_DEVICES:
        with_devices = ", ".join(sorted(WITH_DEVICES))
        raise ValueError(
            f"a device ({device}) can be named for the provider {with_devices} only, "
            f"and the provider here is {name}"
        )
    if pcap is not None and name in WITHOUT_PACKETS:
        raise ValueError(WITHOUT_PACKETS[name])


def open_device(
    name: str,
    reactor: Reactor,
    *,
    rng: Random | None = None,
    address: str | None = None,
    device: str | None = None,
    pcap: str | PathLike[str] | None = None,
    **options: Any,
) -> Device:
    """Open a device of the provider ``name`` on ``reactor``.

    ``rng`` is cryptographic unless given; ``address`` is the local address to use; ``device``
    names one of the provider's (by default the first is used); ``pcap`` names a pcapng file that
    gets every packet. Other options are the provider's own.
    Raises ``ValueError`` for an unknown name, ``OSError`` when the device cannot be had.
    """
    check_provider(name, device)
    if device is not None:
        options["device"] = device
    open_one: Callable[..., Device] = import_module(PROVIDERS[name], __package__).open_device
    tap = None
    if pcap is not None:
        file = Path(pcap).open("wb")  # noqa: SIM115 - the tap owns it
        tap = Tap(PcapngWriter(file, interface=name), time.time)
    try:
        return open_one(reactor, rng=rng, address=address, tap=tap, **options)
    except BaseException:
        if tap is not None:
            tap.close()
        raise
