"""The driver of `fsspec <https://filesystem-spec.readthedocs.io>`_: servers by URL.

Installed with the package (extra ``fsspec``), it serves ``nfs+rdma://``, ``nfsrdma://`` and
``nfs+tcp://`` to pandas, pyarrow, dask, zarr and whatever else opens files by fsspec::

    frame = pandas.read_parquet("nfs+rdma://server/export/table.parquet")

    fs = fsspec.filesystem("nfs+rdma", host="server", timeout=30)
    fs.find("/export")

A path begins at the root of the server and is taken as it stands: ``%20`` is three characters. The
options of :func:`nfsrdma.client.mount` are options of the file system. In URLs fsspec takes ``::``
for a chain, so name a server with an IPv6 address by the option ``host``. Nothing is cached but the
blocks of a file that is open for reading, so that changes of others are seen as NFS promises.

The mount is made when it is first used, on fsspec's event loop, or on the caller's own with
``asynchronous=True``. What is pickled are the options.
"""

from .driver import NfsFileSystem, NfsRdmaFileSystem, NfsTcpFileSystem
from .files import NfsReader, NfsUpdater, NfsWriter

__all__ = [
    "NfsFileSystem",
    "NfsRdmaFileSystem",
    "NfsReader",
    "NfsTcpFileSystem",
    "NfsUpdater",
    "NfsWriter",
]
