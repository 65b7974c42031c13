"""``nfsrdma dissect --key-log``: what RPC-with-TLS has encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from nfsrdma.dissector.capture import Reader
    from nfsrdma.dissector.tls import Decryption

_TOLD = 10


@contextmanager
def without_tls(file: str, key_log: str, max_unpacked: int | None) -> Iterator[Reader]:
    """Open a capture without its TLS, which is written anew to a file that only we can read.

    The file is gone at the end. Raises ``CaptureError`` and ``OSError``.
    """
    from nfsrdma.dissector.capture import open_capture
    from nfsrdma.dissector.capture.rewrite import rewrite

    decryption = _decryption(key_log)
    with NamedTemporaryFile(prefix="nfsrdma-", suffix=".pcapng") as out:
        rewrite(open_capture(file, max_unpacked=max_unpacked), decryption, out.write)
        out.flush()
        _tell(decryption)
        yield open_capture(out.name)


def _decryption(key_log: str) -> Decryption:
    try:
        from nfsrdma.dissector.tls import Decryption, KeyLog, KeyLogError
    except ImportError:
        raise click.ClickException(
            "--key-log needs cryptography: pip install 'nfsrdma[tls]'"
        ) from None
    try:
        return Decryption(KeyLog(Path(key_log).read_text("ascii", "replace")))
    except KeyLogError as error:
        raise click.ClickException(f"{key_log}: {error}") from None


def _tell(decryption: Decryption) -> None:
    click.echo(f"TLS: {decryption.records} records with data decrypted", err=True)
    for frame, trouble in decryption.troubles[:_TOLD]:
        click.echo(f"TLS: the connection that begins in frame {frame}: {trouble}", err=True)
    more = len(decryption.troubles) - _TOLD
    if more > 0:
        click.echo(f"TLS: {more} more connections", err=True)
