"""``nfsrdma xdrgen``: a Python module from a specification in the XDR language."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import click

from nfsrdma.xdr.compiler.emitter import Parts
from nfsrdma.xdr.compiler.errors import Position, SpecificationError
from nfsrdma.xdr.compiler.generate import Generated, generate

from .common import Failed
from .messages import describe

_OURS = "Written by ``nfsrdma xdrgen``"
_MOST = 16 << 20
"""Octets that a specification may have."""


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE.x...")
@click.option(
    "-o",
    "--output",
    metavar="DIR|FILE",
    help="Where the module goes, - for standard output; by default FILE.py in this directory.",
)
@click.option("--types", is_flag=True, help="Write types and constants.")
@click.option("--client", is_flag=True, help="Write them and clients.")
@click.option("--server", is_flag=True, help="Write them and servers.")
@click.option(
    "--ddp",
    multiple=True,
    metavar="ITEM",
    help="RDMA may place ITEM directly: TYPE.MEMBER, PROCEDURE.result or PROCEDURE.argument.",
)
@click.option("-D", "define", multiple=True, metavar="NAME[=VALUE]", help="Define NAME for #if.")
@click.option("-I", "include", multiple=True, metavar="DIR", help="Look for included files in DIR.")
@click.option(
    "--cpp", is_flag=True, help="Have the C preprocessor carry out # lines: $CPP, or cpp."
)
@click.option("--check", is_flag=True, help="Write nothing; status 1 if the module is not fresh.")
@click.option("--force", is_flag=True, help="Overwrite a file that is not the output of xdrgen.")
def xdrgen(
    files: tuple[str, ...],
    output: str | None,
    types: bool,
    client: bool,
    server: bool,
    ddp: tuple[str, ...],
    define: tuple[str, ...],
    include: tuple[str, ...],
    cpp: bool,
    check: bool,
    force: bool,
) -> None:
    """Write a Python module from specifications in the XDR language.

    The language is that of RFC 4506 and RFC 5531, with the habits of rpcgen. Several files make one
    module: name those first that the others refer to. The module has types and constants with
    encoders and decoders and, unless a part is asked for, a client and a server for each version of
    each program. They are used with nfsrdma.rpcrdma.connect() and listen().

    An item that RDMA may place directly can also be named by a comment in the file, which reads
    "xdrgen: ddp TYPE.MEMBER".
    """
    parts = Parts(client or not (types or server), server or not (types or client))
    definitions = dict(_definition(item) for item in define)
    reader = _Reader(include)
    try:
        texts = [(name, _preprocessed(name, cpp, define, include, reader)) for name in files]
        made = generate(
            texts,
            f"The protocol of {Path(files[-1]).name}.",
            parts,
            read=reader.read,
            definitions=definitions,
            ddp=ddp,
        )
    except SpecificationError as error:
        _complain(error, reader)
        raise click.exceptions.Exit(1) from None
    for position, message in made.warnings:
        click.echo(f"{position.source}:{position.line}: warning: {message}", err=True)
    _deliver(made, _target(files[-1], output), check=check, force=force)


def _definition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise click.UsageError(f"-D {text}: {name!r} is no name")
    return name, value if equals else "1"


def _target(name: str, output: str | None) -> Path | None:
    """Return the file to write; ``None`` for standard output."""
    if output == "-":
        return None
    stem = re.sub(r"\W", "_", Path(name).stem, flags=re.ASCII)
    default = f"{stem if stem[:1].isalpha() else f'x{stem}'}.py"
    if output is None:
        return Path(default)
    path = Path(output)
    return path / default if path.is_dir() or output.endswith("/") else path


def _preprocessed(
    name: str, cpp: bool, define: tuple[str, ...], include: tuple[str, ...], reader: _Reader
) -> str:
    """Return the text of a file, as it is or as the C preprocessor leaves it."""
    text = reader.text(name)
    if not cpp:
        return text
    # Comments stay (-C): some name the items that may be placed directly.
    command = [*shlex.split(os.environ.get("CPP") or "cpp"), "-C"]
    command += [*(f"-D{item}" for item in define), *(f"-I{item}" for item in include)]
    command.append(name if not name.startswith("-") else f"./{name}")
    try:
        run = subprocess.run(command, capture_output=True, check=False)
    except OSError as error:
        raise Failed(f"--cpp: {describe(error, command[0])}") from None
    if run.returncode:
        raise Failed(f"--cpp: {run.stderr.decode(errors='replace').strip()}")
    return run.stdout.decode("latin-1")


class _Reader:
    """Reads specifications, and remembers their lines for what may have to be said about them."""

    def __init__(self, directories: tuple[str, ...]) -> None:
        self._directories = directories
        self._texts: dict[str, str] = {}

    def text(self, name: str) -> str:
        """Read a file named on the command line. Errors: ``Failed``."""
        try:
            return self._read(Path(name))
        except OSError as error:
            raise Failed(describe(error, name)) from None

    def read(self, name: str, origin: str) -> tuple[str, str]:
        """See ``preprocess.Reader``: beside the file that includes it, then along ``-I``."""
        places = [Path(origin).parent, *map(Path, self._directories)]
        found = next((path / name for path in places if (path / name).is_file()), places[0] / name)
        return str(found), self._read(found)

    def _read(self, path: Path) -> str:
        with path.open("rb") as file:
            octets = file.read(_MOST + 1)
        if len(octets) > _MOST:
            raise OSError(f"{path} is too long")
        # A comment may be in any character set: of Latin-1 every octet is a character.
        self._texts[str(path)] = text = octets.decode("latin-1")
        return text

    def line(self, position: Position) -> str:
        """Return the line that a position is in, or nothing."""
        lines = self._texts.get(position.source, "").split("\n")
        return lines[position.line - 1] if position.line <= len(lines) else ""


def _complain(error: SpecificationError, reader: _Reader) -> None:
    """Say what is wrong: FILE:LINE:COLUMN and a message, then the line with a caret below."""
    click.echo(f"{error.position}: error: {error.message}", err=True)
    line = reader.line(error.position).rstrip("\r")
    if line:
        shown = "".join(letter if letter.isprintable() else " " for letter in line)
        column = min(error.position.column, len(shown) + 1)
        if column > 80:
            shown, column = "..." + shown[column - 40 :], 43
        click.echo(f"    {shown[:120]}\n    {' ' * (column - 1)}^", err=True)
    if error.advice:
        click.echo(f"    {error.advice}", err=True)


def _deliver(made: Generated, target: Path | None, *, check: bool, force: bool) -> None:
    """Write the module, or compare it with what is there."""
    if target is None:
        click.echo(made.text, nl=False)
        return
    try:
        before = target.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        before = None
    except OSError as error:
        raise Failed(describe(error, str(target))) from None
    if before == made.text:
        return
    if check:
        raise Failed(f"{target} is not fresh: run xdrgen again")
    if before and _OURS not in before[:2000] and not force:
        raise Failed(f"{target} is no output of xdrgen: --force overwrites it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(made.text, encoding="utf-8")
    except OSError as error:
        raise Failed(describe(error, str(target))) from None
