"""NFS over RDMA in user space: transport, client, server and dissector."""

__version__ = "0.2.0"
