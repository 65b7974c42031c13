"""What segmentation offload makes of captured packets: many frames become one."""

from __future__ import annotations

from tests.support.rdma_wire import Frame

MAX_SEGMENTS = 15


def superframes(frames: list[Frame], most: int = MAX_SEGMENTS) -> list[Frame]:
    """Ethernet frames of RoCEv2, those in a row of one sender and one size as a single one.

    As a sender with ``UDP_SEGMENT`` does: the last packet of a burst may be shorter.
    """
    out: list[Frame] = []
    burst: list[Frame] = []
    for frame in frames:
        if burst and not (
            len(burst) < most
            and len(burst[-1].data) == len(burst[0].data) >= len(frame.data)
            and _sides(burst[0].data) == _sides(frame.data)
        ):
            out.append(_joined(burst))
            burst = []
        burst.append(frame)
    return [*out, _joined(burst)]


def _sides(data: bytes) -> bytes:
    """Both IP addresses, in their order."""
    return data[22:54] if data[12:14] == b"\x86\xdd" else data[26:34]


def _joined(burst: list[Frame]) -> Frame:
    data = bytearray(burst[0].data)
    head = 62 if data[12:14] == b"\x86\xdd" else 42
    for frame in burst[1:]:
        data += frame.data[head:]
    data[head - 4 : head - 2] = (len(data) - head + 8).to_bytes(2, "big")
    if head == 42:
        data[16:18] = (len(data) - 14).to_bytes(2, "big")
    else:
        data[18:20] = (len(data) - 54).to_bytes(2, "big")
    return Frame(burst[0].time, bytes(data))
