"""Carry ONC RPC over RDMA and over TCP, and do RDMA in user space.

``rpc`` is the messages and their seam, ``transport`` RPC-over-RDMA version 1, ``verbs`` the
vocabulary, ``roce`` RoCEv2 and its connection manager, ``providers`` and ``io`` the edge.
"""
