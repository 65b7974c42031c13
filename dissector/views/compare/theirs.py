"""What Wireshark decoded, message by message, from the layers that it found in each frame."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

Values = list[int | str]
Layer = tuple[str, Mapping[str, Sequence[str]]]
"""A protocol's name, and its fields in Wireshark's order with what each shows."""

TRANSPORT, RPC, NFS, DATA = "rpcordma", "rpc", "nfs", "data"


class TheirFrame(NamedTuple):
    """One frame of Wireshark's: its number, and its layers from the outermost."""

    number: int
    layers: Sequence[Layer]


class Theirs:
    """What Wireshark says of one message, or of one part of it: it may show the header of a call
    in one frame and the call itself in another."""

    __slots__ = ("fields", "frame", "malformed")

    def __init__(self, frame: int) -> None:
        self.frame = frame
        self.fields: dict[str, Values] = {}
        self.malformed = False

    @property
    def xid(self) -> int:
        """The RPC's if there is one, else the transport's; -1 for none."""
        values = self.fields.get("rpc.xid") or self.fields.get("rpcordma.xid") or [-1]
        return values[0] if isinstance(values[0], int) else -1

    def is_about(self, xids: set[int]) -> bool:
        """Return whether the RPC or the header has one of these XIDs: they may differ."""
        own = (self.fields.get(name, ()) for name in ("rpc.xid", "rpcordma.xid"))
        return any(not xids.isdisjoint(values) for values in own)

    @property
    def direction(self) -> int:
        """0 for a call, 1 for a reply, -1 where no RPC was decoded."""
        values = self.fields.get("rpc.msgtyp") or [-1]
        return values[0] if isinstance(values[0], int) else -1

    def has(self, group: str) -> bool:
        """Return whether it has anything of a protocol."""
        return any(name.startswith(group + ".") for name in self.fields)


def value(shown: str) -> int | str:
    """Return a field as a number where it is one; octets as hexadecimal digits."""
    try:
        return int(shown, 16) if shown[:2] == "0x" else int(shown)
    except ValueError:
        pass
    if shown in ("True", "False"):
        return int(shown == "True")
    return shown.replace(":", "") if len(shown) > 2 and shown[2] == ":" else shown


def messages(frame: TheirFrame, wanted: Callable[[str], bool]) -> Iterator[Theirs]:
    """Return the messages in a frame, with the fields that are ``wanted``."""
    current: Theirs | None = None
    for name, fields in frame.layers:
        if name == TRANSPORT or (
            name == RPC and (current is None or current.has(RPC) or not fields.get("rpc.xid"))
        ):
            if current is not None:
                yield current
            current = Theirs(frame.number)
        if current is None:
            continue
        if name == "_ws.malformed":
            current.malformed = True
        for field, shown in fields.items():
            if field == "nfs.data":
                current.fields["nfs.data"] = [digest(shown)]
            elif wanted(field) and (field.startswith(name + ".") or field not in current.fields):
                current.fields[field] = [value(one) for one in shown]
    if current is not None:
        yield current


def digest(parts: Iterable[str]) -> str:
    """Return length and CRC of opaque data that Wireshark shows."""
    octets = b"".join(bytes.fromhex(part.replace(":", "")) for part in parts)
    return f"{len(octets)} octets, CRC {zlib.crc32(octets):08x}"
