"""The functions that run for every packet and every octet, in Python.

The native kernel (``_kernel.c``) has the same functions. These are its oracle in the tests, and run
where it was not built; ``kernel`` chooses. All are pure functions over buffers.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..wire.headers import ACK_REQUEST, BTH, DEFAULT_PKEY, PAD_SHIFT
from ..wire.icrc import CONGESTION_DELTA, RESIDUE, Flow, crc32
from ..wire.opcode import BTH_OCTETS, ICRC_OCTETS, MAX_EXTENSION_OCTETS, MAX_MTU, MIDDLES, OPCODES
from ..wire.psn import MASK

Part = tuple[memoryview, int, int]
"""Packets of a run in one burst: its view, the offset of the first, how many."""

Last = tuple[memoryview, int, int, int, int]
"""The last packet of a whole SEND: view, offset, octets, those of payload, opcode."""

Found = tuple[int, int, int, bool, memoryview, int, int, int, int, int, list[Part], Last | None]
"""The fields of a ``run.Run``: queue pair number; opcode; first PSN; whether any packet asks for an
acknowledgement; view; offset of the first packet; octets of each; how many in this burst, and in
all; octets of payload of each (negative if the pad is longer than the payload); the other parts;
the last packet, if it is a whole SEND of several, and counted, but not among the others."""

Scanned = tuple[list[Found], int, int]
"""Runs, how many packets were malformed, and how many had a wrong ICRC."""

FRAME_OCTETS = BTH_OCTETS + ICRC_OCTETS
COPIED = 1024
"""Payloads up to so many octets are cheaper to copy than to gather."""

MOST_COPIED = 20480
"""Octets of the longest message that is copied into its packets: a record of 16 KiB in a reply."""

MOST_TRAIN = 1024
"""Packets of the longest train."""

MOST_ONLIES = 128
"""Messages of one packet in a burst, at most: what the kernel takes in one send call."""

_SHORTEST = BTH_OCTETS + ICRC_OCTETS
_LONGEST = BTH_OCTETS + MAX_EXTENSION_OCTETS + MAX_MTU + ICRC_OCTETS
_GUESSED_IDENTS = 128
_HEADER_OCTETS = {code: row.header_octets for code, row in OPCODES.items()}
_FULL_MEMBER = 0x8000
_SEND_FIRST, _SEND_MIDDLE = 0x00, 0x01
_SEND_LASTS = (0x02, 0x16)
_ZEROS = (b"", b"\0", b"\0\0", b"\0\0\0")


def scan(
    flow: Flow, bursts: Sequence[tuple[memoryview, int]], idents: Sequence[int] | None
) -> Scanned:
    """Check the packets of bursts that came one after the other, and cut them into runs.

    For each burst there are its octets and a segment size: its packets have so many octets each,
    the last one may have fewer. A run is one packet, or MIDDLE packets whose first eight octets are
    the same and whose PSNs follow each other; those that begin a burst go on with the last run of
    the one before if they are of the same message and size. A SEND of several packets is one run,
    from its first to its last, if only that asks for an acknowledgement. ``idents`` are the
    packets' IPv4 identifications where the source knows them, of a single burst; then no other is
    accepted.
    Refused are a wrong ICRC; a length that is impossible or too short for the opcode's headers; an
    unknown opcode; another version or partition; a burst of an impossible segment size.
    """
    runs: list[Found] = []
    malformed = damaged = 0
    for view, segment_size in bursts:
        if segment_size < 1:
            malformed += 1
            continue
        found, bad, wrong = _scan_burst(flow, view, segment_size, idents)
        malformed += bad
        damaged += wrong
        if runs and found and (joined := _join(runs[-1], found[0])) is not None:
            runs[-1] = joined
            del found[0]
        runs += found
    return _wholes(runs), malformed, damaged


def _wholes(runs: list[Found]) -> list[Found]:
    """Return the runs with those of each whole SEND made one."""
    found = []
    index = 0
    while index < len(runs):
        run, used = _whole(runs[index : index + 3])
        found.append(run)
        index += used
    return found


def _whole(runs: list[Found]) -> tuple[Found, int]:
    """Return the SEND that the first runs are, from its first packet to its last, and how many.

    Otherwise it is the first run alone.
    """
    first, *others = runs
    number, code, psn, ask, view, offset, size, here, count, length, rest, _ = first
    if code != _SEND_FIRST or ask or not others:
        return first, 1
    if others[0][1] == _SEND_MIDDLE:
        middle = others.pop(0)
        if not others or middle[3] or (middle[6], middle[9]) != (size, length):
            return first, 1
        if (middle[0], middle[2]) != (number, psn + 1 & MASK):
            return first, 1
        count += middle[8]
        if middle[4] is view and middle[5] == offset + size:
            here, rest = 1 + middle[7], middle[10]
        else:
            rest = [(middle[4], middle[5], middle[7]), *middle[10]]
    last = others[0]
    if (
        last[1] not in _SEND_LASTS
        or last[9] < 0
        or (last[0], last[2]) != (number, psn + count & MASK)
    ):
        return first, 1
    end = last[4], last[5], last[6], last[9], last[1]
    whole = number, code, psn, last[3], view, offset, size, here, count + 1, length, rest, end
    return whole, len(runs) - len(others) + 1


def _join(run: Found, begun: Found) -> Found | None:
    """Return a run that goes on with what begins the next burst, or ``None`` if it does not."""
    number, code, psn, ask, view, offset, size, here, count, length, rest, _ = run
    if code not in MIDDLES or (number, code, psn + count & MASK, size, length) != (
        *begun[:3],
        begun[6],
        begun[9],
    ):
        return None
    part = begun[4], begun[5], begun[7]
    more = number, code, psn, ask or begun[3], view, offset, size, here, count + begun[8], length
    return *more, [*rest, part], None


def _scan_burst(
    flow: Flow, view: memoryview, segment_size: int, idents: Sequence[int] | None
) -> Scanned:
    unpack = BTH.unpack_from
    runs: list[Found] = []
    malformed = damaged = offset = index = 0
    end = len(view)
    while offset < end:
        size = min(segment_size, end - offset)
        count = 1
        if size < _SHORTEST or size & 3 or size > _LONGEST:
            malformed += 1
        elif not flow.verify(
            view[offset : offset + size],
            index if index < _GUESSED_IDENTS else 0,
            None if idents is None else idents[index],
        ):
            damaged += 1
        else:
            head, tail = unpack(view, offset)
            code = head >> 56
            header = _HEADER_OCTETS.get(code)
            if (
                header is None
                or size < header + ICRC_OCTETS
                or head >> 48 & 0x0F
                or (head >> 32 | _FULL_MEMBER) & 0xFFFF != DEFAULT_PKEY
            ):
                malformed += 1
            else:
                asks = tail
                if code in MIDDLES:
                    count, asks = _gather(view, offset, size, index, flow, idents)
                length = size - header - ICRC_OCTETS - (head >> 52 & 3)
                which = head & MASK, code, tail & MASK, bool(asks & ACK_REQUEST)
                runs.append((*which, view, offset, size, count, count, length, [], None))
        offset += count * size
        index += count
    return runs, malformed, damaged


def _gather(
    view: memoryview,
    offset: int,
    size: int,
    index: int,
    flow: Flow,
    idents: Sequence[int] | None,
) -> tuple[int, int]:
    """Return how many packets form a run with the one at ``offset``, and their A bits."""
    unpack, residue = BTH.unpack_from, RESIDUE
    head, tail = unpack(view, offset)
    delta = CONGESTION_DELTA[head >> 24 & 0xFF]
    most = min((len(view) - offset) // size, _GUESSED_IDENTS - index)
    seeds = flow.seeds(size, index + most) if most > 1 else ()
    psn = tail & MASK
    asks = tail
    count = 1
    for seed in seeds[index + 1 : index + most]:
        offset += size
        next_head, tail = unpack(view, offset)
        psn = psn + 1 & MASK
        if next_head != head or tail & MASK != psn:
            break
        packet = view[offset : offset + size]
        if idents is not None:
            if not flow.verify(packet, ident=idents[index + count]):
                break
        elif crc32(packet, seed ^ delta) != residue and not flow.verify(packet, index + count):
            break
        asks |= tail
        count += 1
    return count, asks


def frames(
    flow: Flow,
    index: int,
    head: int,
    psn: int,
    ask: int,
    view: memoryview,
    start: int,
    mtu: int,
    n: int,
) -> bytes:
    """Return what surrounds the payloads of ``n`` packets with a bare BTH and ``mtu`` octets.

    The payloads lie behind one another in ``view`` from ``start``. For each packet there are
    ``FRAME_OCTETS``: its BTH, its ICRC. The first word of the BTHs is ``head`` (whose congestion
    bits are zero), the second word of the last one also has the bits ``ask``. ``index`` is the
    place of the first packet in its burst.
    """
    seeds = flow.seeds(BTH_OCTETS + mtu + ICRC_OCTETS, index + n)
    pack = BTH.pack
    made = []
    last = index + n - 1
    for at in range(index, index + n):
        header = pack(head, psn & MASK | ask if at == last else psn & MASK)
        crc = crc32(view[start : start + mtu], crc32(header, seeds[at]))
        made.append(header + crc.to_bytes(4, "little"))
        psn += 1
        start += mtu
    return b"".join(made)


def train(
    flow: Flow,
    first: int,
    head: int,
    psn: int,
    ask: int,
    extension: bytes,
    view: memoryview,
    start: int,
    mtu: int,
    cuts: tuple[int, ...],
) -> bytes:
    """Return what surrounds the payloads of the packets of several bursts, one after the other.

    As ``frames``, for bursts of so many packets each as ``cuts`` says; the places in a burst begin
    anew in each. The first BTH's first word is ``first``, and ``extension`` follows it.
    """
    made = [b""]
    count = sum(cuts)
    if not 0 < count <= MOST_TRAIN or min(cuts) < 1 or len(extension) > MAX_EXTENSION_OCTETS:
        raise ValueError("no bursts")
    if start < 0 or not 0 < mtu <= MAX_MTU or start + count * mtu > len(view):
        raise ValueError("packets of what is not there")
    for cut in cuts:
        for index in range(cut):
            count -= 1
            header = BTH.pack(first, psn & MASK | (0 if count else ask)) + extension
            size = len(header) + mtu + ICRC_OCTETS
            crc = crc32(header, flow.seeds(size, index + 1)[index])
            crc = crc32(view[start : start + mtu], crc)
            made.append(header + crc.to_bytes(4, "little"))
            first, extension = head, b""
            psn += 1
            start += mtu
    return b"".join(made)


def packet(
    flow: Flow,
    index: int,
    header: bytes,
    views: Sequence[memoryview],
    offset: int,
    length: int,
) -> list[bytes | memoryview]:
    """Return one packet: ``header``, ``length`` octets of ``views`` from ``offset``, pad, ICRC.

    ``views`` are taken as one. ``index`` is the place of the packet in its burst. A short payload
    is copied, a long one stays in place: so there are one or several buffers. Raises
    ``ValueError`` when the views are too short.
    """
    found = pieces(views, offset, length) if length else []
    pad = _ZEROS[-length & 3]
    size = len(header) + length + len(pad) + ICRC_OCTETS
    if (
        len(header) < BTH_OCTETS
        or size > _LONGEST
        or min(index, offset) < 0
        or sum(map(len, found)) != length
    ):
        raise ValueError("not the parts of a packet")
    crc = crc32(header, flow.seeds(size, index + 1)[index])
    for piece in found:
        crc = crc32(piece, crc)
    end = pad + crc32(pad, crc).to_bytes(4, "little")
    if length <= COPIED:
        return [b"".join((header, *found, end))]
    return [header, *found, end]


def message(
    flow: Flow,
    heads: tuple[int, int, int, int],
    psn: int,
    ask: int,
    extension: bytes,
    view: memoryview,
    mtu: int,
) -> bytes:
    """Return all packets of a message, one behind the other: the beginning of a burst.

    ``heads`` are the first words of their BTHs: of the first, the middle ones, the last, and of the
    only one. The last one has ``extension`` behind its BTH, and the bits ``ask``. The payload, all
    of ``view``, is copied. Raises ``ValueError`` for a longer message than a burst has room for.
    """
    length = len(view)
    count = -(-length // mtu) if mtu > 0 else 0
    if not 0 < mtu <= MAX_MTU or length > MOST_COPIED or len(extension) > MAX_EXTENSION_OCTETS:
        raise ValueError("no message of one burst")
    made: list[bytes | memoryview] = []
    last = max(count - 1, 0)
    for index in range(last + 1):
        start = index * mtu
        size = min(mtu, length - start)
        head = heads[3 if not last else 0 if not index else 2 if index == last else 1]
        header = BTH.pack(
            head | (-size & 3) << PAD_SHIFT, psn + index & MASK | (ask if index == last else 0)
        )
        if index == last:
            header += extension
        made += packet(flow, index, header, (view,), start, size)
    return b"".join(made)


def onlies(flow: Flow, head: int, psn: int, ask: int, views: Sequence[memoryview]) -> bytes:
    """Return the packets of messages that have one each, one behind the other: a burst.

    ``head`` is the first word of their BTHs; the last one has the bits ``ask``. With their pads
    all messages are as long as the first, but the last one may be shorter. They are copied. Raises
    ``ValueError`` for others, and for more than one burst takes.
    """
    sizes = [len(view) + 3 & ~3 for view in views]
    if (
        not 0 < len(views) <= MOST_ONLIES
        or max(map(len, views)) > MAX_MTU
        or set(sizes[:-1]) > {sizes[0]}
        or sizes[-1] > sizes[0]
    ):
        raise ValueError("no burst of messages")
    made: list[bytes | memoryview] = []
    for index, view in enumerate(views):
        tail = psn + index & MASK | (ask if index == len(views) - 1 else 0)
        header = BTH.pack(head | (-len(view) & 3) << PAD_SHIFT, tail)
        made += packet(flow, index, header, (view,), 0, len(view))
    return b"".join(made)


def pieces(views: Sequence[memoryview], offset: int, length: int) -> list[memoryview]:
    """Return the parts of ``views``, taken as one, from ``offset`` on."""
    if len(views) == 1:
        return [views[0][offset : offset + length]]
    found = []
    for view in views:
        if offset >= len(view):
            offset -= len(view)
            continue
        piece = view[offset : offset + length]
        found.append(piece)
        length -= len(piece)
        if not length:
            break
        offset = 0
    return found


def place(
    view: memoryview, begin: int, size: int, count: int, length: int, sink: memoryview, at: int
) -> None:
    """Copy ``count`` payloads of ``length`` octets each to ``sink`` from ``at`` on.

    They lie in ``view`` from ``begin`` on, one every ``size`` octets.
    Raises ``ValueError`` when that is not within the two.
    """
    if not (
        min(begin, at, count, length) >= 0
        and length <= size
        and begin + max(count - 1, 0) * size + (length if count else 0) <= len(view)
        and at + count * length <= len(sink)
    ):
        raise ValueError("payloads that do not fit")
    for start in range(at, at + count * length, length) if length else ():
        sink[start : start + length] = view[begin : begin + length]
        begin += size


def spread(
    parts: Sequence[Part], header: int, size: int, length: int, sink: memoryview, at: int
) -> None:
    """Copy the payloads of all parts of a run to ``sink`` from ``at`` on.

    The packets have ``size`` octets each, and ``length`` of payload behind ``header`` octets.
    Raises ``ValueError`` when that is not within the views and the sink; the parts before that are
    copied then.
    """
    for view, offset, count in parts:
        if min(header, offset) < 0:
            raise ValueError("payloads that do not fit")
        place(view, offset + header, size, count, length, sink, at)
        at += count * length
