"""``nfsrdma dissect``: what a capture of NFS over RDMA says."""

from __future__ import annotations

import os
import sys

import click


@click.command()
@click.argument("file", type=click.Path(allow_dash=True, dir_okay=False))
@click.option("--all-ops", is_flag=True, help="Name every operation, SEQUENCE and PUTFH too.")
def dissect(file: str, all_ops: bool) -> None:
    """Decode FILE (pcap, pcapng, gzip or zstd; - is standard input), one line for each RPC.

    \b
    Frame numbers of call and reply, time, addresses, operations, status, then in brackets what
    travelled by RDMA (R read chunk, W write chunk, C reply chunk; used/offered), the lengths of
    the two messages, and the time from call to reply.
    """
    from nfsrdma.dissector.capture import CaptureError, open_capture
    from nfsrdma.dissector.pipeline import Pipeline
    from nfsrdma.dissector.render.line import LineView

    try:
        reader = open_capture(file)
        view = LineView(sys.stdout.write, brief=not all_ops)
        Pipeline(reader, view).run()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of our output has seen enough (head, less).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (CaptureError, OSError) as error:
        raise click.ClickException(f"{file}: {error}") from error
