"""From anybody's specification to one Python module: what ``nfsrdma xdrgen`` does, but for files.

preprocess -> lexer -> parser -> resolver -> emitter -> finish
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from . import ast
from .emitter import Parts, emit_for_others
from .errors import Position, SpecificationError
from .lexer import number_of
from .model import Model
from .names import global_name
from .parser import parse
from .preprocess import Reader, Source, preprocess
from .resolver import resolve

_RPCGEN = dict.fromkeys(("RPC_HDR", "RPC_XDR", "RPC_CLNT", "RPC_SVC"), "")
"""What rpcgen defines for each of the files that it writes: here they are one."""


@dataclass(frozen=True, slots=True)
class Generated:
    """A module, what it was made from, and what of its specification was left out."""

    text: str
    model: Model
    warnings: tuple[tuple[Position, str], ...]


def generate(
    texts: Sequence[tuple[str, str]],
    title: str,
    parts: Parts,
    *,
    read: Reader | None = None,
    definitions: Mapping[str, str] | None = None,
    ddp: Sequence[str] = (),
) -> Generated:
    """Return the module of the specifications ``texts``, which are pairs of a name and a text.

    ``title`` is the first line of its docstring. ``read`` and ``definitions`` are those of
    ``preprocess``. ``ddp`` names items that RDMA may place directly, besides those that comments
    name: ``TYPE.MEMBER``, ``PROCEDURE.result`` or ``PROCEDURE.ARGUMENT`` (``argument`` if it has
    no name). Errors: ``SpecificationError``.
    """
    bodies: list[ast.Definition] = []
    sources: list[Source] = []
    for name, text in texts:
        source = preprocess(text, name, read, {**_RPCGEN, **(definitions or {})})
        sources.append(source)
        bodies += parse(source.text, name, source.places).definitions
    constants = _constants(sources, bodies)
    command_line = Position("<command line>", 1, 1)
    items = [(command_line, item) for item in ddp]
    items += [item for source in sources for item in source.ddp]
    bulk = {_item(position, item): position for position, item in items}
    model = resolve(ast.Specification((*constants, *bodies)), frozenset(bulk))
    for item, position in bulk.items():
        if item not in model.bulk_items:
            raise SpecificationError(position, f"there is no {'.'.join(item)} to place directly")
    passed_through = [line for source in sources for line in source.passed_through]
    warnings = tuple(warning for source in sources for warning in source.warnings)
    names = [name.rsplit("/", 1)[-1] for name, _ in texts]
    text = emit_for_others(model, title, names, passed_through, parts)
    return Generated(text, model, warnings)


def _constants(sources: list[Source], bodies: list[ast.Definition]) -> list[ast.Constant]:
    """Return the numbers that ``#define`` defines, each once, and those of C that are used."""
    found: dict[str, ast.Constant] = {}
    taken = {definition.name for definition in bodies}
    for source in sources:
        for position, name, text in source.constants:
            value = ast.Value(position, text, number_of(text, position))
            found[global_name(name)] = ast.Constant(position, global_name(name), value)
    defined = taken | found.keys()
    for source in sources:
        for position, name, text, more in source.likely:
            safe = global_name(name)
            if safe in defined:
                continue
            if text[0].isdigit():
                value = ast.Value(position, text, number_of(text, position) + more)
            elif global_name(text) in defined:
                value = ast.Value(position, global_name(text), None, more)
            else:
                continue
            defined.add(safe)
            found[safe] = ast.Constant(position, safe, value)
    return list(found.values())


def _item(position: Position, text: str) -> tuple[str, str]:
    owner, dot, member = text.partition(".")
    if not dot or not owner or not member:
        raise SpecificationError(position, f"{text!r} is not of the form TYPE.MEMBER")
    return global_name(owner), member
