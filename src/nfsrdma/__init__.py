"""NFS over RDMA in user space: transport, client, server and dissector."""

__version__ = "0.1.0"
