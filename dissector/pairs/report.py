"""Two captures compared or merged, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..base.text import PLAIN, Paint
from ..fields.summary import duration, many
from ..views.latency.measure import Times
from .brief import Brief
from .clocks import Reading
from .diff import Diff, Difference
from .merge import Merge, Merged, Parts, Split

Names = tuple[str, str]
_PARTS = ("out", "host", "transfer", "back")


def text_difference(one: Difference, paint: Paint = PLAIN) -> str:
    """Return a line: ``-`` only in the first capture, ``+`` only in the second, ``!`` in both."""
    first, second = one.first, one.second
    if first is None or second is None:
        brief, mark = (second, "+") if first is None else (first, "-")
        return f"{paint.warning}{mark} {brief.frames if brief else '':>13}{paint.end} {brief}\n"
    frames = f"{first.frames} | {second.frames}"
    return f"{paint.error}! {frames:>13}{paint.end} {first}: {'; '.join(one.words)}\n"


def ndjson_difference(one: Difference) -> str:
    """Return a JSON object; frames and times are those of each capture."""
    return _line(
        record="difference", first=_brief(one.first), second=_brief(one.second), differs=one.words
    )


def _brief(brief: Brief | None) -> dict[str, object] | None:
    if brief is None:
        return None
    return {
        "call_frame": brief.call_frame or None, "reply_frame": brief.reply_frame or None,
        "source": brief.source, "destination": brief.destination, "protocol": brief.protocol,
        "operation": brief.operation, "status": brief.status, "path": brief.path or None,
        "reply_ns": brief.latency,
    }  # fmt: skip


def text_diff(diff: Diff, names: Names) -> Iterator[str]:
    """Give the sums: what is where, the clocks, and the times of each kind of operation."""
    first, second = names
    yield (
        f"{many(diff.both, 'RPC')} in both, {diff.only[0]} only in {first}, "
        f"{diff.only[1]} only in {second}\n"
    )
    if not diff.both:
        yield "nothing is in both: are these captures of the same traffic?\n"
        return
    yield f"{diff.differing} of both differ, {diff.statuses} of them in how they ended\n"
    yield f"order: {diff.calls.close()} calls and {diff.replies.close()} replies are in another\n"
    for way, what in enumerate(("to the responder", "back")):
        more, less = diff.more[way]
        if more or less:
            yield f"packets {what}: {more} only in {first}, {less} only in {second}\n"
    yield clock_words(diff.clocks.read(), names)
    yield _KIND_ROW.format("calls", *("median", "p99") * 2, "from call to reply")
    order = sorted(diff.kinds.items(), key=lambda item: -item[1].times[0].total)
    for name, kind in (*order, ("all", diff.all)):
        count = max(len(times) for times in kind.times)
        yield _KIND_ROW.format(count, *_pair(kind.times[0]), *_pair(kind.times[1]), name)


_KIND_ROW = "{:>8}   {:>9} {:>9} | {:>9} {:>9}  {}\n"


def _pair(times: Times) -> tuple[str, str]:
    spread = times.spread()
    return (duration(spread.median), duration(spread.p99)) if spread is not None else ("-", "-")


def clock_words(reading: Reading | None, names: Names) -> str:
    """Return how the clocks compare, in a line."""
    first, second = names
    if reading is None:
        return "the clocks cannot be compared: no RPC is complete in both\n"
    ahead = round(reading.offset)
    words = (
        f"the clock of {second} is {duration(abs(ahead))} {'ahead of' if ahead >= 0 else 'behind'} "
    )
    words += f"that of {first}, within {duration(round(reading.error))}"
    if reading.drift:
        words += f"; it gains {reading.drift * 1e6:+.3f} us each second"
    return words + "\n"


def ndjson_diff(diff: Diff) -> Iterator[str]:
    """Give a JSON object for the sums, and one for each kind of operation."""
    yield _line(
        record="diff", both=diff.both, only_first=diff.only[0], only_second=diff.only[1],
        differing=diff.differing, statuses=diff.statuses, calls_reordered=diff.calls.close(),
        replies_reordered=diff.replies.close(), packets_forth=diff.more[0],
        packets_back=diff.more[1], clock=_clock(diff.clocks.read()),
    )  # fmt: skip
    for name, kind in diff.kinds.items():
        first, second = (_spread(times) for times in kind.times)
        yield _line(record="times", operation=name, first=first, second=second)


def _clock(reading: Reading | None) -> dict[str, float] | None:
    return None if reading is None else {
        "ahead_ns": round(reading.offset), "error_ns": round(reading.error), "drift": reading.drift,
    }  # fmt: skip


def _spread(times: Times) -> dict[str, int] | None:
    spread = times.spread()
    return None if spread is None else {
        "calls": spread.calls, "median": spread.median, "p99": spread.p99, "worst": spread.worst,
    }  # fmt: skip


# --- Merged ---

_PART_ROW = "{:>8} {:>9} {:>9}   {:>9} {:>9} {:>9} {:>9}   {:>9} {:>9}  {}\n"


def text_merge(merge: Merge, names: Names) -> Iterator[str]:
    """Give where the time went, by operation, and the slowest RPCs with their parts."""
    first, second = names
    count = len(merge.all.of["total"])
    yield (
        f"{many(count, 'RPC')} complete in both, {merge.incomplete} not; {merge.only[0]} only in "
        f"{first}, {merge.only[1]} only in {second}\n"
    )
    yield clock_words(merge.clock, names)
    yield (
        f"lost between the two: {many(merge.lost[0], 'packet')} on the way to the responder, "
        f"{merge.lost[1]} on the way back\n"
    )
    if not count:
        return
    there, behind = names[merge.near], names[1 - merge.near]
    yield f"\nTotal: as seen at {there}. Host: what is behind {behind}. Parts are medians.\n"
    yield _PART_ROW.format("calls", "total", "p99", *_PARTS, "net p99", "host p99", "operation")
    order = sorted(merge.kinds.items(), key=lambda item: -item[1].of["total"].total)
    for name, parts in (*order, ("all", merge.all)):
        yield _part_row(name, parts)
    yield "\nThe slowest\n"
    for one in merge.slowest():
        yield f"{one.brief.frames:>13} {one.brief}: {_parts(one.parts)}\n"


def _part_row(name: str, parts: Parts) -> str:
    medians = [duration(parts.of[part].quantile(0.5)) for part in _PARTS]
    total = parts.of["total"]
    tails = [_pair(parts.of[part])[1] for part in ("network", "host")]
    return _PART_ROW.format(len(total), *_pair(total), *medians, *tails, name)


def _parts(parts: Split) -> str:
    words = [f"{name} {duration(getattr(parts, name))}" for name in _PARTS if getattr(parts, name)]
    return f"{duration(parts.total)} = {' + '.join(words)}"


def ndjson_merged(one: Merged) -> str:
    """Return a JSON object of an RPC and its parts, in nanoseconds."""
    return _line(
        record="merged", first=_brief(one.brief), second=_brief(one.other),
        network=one.parts.network, **one.parts._asdict(),
    )  # fmt: skip


def ndjson_merge(merge: Merge) -> Iterator[str]:
    """Give a JSON object for the sums, and one for each kind of operation."""
    yield _line(
        record="merge", complete=len(merge.all.of["total"]), incomplete=merge.incomplete,
        only_first=merge.only[0], only_second=merge.only[1], lost_forth=merge.lost[0],
        lost_back=merge.lost[1], clock=_clock(merge.clock),
    )  # fmt: skip
    for name, parts in merge.kinds.items():
        spreads = {part: _spread(times) for part, times in parts.of.items()}
        yield _line(record="parts", operation=name, **spreads)


def _line(**fields: object) -> str:
    return json.dumps(fields, separators=(",", ":")) + "\n"
