"""NFS over RDMA in user space: transport, client, server and dissector."""

import os

__version__ = "0.2.0"

if os.environ.get("NFSRDMA_NATIVE") == "0":
    from . import interpreted

    interpreted.install()
