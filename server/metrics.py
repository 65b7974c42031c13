"""A server's numbers in Prometheus' text format, read from where they are when somebody asks.

The format is small enough to be written here (prometheus.io, "Exposition formats", version 0.0.4).
Labels are ours alone (providers, addresses where we listen, reasons): what clients say of
themselves is in none, so there are no more series for more clients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from nfsrdma.rpcrdma.transport.channel import RdmaChannel
from nfsrdma.rpcrdma.transport.stats import TransportStats
from nfsrdma.xdr.nfs4 import errors, ops

from .engine.tally import BOUNDS, Tally
from .service import NfsService
from .status import amounts_of

_REFUSED = "refused: "
_SERIES = "__series__"
"""Not a label, but what follows the family's name, where it has several series."""
_UNITS = {"memory": "memory_bytes"}
_AMOUNT = {
    "memory": "What peers make the server hold.",
    "states": "How many opens, lock owners and delegations there are.",
    "locks": "How many byte ranges are locked.",
    "waiters": "How many lock owners wait for a range.",
}

Sample = tuple[Mapping[str, str], float]


def metrics_of(service: NfsService, now: float) -> str:
    """Return the numbers of a server. ``now`` is by its reactor's clock."""
    return "".join(f"{line}\n" for line in _lines(service, now))


def _lines(service: NfsService, now: float) -> Iterator[str]:
    yield from _family(
        "uptime_seconds", "gauge", "Time since the server began.", [({}, now - service.started)]
    )
    grace = service.registry.grace.remaining(now)
    yield from _family("grace_seconds", "gauge", "What is left of the grace period.", [({}, grace)])
    for name, amount in amounts_of(service).items():
        if name == "connections":
            continue
        unit = _UNITS.get(name, name)
        yield from _family(
            unit, "gauge", _AMOUNT.get(name, f"How many {name} there are."), [({}, amount.held)]
        )
        if amount.limit is not None:
            text = f"The most that {unit} may be."
            yield from _family(f"{unit}_limit", "gauge", text, [({}, amount.limit)])
    yield from _family(
        "connections", "gauge", "Connections that are up.", list(_connections(service))
    )
    yield from _work(service.tally)
    yield from _rdma(service)


def _work(tally: Tally) -> Iterator[str]:
    """Yield what was done, by operation: the numbers of NFS are few."""
    done = [
        ({"operation": ops.name_of(number), "status": "NFS4_OK"}, count)
        for number, count in tally.succeeded.items()
    ]
    done += [
        ({"operation": ops.name_of(number), "status": errors.name_of(status)}, count)
        for (number, status), count in sorted(tally.failed.items())
    ]
    yield from _family("operations_total", "counter", "Operations that were executed.", done)
    for name, octets in (("read", tally.read), ("written", tally.written)):
        text = f"Octets of files that were {name}."
        yield from _family(f"{name}_bytes_total", "counter", text, [({}, octets)])
    text = "From a COMPOUND's arrival to its reply, by the operation that it is about."
    yield from _family("compound_seconds", "histogram", text, _spans(tally))


def _spans(tally: Tally) -> Iterator[Sample]:
    bounds = [*map(str, BOUNDS), "+Inf"]
    for number, spans in sorted(tally.spans.items()):
        label = {"operation": ops.name_of(number)}
        so_far = accumulate(spans.counts)
        for bound, count in zip(bounds, so_far, strict=True):
            yield {_SERIES: "bucket", **label, "le": bound}, count
        yield {_SERIES: "sum", **label}, spans.total_s
        yield {_SERIES: "count", **label}, sum(spans.counts)


def _connections(service: NfsService) -> Iterator[Sample]:
    for listener, provider in service.listeners.items():
        address, port = listener.address
        labels = {"transport": "rdma" if provider else "tcp", "provider": provider}
        yield {**labels, "address": address, "port": str(port)}, len(listener.channels)


def rdma_counters(service: NfsService) -> dict[str, Counter[str]]:
    """Return the counters of all RDMA connections that are and were, by their provider."""
    # Zeros are numbers too: a series that is not there at first has no rate.
    nothing = TransportStats().as_dict()
    totals = {provider: Counter(nothing) for provider in service.listeners.values() if provider}
    for provider, counted in service.ended.items():
        totals.setdefault(provider, Counter()).update(counted)
    for listener, provider in service.listeners.items():
        for channel in listener.channels:
            if isinstance(channel, RdmaChannel):
                totals[provider].update(channel.stats.as_dict())
    return totals


def _rdma(service: NfsService) -> Iterator[str]:
    totals = rdma_counters(service)
    names = dict.fromkeys(name for counted in totals.values() for name in counted)
    for name in names:
        if not name.startswith(_REFUSED):
            samples = [({"provider": each}, totals[each][name]) for each in totals]
            text = f"{name.replace('_', ' ').capitalize()}, of RDMA connections."
            yield from _family(f"rdma_{name}_total", "counter", text, samples)
    refused = [
        ({"provider": each, "reason": name.removeprefix(_REFUSED)}, counted[name])
        for each, counted in totals.items()
        for name in counted
        if name.startswith(_REFUSED)
    ]
    if refused:
        text = "Calls that were answered with RDMA_ERROR."
        yield from _family("rdma_calls_refused_total", "counter", text, refused)


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP nfsrdma_{name} {text}"
    yield f"# TYPE nfsrdma_{name} {kind}"
    for labels, value in samples:
        series = f"{name}_{labels[_SERIES]}" if _SERIES in labels else name
        inner = ",".join(
            f'{label}="{_escaped(said)}"' for label, said in labels.items() if label != _SERIES
        )
        yield f"nfsrdma_{series}{{{inner}}} {value}" if inner else f"nfsrdma_{series} {value}"


def _escaped(said: str) -> str:
    return said.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
