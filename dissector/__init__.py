"""Decode captures of NFS over RDMA, and say what is wrong with them.

``capture`` reads files and interfaces, ``layers`` take frames apart, ``pipeline`` follows
connections and chunks (``tracking``, ``streams``, ``messages``), and ``views`` show what was found.
"""
