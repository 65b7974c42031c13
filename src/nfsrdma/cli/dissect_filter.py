"""``nfsrdma dissect``: ``-Y``, the message if nothing fits, and the names of fields."""

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


def list_wireshark(context: click.Context, parameter: click.Parameter, given: str | None) -> None:
    """Print every field in the columns of ``tshark -G fields``, and exit.

    A field has its own name where Wireshark has a description, which is its own.
    """
    if given is None or context.resilient_parsing:
        return
    from nfsrdma.dissector.fields.kinds import FieldKind
    from nfsrdma.dissector.fields.names import known

    for name, kind in known().items():
        if kind.kind == FieldKind.PROTOCOL and "." not in name:
            click.echo(f"P\t{name}\t{name}")
            continue
        base = ""
        if kind.kind == FieldKind.NUMBER:
            base = "BASE_HEX" if kind.hexadecimal else "BASE_DEC"
        row = ("F", name, name, kind.wireshark, name.partition(".")[0], base, "0x0", "")
        click.echo("\t".join(row))
    context.exit()


def columns_of(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the fields that are columns. Raises ``click.BadParameter`` for what is none."""
    if given:
        from nfsrdma.dissector.fields.kinds import wireshark_fields
        from nfsrdma.dissector.fields.names import known
        from nfsrdma.dissector.filter.lexer import near

        for name in given:
            if name in known():
                continue
            if name in wireshark_fields():
                raise click.BadParameter(f"{name} is Wireshark's, and not decoded here")
            raise click.BadParameter(f"there is no field {name!r}{near(name, known())}")
    return given


def style_of(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the options of ``-E``, once they are known to be some."""
    if given:
        from nfsrdma.dissector.views.columns import style

        try:
            style(given)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None
    return given
