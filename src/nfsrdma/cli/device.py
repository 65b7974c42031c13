"""The option ``--device`` of the commands that open an RDMA device."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def device_option(command: F) -> F:
    """Add ``--device``; the command gets ``device``, a name or None."""
    return click.option(
        "--device",
        metavar="NAME",
        help="The RDMA device; the first by default (verbs provider, see ibv_devices).",
    )(command)
