"""Decode captures of NFS over RDMA, and say what is wrong with them.

``capture`` reads files and interfaces, ``layers`` take frames apart, ``pipeline`` follows
connections and chunks, and the views (``render``, ``lint``, ``latency``, ``health``) show what
was found.
"""
