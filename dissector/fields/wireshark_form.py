"""A message as Wireshark shows it: which fields, in which order, written how."""

from __future__ import annotations

from typing import Any

from ..tracking.model import Exchange, Message
from .derived import asked_of_message, derived_names
from .kinds import FieldKind, FieldType, written
from .names import known

Texts = dict[str, list[str]]
_LAYERS = ("frame", "eth", "ip", "ipv6", "udp", "tcp", "iwarp_mpa", "iwarp_ddp",
           "iwarp_rdma", "infiniband", "rpcordma", "rpc", "nfs",
           "nfsacl", "mount", "nlm", "stat", "rquota", "portmap", "nfsrdma")  # fmt: skip


def texts(fields: dict[str, Any]) -> Texts:
    """Return the values of fields, each written as Wireshark does."""
    types = known()
    found: Texts = {}
    for name, value in fields.items():
        type_ = types.get(name)
        if type_ is not None:
            several = value if isinstance(value, list) else (value,)
            found[name] = [_text(name, one, type_) for one in several]
    return found


def _text(name: str, value: Any, type_: FieldType) -> str:
    if type_.kind == FieldKind.PROTOCOL and "." not in name:
        return name
    return written(value, type_)


def whole(exchange: Exchange, message: Message, began: int) -> dict[str, Texts]:
    """Return all fields of a message by protocol, from the outermost in."""
    found = texts(asked_of_message(exchange, message, derived_names(), began))
    found["frame.time_epoch"] = [
        f"{message.time_ns // 1_000_000_000}.{message.time_ns % 1_000_000_000:09}"
    ]  # a float has not all of its digits
    layers: dict[str, Texts] = {}
    for name, values in found.items():
        if "." in name:
            layers.setdefault(name.partition(".")[0], {})[name] = values
    return {layer: layers[layer] for layer in _LAYERS if layer in layers}
