"""What C's RPC library brings along: a specification may use it without defining it."""

from __future__ import annotations

from collections.abc import Mapping

from .model import Boolean, FixedOpaque, Opaque, Scalar, Type

PREDEFINED: Mapping[str, Type] = {
    **dict.fromkeys(("char", "short", "long", "int8_t", "int16_t", "int32_t"), Scalar("i")),
    **dict.fromkeys(("unsigned char", "unsigned short", "unsigned long"), Scalar("I")),
    **dict.fromkeys(("u_char", "u_short", "u_int", "u_long"), Scalar("I")),
    **dict.fromkeys(("uint8_t", "uint16_t", "uint32_t"), Scalar("I")),
    **dict.fromkeys(("u_int8_t", "u_int16_t", "u_int32_t"), Scalar("I")),
    **dict.fromkeys(("int64_t", "quad_t", "longlong_t"), Scalar("q")),
    **dict.fromkeys(("uint64_t", "u_int64_t", "u_quad_t", "u_longlong_t"), Scalar("Q")),
    **dict.fromkeys(("rpcprog_t", "rpcvers_t", "rpcproc_t", "rpcport_t"), Scalar("I")),
    "bool_t": Boolean(),
    "netobj": Opaque(1024),
    "des_block": FixedOpaque(8),
}
"""Types that C's RPC library brings along: they are there unless a specification defines them.

However small an integer is in C, it takes a word, or two, in XDR.
"""

PREDEFINED_NUMBERS: Mapping[str, int] = {
    "MAXNETNAMELEN": 255,
    "MAX_AUTH_BYTES": 400,
    "MAX_NETOBJ_SZ": 1024,
}
"""Constants that C's RPC library brings along."""
