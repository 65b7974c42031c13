"""Decode captures of NFS over RDMA, and say what is wrong with them.

An iterator of RPCs, each as soon as it is complete::

    from nfsrdma.dissector import dissect

    for rpc in dissect("capture.pcapng", lint=True):
        print(rpc.call_frame, rpc.requester, rpc.name, rpc.status, rpc.latency_ns)
        for finding in rpc.findings:
            print("   ", finding.rule, finding.text)

It is an independent witness: it knows the wire formats of ``nfsrdma.rpcrdma``, and none of its
engines. One pass over a capture goes through these rooms::

    base        packets, extents, findings: the words that all rooms share
    capture     files and interfaces: where frames are, and when they were seen
    layers      frames into packets
    messages    what RPC-over-RDMA, RPC and NFS say
    tracking    packets into exchanges, and the events that views subscribe to
    streams     TCP and UDP: RPC records, and iWARP
    fields      what messages say, under Wireshark's names
    filter      display filters: Wireshark's language, over these fields
    views       what shows the events: lines, trees, lint, latency, health, the page...
    wireshark   captures written for Wireshark
    pipeline    the pass itself
    dissection  the iterator of RPCs that this package exports
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .base.finding import Finding, Severity
    from .capture.live import Live
    from .capture.reader import CaptureError
    from .dissection import (
        Dissection,
        Peer,
        Rpc,
        RpcChunk,
        RpcData,
        RpcOperation,
        RpcSegment,
        dissect,
    )
    from .filter import FilterError

__all__ = [
    "CaptureError",
    "Dissection",
    "FilterError",
    "Finding",
    "Live",
    "Peer",
    "Rpc",
    "RpcChunk",
    "RpcData",
    "RpcOperation",
    "RpcSegment",
    "Severity",
    "dissect",
]

_PLACES = {
    "CaptureError": ".capture.reader",
    "FilterError": ".filter",
    "Finding": ".base.finding",
    "Live": ".capture.live",
    "Severity": ".base.finding",
}
"""Where the public names are defined, of those that are not in ``dissection``."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: some rooms are used without the others."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(_PLACES.get(name, ".dissection"), __name__)
    value: object = getattr(module, name)
    globals()[name] = value
    return value
