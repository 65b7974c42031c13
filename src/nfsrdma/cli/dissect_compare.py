"""``nfsrdma dissect --compare-tshark``: our decoding beside Wireshark's, through pyshark."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.tracking.claims import DecodeAs
    from nfsrdma.dissector.views.compare import Comparison, Difference
    from nfsrdma.dissector.views.compare.theirs import TheirFrame

_WANTED = "rpc || rpcordma"


def compare(reader: Reader, file: str, ndjson: bool, decode_as: DecodeAs) -> bool:
    """Write every difference between the two decoders; return whether any is not explained."""
    from nfsrdma.dissector.pipeline import Pipeline
    from nfsrdma.dissector.views.compare import Comparison

    form = _as_json if ndjson else _as_text
    with _tshark(file) as frames:
        view = Comparison(
            frames, lambda: reader.source.view, lambda one: sys.stdout.write(form(one))
        )
        Pipeline(reader, view, decode_as=decode_as).run()
    sys.stdout.write("" if ndjson else _summary(view))
    sys.stdout.flush()
    reader.check()
    return view.unexplained > 0


@contextmanager
def _tshark(file: str) -> Iterator[Iterator[TheirFrame]]:
    """Yield the frames in which Wireshark finds RPC, as it decodes them in two passes."""
    try:
        import pyshark
        from pyshark.capture.capture import TSharkCrashException
        from pyshark.tshark.tshark import TSharkNotFoundException
    except ImportError:
        raise click.ClickException(
            "--compare-tshark needs the package pyshark: pip install nfsrdma[wireshark]"
        ) from None
    if file == "-":
        raise click.UsageError("--compare-tshark needs a file: tshark reads it as well")
    # pyshark drives an event loop; it gets one of its own, which is closed here.
    loop = asyncio.new_event_loop()
    capture: Any = None
    try:
        capture = pyshark.FileCapture(
            file,
            display_filter=_WANTED,
            keep_packets=False,
            custom_parameters=["-2", "-n"],
            eventloop=loop,
        )
        yield _frames(capture)
    except TSharkNotFoundException:
        raise click.ClickException(
            "tshark was not found: install it (Debian: apt-get install tshark)"
        ) from None
    except TSharkCrashException as error:
        reason = str(error).strip().splitlines()[-1:] or ["no reason given"]
        raise click.ClickException(f"tshark cannot read {file}: {reason[0]}") from None
    finally:
        if capture is not None:
            _close(capture, loop)
        loop.close()


def _close(capture: Any, loop: asyncio.AbstractEventLoop) -> None:
    """End tshark, and leave nothing behind that would use the event loop once it is closed."""
    from pyshark.capture.capture import TSharkCrashException

    processes = list(capture._running_processes)
    # After the last packet its exit status does not matter; asyncio may have lost it.
    with suppress(TSharkCrashException):
        capture.close()
    capture._running_processes.clear()
    for process in processes:
        process._transport.close()
    loop.run_until_complete(asyncio.sleep(0))


def _frames(capture: Any) -> Iterator[TheirFrame]:
    from nfsrdma.dissector.views.compare.theirs import TheirFrame

    for packet in capture:
        # Its public accessors rename and search fields one by one, a hundred times slower.
        layers = [
            (
                layer.layer_name,
                {
                    name: [field.show or "" for field in container.fields]
                    for name, container in layer._all_fields.items()
                },
            )
            for layer in packet.layers
        ]
        yield TheirFrame(int(packet.number), layers)


def _as_text(one: Difference) -> str:
    what = one.field or "message"
    why = f"known: {one.known}" if one.known else "UNEXPLAINED"
    return (
        f"{one.frame:>8} {one.xid:#010x} {one.direction} {what}: ours {one.ours}, "
        f"tshark {one.theirs} [{why}]\n"
    )


def _as_json(one: Difference) -> str:
    return json.dumps(one._asdict(), separators=(",", ":")) + "\n"


def _summary(view: Comparison) -> str:
    from nfsrdma.dissector.views.compare import KNOWN

    out = [f"{view.messages} messages, {view.fields} fields compared\n"]
    for known, count in view.known.most_common():
        out.append(f"{count:>8} {known}: {KNOWN[known].text}\n")
    out.append(f"{view.unexplained:>8} unexplained\n")
    return "".join(out)
