"""Serve a directory from a program, and use it over RDMA: python serve_directory.py DIR [ADDRESS].

The server runs on a thread of its own. Here the same program is its client, too; any other program
on this host may use the URL as long as the ``with`` lasts.
"""

from __future__ import annotations

import sys

import nfsrdma.client as nfs
from nfsrdma.server import Export, LocalFileSystem, Server


def main(directory: str, address: str = "127.0.0.1") -> None:
    """Serve ``directory`` to this host, and list it."""
    export = Export("", LocalFileSystem(directory))
    with Server([export], addresses=[address], rdma_port=0, ephemeral=True) as server:
        url = server.urls[0]
        print(f"serving {directory} at {url}", flush=True)
        with nfs.mount(url) as fs:
            for entry in sorted(fs.scandir(), key=lambda entry: entry.name):
                print(entry.name, entry.stat().st_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
