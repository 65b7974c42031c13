"""``nfsrdma serve --config``: each option has a key of its name, and exports have tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import click
from click.core import ParameterSource

from nfsrdma.server.config import ServerConfig
from nfsrdma.server.vfs.interface import FileSystem
from nfsrdma.server.vfs.memory import MemoryFileSystem
from nfsrdma.server.vfs.namespace import Namespace

from .config_exports import CLIENT_LIMITS, FLAVOR_NAMES, SQUASHES, STATE_LIMITS
from .config_file import ConfigError, Document, read_documents, unknown
from .serve_backends import is_url, open_place
from .serve_exports import WantedExport, open_exports

DOCUMENTS: Final = "nfsrdma.cli.documents"
"""Where a context has the documents that its options came from."""
TABLES: Final = ("export", "limits")
_NO_KEYS: Final = ("config", "check_config", "print_config", "take_over", "help")
"""Options about the files themselves."""


def keys_of(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a command by their keys: their long names."""
    options = [each for each in command.params if isinstance(each, click.Option)]
    return {
        max(each.opts, key=len).removeprefix("--"): each
        for each in options
        if each.name not in _NO_KEYS
    }


def read_config(
    context: click.Context, parameter: click.Parameter, value: tuple[str, ...]
) -> tuple[str, ...]:
    """Read the files of ``--config``, and make what they say the defaults of the options.

    Later files win. Raises :class:`ConfigError`.
    """
    documents = [document for path in value for document in read_documents(path)]
    context.meta[DOCUMENTS] = documents
    defaults: dict[str, Any] = {}
    keys = keys_of(context.command)
    for document in documents:
        for key, said in document.table.items():
            if key in TABLES:
                continue
            if key not in keys:
                raise document.error([key], unknown(key, [*keys, *TABLES]))
            option = keys[key]
            defaults[option.name or key] = _checked(context, document, key, option, said)
    context.default_map = defaults
    return value


def _checked(
    context: click.Context, document: Document, key: str, option: click.Option, said: Any
) -> Any:
    """Return the value of a key as its option takes it. Raises :class:`ConfigError`."""
    value = _plain(document, key, option, said)
    try:
        option.process_value(context, value)
    except click.UsageError as error:
        raise document.error([key], error.message) from None
    return value


def _plain(document: Document, key: str, option: click.Option, said: Any) -> Any:
    if option.is_flag:
        if not isinstance(said, bool):
            raise document.error([key], "is to be true or false")
        return said
    several = said if isinstance(said, list) else [said]
    numeric = isinstance(option.type, click.types.IntParamType | click.types.FloatParamType)
    kinds = int | float if numeric else int | str if isinstance(said, list) else str
    if not all(isinstance(each, kinds) and not isinstance(each, bool) for each in several):
        what = "a number" if numeric else "a text in quotes"
        raise document.error([key], f"is to be {what}")
    if option.multiple:
        return several
    if not isinstance(said, list):
        return said
    if numeric or isinstance(option.type, click.Choice):
        raise document.error([key], "is to be one value, not a list")
    return ",".join(map(str, said))


def check_exports(wanted: Sequence[WantedExport]) -> None:
    """Open the exports that are directories here, and close them. Raises ``ClickException``.

    What URLs name is not asked: that may take long, or be away now.
    """

    def opened(place: str) -> FileSystem:
        return MemoryFileSystem(lambda: 0) if is_url(place) else open_place(place)

    made = open_exports(wanted, opened)
    try:
        Namespace(made, bytes(32), 0)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    finally:
        for export in made:
            export.fs.close()


# --- Printing ---


def shown_config(
    context: click.Context, wanted: Sequence[WantedExport], config: ServerConfig
) -> Iterator[str]:
    """Yield the lines of a file that says all that the command would do now.

    Raises :class:`ConfigError` for what cannot be said in TOML, which is Unicode.
    """
    yield "# What this server does. Each line says where its value is from."
    for key, option in keys_of(context.command).items():
        name = option.name or key
        # Those have become tables.
        if name in ("exports_file", "memory", "refer", "replica"):
            continue
        value = context.params.get(name)
        source = _SOURCES.get(context.get_parameter_source(name), "")
        if value is None or value == ():
            yield f"# {key} ="
        else:
            yield f"{key} = {_toml(value)}".ljust(40) + f" # {source}"
    yield ""
    yield "[limits]"
    yield f"memory = {config.memory}"
    for name in STATE_LIMITS:
        yield f"{name.replace('_', '-')} = {getattr(config.state, name)}"
    for name in CLIENT_LIMITS:
        yield f"{name.replace('_', '-')} = {getattr(config.state.clients, name)}"
    for export in wanted:
        yield ""
        yield "[[export]]" + (f"  # {export.origin}" if export.origin else "")
        for key, value in _table_of(export).items():
            yield f"{key} = {_toml(value)}"


_SOURCES: Final[Mapping[ParameterSource | None, str]] = {
    ParameterSource.COMMANDLINE: "the command line",
    ParameterSource.DEFAULT_MAP: "the configuration",
    ParameterSource.DEFAULT: "the default",
}


def _table_of(export: WantedExport) -> dict[str, Any]:
    options = export.options
    table: dict[str, Any] = {"name": f"/{export.name}"}
    locations = [str(each) for each in export.locations]
    if export.absent:
        return {**table, "refer": locations, "allow": list(options.networks)}
    if export.place is None:
        table["memory"] = True
    else:
        table["path"] = export.place
    squashes = {value: name for name, value in SQUASHES.items()}
    squash = options.squash, options.squash_local_root
    table |= {
        "read-only": options.read_only,
        "squash": squashes.get(squash) or squashes[options.squash, False],
        "anonuid": options.anonymous[0],
        "anongid": options.anonymous[1],
        "allow": list(options.networks),
        "allow-read-only": list(options.readers),
        "security": [name for name, number in FLAVOR_NAMES.items() if number in options.flavors],
        "async": not options.sync,
        "utf8-only": options.utf8_only,
        "local-locks": options.local_locks,
        "crossmnt": options.cross_mounts,
    }
    if options.number is not None:
        table["fsid"] = options.number
    if locations:
        table["replicas"] = locations
    return table


def _toml(value: Any) -> str:
    if isinstance(value, str):
        if not value.isprintable() and any(0xD800 <= ord(each) <= 0xDFFF for each in value):
            raise ConfigError(f"{value!r} cannot be said in TOML: it is not Unicode")
        # The escapes of JSON are those of TOML, which wants one character more to be escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, frozenset):
        value = sorted(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)
