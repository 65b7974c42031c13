"""``nfsrdma dissect -Y``: the filter of a view, the message if nothing fits, ``--fields``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.filter import Filter

_ASKED = "nfsrdma.dissect.asked"


def wanted(reader: Reader, expression: str | None) -> Filter | None:
    """Return the filter of one view, or None. Raises ``FilterError``."""
    if not expression:
        return None
    from nfsrdma.dissector.filter import compile_filter

    made = compile_filter(expression)
    made.began_ns = lambda: reader.began_ns
    click.get_current_context().meta.setdefault(_ASKED, []).append(made)
    return made


def say_if_none() -> None:
    """Say on standard error if nothing fits the filter."""
    asked: list[Filter] = click.get_current_context().meta.get(_ASKED, [])
    if asked and not any(one.fitted for one in asked):
        click.echo(f"0 of {max(one.asked for one in asked)} fit", err=True)


def list_fields(context: click.Context, parameter: click.Parameter, given: bool) -> None:
    """Print every field with the kind of its value, and exit."""
    if not given or context.resilient_parsing:
        return
    from nfsrdma.dissector.fields.names import known

    for name, kind in known().items():
        click.echo(f"{name:<35} {kind.kind.value}")
    context.exit()
