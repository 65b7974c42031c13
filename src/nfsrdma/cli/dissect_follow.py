"""``nfsrdma dissect --follow``: one conversation of a capture, as a display filter."""

from __future__ import annotations

from collections.abc import Callable

import click


def _number(word: str) -> int:
    """Return a decimal or hexadecimal number. Raises ``ValueError``."""
    return int(word, 16) if word.lower().startswith("0x") else int(word)


def _connection(what: str) -> str:
    return f"nfsrdma.connection == {_number(what)}"


def _xid(what: str) -> str:
    return f"rpc.xid == {_number(what)}"


def _slot(what: str) -> str:
    session, slash, slot = what.rpartition("/")
    found = f"nfs.slotid == {_number(slot)}"
    return f"nfs.session_id4 == {bytes.fromhex(session).hex(':')} and {found}" if slash else found


def _file(what: str) -> str:
    if what.startswith("fh:"):
        return f"nfs.fh.hash == {int(what[3:], 16)}"
    path = what.replace("\\", "\\\\").replace('"', '\\"')
    return f'nfs.path == "{path}" or nfs.path == "{path} (deleted)"'


_KINDS: dict[str, Callable[[str], str]] = {
    "connection": _connection, "xid": _xid, "slot": _slot, "file": _file,
}  # fmt: skip


def expression_of(context: click.Context, option: click.Parameter, given: str | None) -> str | None:
    """Return the display filter that a conversation is. Raises ``click.BadParameter``."""
    if given is None:
        return None
    kind, colon, what = given.partition(":")
    if kind not in _KINDS or not colon:
        raise click.BadParameter(f"{given} is none of connection:N, xid:X, slot:N, file:PATH")
    try:
        return _KINDS[kind](what)
    except ValueError:
        raise click.BadParameter(f"{what!r} is no {kind}") from None
