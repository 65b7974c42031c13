"""What a message says, under the names that Wireshark gives it, and in a few words.

fields     the fields of a message: RPC-over-RDMA, RPC, NFS version 4
nfs3       those of NFS version 3 and of the MOUNT protocol
sideband   the names of the protocols beside NFS version 3: NLM, NSM, RQUOTA, NFS_ACL
derived    fields that only a filter asks for: protocols, ports, what is made of other fields
names      every field that there is, and what kind of value it has
headers    the frame in which a message ended: Ethernet, IP, UDP, base transport header
nfs4       attributes, flags and rights of NFS version 4
rpc        lengths and flavors of RPC headers
wireshark_form  a message as tshark writes it
kinds      the types of fields, and how values are written
labels     the names that values have
values     decoded XDR as plain values, and as lines of text
summary    what an RPC is about and how it ended, in a few words
"""
