"""``nfsrdma wireshark``: put the post-dissector and the capture interface in place."""

from __future__ import annotations

import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from shutil import which

import click

from nfsrdma.client.errors import LocalError

from .common import Failed
from .output import write_whole

LUA, EXTCAP = "nfsrdma.lua", "nfsrdma-extcap"
_PERSONAL = Path("~/.local/lib/wireshark")


@click.command()
@click.option("--install", is_flag=True, help="Copy both files to where Wireshark looks for them.")
@click.option(
    "--dir",
    "folder",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="With --install: to DIR instead.",
)
def wireshark(install: bool, folder: Path | None) -> None:
    """Bring findings into Wireshark: a Lua post-dissector, and a live interface that annotates.

    \b
    nfsrdma.lua      the fields nfsrdma.finding, .severity, .text, .source, .change, and expert
                     information, from the comments of `nfsrdma dissect --pcapng` and from what
                     can be seen in any capture
    nfsrdma-extcap   the interface "nfsrdma": live capture in which handshakes that were missed
                     are added, frames of many packets taken apart, and findings are comments
    """
    where = _folders()
    plugins = folder or where.get("Personal Lua Plugins") or _PERSONAL.expanduser() / "plugins"
    extcap = folder or _writable(where) or _PERSONAL.expanduser() / "extcap"
    if not install:
        click.echo(
            f"nfsrdma wireshark --install would write\n  {plugins / LUA}\n  {extcap / EXTCAP}"
        )
        return
    source = files("nfsrdma.dissector.wireshark").joinpath(LUA).read_text()
    script = (
        "#!/bin/sh\n"
        "# Made by nfsrdma wireshark --install: Wireshark asks it for interfaces and packets.\n"
        f'exec {shlex.quote(sys.executable)} -m nfsrdma.cli.extcap "$@"\n'
    )
    for path, text, mode in ((plugins / LUA, source, 0o644), (extcap / EXTCAP, script, 0o755)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, text.encode())
            path.chmod(mode)
        except OSError as error:
            # Debian's Wireshark has one folder for the extcaps of all users, which root owns.
            reason = f"{LocalError.side}: {path}: {error.strerror}: --dir DIR writes elsewhere"
            raise Failed(reason) from error
        click.echo(f"wrote {path}")
    click.echo(
        "See it: filter for nfsrdma.finding, or Analyze > Expert Information; the interface is in\n"
        "the list of interfaces (tshark -D). Lua plugins are loaded anew with Ctrl-Shift-L."
    )


def _folders() -> dict[str, Path]:
    """Return the folders that Wireshark itself names; none without Wireshark."""
    program = which("tshark") or which("wireshark")
    if program is None:
        return {}
    done = subprocess.run([program, "-G", "folders"], capture_output=True, text=True, timeout=30)
    pairs = (line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    return {name.strip(): Path(path.strip()) for name, path in pairs}


def _writable(folders: dict[str, Path]) -> Path | None:
    """Return the folder for extcaps: the user's where Wireshark has one (4.2), else everybody's."""
    for name in ("Personal Extcap path", "Extcap path"):
        if name in folders:
            return folders[name]
    return None
