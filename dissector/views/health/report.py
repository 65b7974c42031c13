"""What the transport suffered, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from nfsrdma.rpcrdma.roce.wire.psn import wrap

from ...fields.summary import amount, duration, many
from ...tracking.model import Side
from . import CAUSES, Counts, Event, Health, Sufferer, Watch
from .events import nak_name

MAX_LINES = 200
"""Events, and RPCs, that are shown as text."""
_ROW = "{:>13}  {:<14} {:>10}  {:>10} {:>10}  {}"


def text_health(health: Health) -> str:
    """Return each direction with its numbers, what happened, and to which RPCs."""
    seconds = (health.last_time - health.first_time) / 1e9
    lines = [f"{health.packets} RDMA packets in {seconds:.6g} s"]
    lines += [_stream(side, resent) for side, resent in health.streams]
    if not health.watches:
        lines.append("Which RPC suffered, and why, only InfiniBand's transport (RoCE) tells.")
    for watch in health.watches.values():
        lines += ["", *_direction(watch)]
    if health.events:
        lines += ["", "What happened:", *_events(health)]
    if health.sufferers:
        lines += ["", "Who suffered, the latest first:", *_sufferers(health)]
    elif health.watches:
        lines += ["", "No RPC suffered."]
    return "\n".join(lines) + "\n"


def _stream(side: Side, resent: int) -> str:
    peer = side.peer.name if side.peer is not None else "?"
    label = side.connection.transport.label
    return f"{side.name} -> {peer} ({label}): {many(resent, 'TCP segment')} again"


def _direction(watch: Watch) -> Iterator[str]:
    counts, side = watch.counts, watch.flow.side
    port = watch.flow.source_port
    where = f"connection {side.connection.number}" + (f", from UDP port {port}" if port else "")
    yield f"{side.name} -> {watch.flow.destination} ({where})"
    yield f"  sent       {many(counts.packets, 'packet')}, {amount(counts.octets)}"
    if counts.responses:
        yield f"  responses  {many(counts.responses, 'packet')} for its peer's READs"
    if counts.again:
        what = f"{many(counts.again, 'packet')}, {amount(counts.again_octets)}"
        yield f"  again      {what}: {_again(counts)}"
    if counts.responses_again:
        octets = amount(counts.responses_again_octets)
        yield f"  again      {many(counts.responses_again, 'packet')} of responses, {octets}"
    if counts.late or counts.twice:
        twice = f"{counts.twice} twice ({amount(counts.twice_octets)})"
        yield f"  disorder   {counts.late} late, {twice}"
    if counts.wasted_octets:
        share = 100 * counts.wasted_octets / max(1, counts.octets + counts.response_octets)
        yield f"  in vain    {amount(counts.wasted_octets)}, {share:.1f} % of what was sent"
    naks = [f"{count} {nak_name(code)}" for code, count in counts.naks.items() if count]
    if counts.rnr:
        naks.append(f"{counts.rnr} receiver not ready")
    if naks:
        yield f"  NAKs       {', '.join(naks)}"
    if counts.timeouts:
        yield f"  timeouts   {counts.timeouts}"
    if counts.acks:
        each = counts.acked / counts.acks
        again = f"; {many(counts.duplicate_acks, 'duplicate')}" if counts.duplicate_acks else ""
        yield (
            f"  ACKs       {counts.acks} for {counts.acked} packets: {each:.2f} each, "
            f"{counts.largest_ack} at most{again}"
        )
    if counts.ecn or counts.cnp or counts.fecn or counts.becn:
        yield (
            f"  congestion {counts.ecn} packets marked CE, {counts.cnp} notifications (CNP), "
            f"FECN {counts.fecn}, BECN {counts.becn}"
        )


def _again(counts: Counts) -> str:
    """Return what had become of the first copies, in words."""
    return ", ".join(f"{count} ({amount(octets)}) {how}" for count, octets, how in fates(counts))


def fates(counts: Counts) -> list[tuple[int, int, str]]:
    """Return what had become of the first copies: packets, octets, and in words what."""
    kinds = (
        (counts.filled, counts.filled_octets, "lost before this capture"),
        (counts.lost, counts.lost_octets, "lost behind it"),
        (counts.dropped, counts.dropped_octets, "dropped by the receiver"),
        (counts.had, counts.had_octets, "acknowledged before"),
        (counts.unknown, counts.unknown_octets, "of unknown fate"),
    )
    return [row for row in kinds if row[0]]


def _events(health: Health) -> Iterator[str]:
    for event in health.events[:MAX_LINES]:
        frames = f"{event.frame}"
        if event.last_frame != event.frame:
            frames += f"-{event.last_frame}"
        rpcs = ", ".join(_name(health, number) for number in event.exchanges[:3])
        more = len(event.exchanges) - 3
        hurt = f" [{rpcs}{f' and {more} more' if more > 0 else ''}]" if rpcs else ""
        yield f"{frames:>13}  {_event(event)}{hurt}"
    if health.event_count > MAX_LINES:
        yield f"{'...':>13}  and {health.event_count - MAX_LINES} more; --json has them"


def _event(event: Event) -> str:
    psn = f"PSN {wrap(event.sequence):#08x}"
    if event.kind == "nak":
        detail = f", {event.text}" if event.text else ""
        return f"NAK to {event.sender}: {event.cause} at {psn}{detail}"
    size = f"{many(event.packets, 'packet')}, {amount(event.octets)}"
    if event.kind == "again":
        waited = f", {duration(event.waited)} silent" if event.waited > 0 else ""
        why = CAUSES[event.cause] + (f" ({event.text})" if event.text else "")
        return f"{event.sender} sends again from {psn}: {size}; {why}{waited}"
    if event.kind in ("late", "twice"):
        return f"{event.sender}: {psn} came {event.kind}, {size}"
    if event.kind == "ecn":
        return f"{event.sender}: congestion experienced from {psn} on, {size}"
    return f"CNP: {event.sender} is to send more slowly"


def _name(health: Health, number: int) -> str:
    sufferer = health.sufferers.get(number)
    if sufferer is None:
        return f"RPC {number}"
    rpc = sufferer.rpc
    return f"{rpc.operation} {rpc.call_frame or '?'}>{rpc.reply_frame or '?'}"


def _sufferers(health: Health) -> Iterator[str]:
    yield _ROW.format("frames", "operation", "XID", "took", "later by", "for")
    for sufferer in list(health.sufferers.values())[:MAX_LINES]:
        rpc = sufferer.rpc
        took = duration(sufferer.took) if sufferer.took >= 0 else "?"
        late = "?" if sufferer.late is None else duration(max(0, sufferer.late))
        frames = f"{rpc.call_frame or '?'}>{rpc.reply_frame or '?'}"
        why = _why(sufferer) + (f": {rpc.path}" if rpc.path else "")
        why += f" of {rpc.client}" if rpc.client else ""
        yield _ROW.format(frames, rpc.operation, f"{rpc.xid:#010x}", took, late, why)
    if health.sufferer_count > MAX_LINES:
        yield f"{'...':>13}  and {health.sufferer_count - MAX_LINES} more; --json has them"


def _why(sufferer: Sufferer) -> str:
    words = []
    if sufferer.naks:
        words.append(many(len(sufferer.naks), "NAK"))
    if sufferer.timeouts:
        words.append(many(sufferer.timeouts, "timeout"))
    if sufferer.again:
        words.append(f"{many(sufferer.again, 'packet')} again, {amount(sufferer.octets)}")
    if sufferer.disorder:
        words.append(f"{many(sufferer.disorder, 'packet')} late or twice")
    if sufferer.ecn:
        words.append(many(sufferer.ecn, "congestion mark"))
    return ", ".join(words)


def ndjson_health(health: Health) -> Iterator[str]:
    """Give a JSON object for each direction, event and RPC; ``record`` says which it is."""
    for watch in health.watches.values():
        side = watch.flow.side
        yield _line(
            record="direction",
            connection=side.connection.number,
            source=side.address,
            destination=watch.flow.destination,
            destination_qpn=watch.flow.qpn,
            source_port=watch.flow.source_port or None,
            wasted_octets=watch.counts.wasted_octets,
            **watch.counts.as_dict(),
        )
    for side, resent in health.streams:
        yield _line(
            record="stream",
            connection=side.connection.number,
            source=side.name,
            destination=side.peer.name if side.peer is not None else None,
            segments_again=resent,
        )
    for event in health.events:
        yield _line(
            record="event",
            kind=event.kind,
            connection=event.connection,
            sender=event.sender,
            frame=event.frame,
            last_frame=event.last_frame,
            time=event.time,
            psn=wrap(event.sequence),
            packets=event.packets,
            octets=event.octets,
            cause=event.cause,
            text=event.text,
            waited=event.waited,
            exchanges=event.exchanges,
        )
    for sufferer in health.sufferers.values():
        rpc = sufferer.rpc
        yield _line(
            record="rpc",
            exchange=rpc.exchange,
            connection=rpc.connection,
            operation=rpc.operation,
            path=rpc.path or None,
            client=rpc.client or None,
            xid=rpc.xid,
            call_frame=rpc.call_frame,
            reply_frame=rpc.reply_frame,
            took=sufferer.took if sufferer.took >= 0 else None,
            late=sufferer.late,
            naks=sufferer.naks,
            timeouts=sufferer.timeouts,
            again=sufferer.again,
            octets=sufferer.octets,
            ecn=sufferer.ecn,
            disorder=sufferer.disorder,
        )


def _line(**fields: object) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"
