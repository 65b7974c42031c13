"""What a message says: the RPC-over-RDMA header, the RPC header, the NFS compound.

Witnesses' decoders: each takes what is there, notes where and why it had to stop, and never raises
for a peer's octets. They share no code with the engines that they judge.
"""
