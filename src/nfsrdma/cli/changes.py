"""The commands that change attributes: ``chmod``, ``chown`` and ``touch``."""

from __future__ import annotations

import grp
import pwd
import re
from collections.abc import Callable
from typing import Final

import click

from nfsrdma.client import Mount, NfsError
from nfsrdma.client.entries import DirEntry

from .common import Options, failure, for_each, server_options, umask
from .trees import below

_CLAUSE: Final = re.compile(r"([ugoa]*)([-+=])([rwxXst]*)")
_WHO: Final = {"u": 0o4700, "g": 0o2070, "o": 0o1007}
_RIGHTS: Final = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}


def changed_mode(text: str, mode: int, *, directory: bool) -> int:
    """Return ``mode`` as chmod(1) changes it: ``text`` is octal, or clauses like ``u+x,go-w``.

    No letters for whom are all of them. Raises ``ValueError``.
    """
    if re.fullmatch("[0-7]{1,4}", text):
        return int(text, 8)
    mode &= 0o7777
    for clause in text.split(","):
        found = _CLAUSE.fullmatch(clause)
        if found is None:
            raise ValueError(f"{text!r} is no mode: it is like 644, u+x or go-w,a+r")
        who, sign, letters = found.groups()
        mask = 0
        for letter in "ugo" if not who or "a" in who else who:
            mask |= _WHO[letter]
        rights = 0
        for letter in letters:
            if letter == "X":
                rights |= 0o111 if directory or mode & 0o111 else 0
            else:
                rights |= _RIGHTS[letter]
        rights &= mask | (0o1000 if not who else 0)
        if sign == "=":
            mode = mode & ~mask | rights
        else:
            mode = mode | rights if sign == "+" else mode & ~rights
    return mode


def _owner_ids(text: str) -> tuple[int, int]:
    """Return the numbers of ``OWNER``, ``OWNER:GROUP`` or ``:GROUP``; -1 for who is not named."""
    owner, _, group = text.partition(":")
    try:
        uid = -1 if not owner else int(owner) if owner.isdecimal() else pwd.getpwnam(owner).pw_uid
        gid = -1 if not group else int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except (KeyError, ValueError):
        reason = f"{text!r}: this host knows no such user or group: give the number"
        raise click.UsageError(reason) from None
    if (uid, gid) == (-1, -1) or max(uid, gid) >= 1 << 32:
        raise click.UsageError(f"{text!r} names nobody: it is like 1000, alice:staff or :50")
    return uid, gid


def _each(
    urls: tuple[str, ...],
    options: Options,
    recursive: bool,
    change: Callable[[Mount, str | DirEntry], object],
) -> None:
    """Change what is at each URL, and with ``recursive`` all below it; errors keep no other."""
    failed = False

    def work(fs: Mount, path: str) -> None:
        def tell(error: NfsError) -> None:
            nonlocal failed
            failed = True
            click.echo(f"nfsrdma: {failure(fs, error)}", err=True)

        change(fs, path)
        if recursive and fs.lstat(path).is_dir:
            for _, entry, _ in below(fs, path, tell):
                try:
                    change(fs, entry)
                except NfsError as error:
                    tell(error)

    for_each(urls, options, work)
    if failed:
        raise click.exceptions.Exit(1)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("mode")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-R", "recursive", is_flag=True, help="And everything below; links are left alone.")
@server_options
def chmod(mode: str, urls: tuple[str, ...], recursive: bool, options: Options) -> None:
    """Set permissions: MODE is octal (640), or says what changes (u+x, go-w, a=rX)."""
    try:
        changed_mode(mode, 0, directory=False)
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    def change(fs: Mount, where: str | DirEntry) -> None:
        if isinstance(where, DirEntry):
            if where.is_symlink():
                return
            status = where.stat()
        else:
            status = fs.stat(where)
        fs.chmod(where, changed_mode(mode, status.st_mode, directory=status.is_dir))

    _each(urls, options, recursive, change)


@click.command()
@click.argument("owner")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-R", "recursive", is_flag=True, help="And everything below, links themselves.")
@click.option("-h", "--no-dereference", "link", is_flag=True, help="A link itself.")
@server_options
def chown(owner: str, urls: tuple[str, ...], recursive: bool, link: bool, options: Options) -> None:
    """Set the owner, the group, or both: OWNER, OWNER:GROUP, :GROUP; by number, or name here."""
    uid, gid = _owner_ids(owner)

    def change(fs: Mount, where: str | DirEntry) -> None:
        follow = not link and not isinstance(where, DirEntry)
        fs.chown(where, uid, gid, follow_symlinks=follow)

    _each(urls, options, recursive, change)


@click.command()
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("-c", "no_create", is_flag=True, help="Make no file.")
@server_options
def touch(urls: tuple[str, ...], no_create: bool, options: Options) -> None:
    """Give files the current time; make those that are not there, empty."""

    mode = 0o666 & ~umask()

    def change(fs: Mount, path: str) -> None:
        if no_create:
            if fs.exists(path):
                fs.utime(path)
        else:
            fs.touch(path, mode)

    for_each(urls, options, change)
