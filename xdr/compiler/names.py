"""Names of a specification as Python can have them.

A name that Python, or the emitted code itself, has a use for gets an underscore at its end, and
loses those at its beginning: inside a class Python would read ``__name`` as something else.
"""

from __future__ import annotations

import keyword
from collections.abc import Container

USED = frozenset(
    {"Any", "Decoder", "Encoder", "Final", "IntEnum", "LinkedStruct", "MISSING", "PAD", "Struct"}
    | {"StructError", "TypeAlias", "XdrStruct", "XdrUnion", "pack", "no_arm", "not_boolean"}
    | {"too_long", "unencodable", "wrong_arm", "wrong_length", "bool", "bytearray", "bytes"}
    | {"classmethod", "dict", "float", "int", "len", "list", "memoryview", "property", "range"}
    | {"Mapping", "abstractmethod", "annotations", "rpc", "super", "tuple"}
)
"""Names that emitted modules use for themselves."""

MEMBERS = frozenset({"classmethod", "decode", "decode_arm", "encode", "property", "self", "value"})
"""What the emitted classes are made of, and so cannot be the name of a member."""

HINTS = frozenset({"bool", "bytearray", "bytes", "float", "int", "list", "memoryview"})
"""Python's types in annotations: a property of such a name would be taken for the type."""

ENUMERATION = frozenset(dir(int)) | {"mro", "name", "names", "value", "values"}
"""What members of an ``IntEnum`` cannot be called."""


def global_name(name: str) -> str:
    """Return how a module spells a type, a constant or a procedure."""
    return safe_name(name, USED)


def safe_name(name: str, taken: Container[str]) -> str:
    """Return ``name``, changed if it is a keyword, begins with an underscore or is taken."""
    bare = name.lstrip("_")
    if bare != name:
        name = f"{bare}_" if bare[:1].isalpha() else f"n{bare}_"
    while keyword.iskeyword(name) or name in taken:
        name += "_"
    return name
