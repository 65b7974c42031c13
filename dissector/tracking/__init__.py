"""From packets to exchanges: what belongs together, and in which order it happened.

model         sides, connections, messages, RDMA operations, findings
exchange      one RPC: its call, its reply, and what travelled by RDMA for it
connections   which queue pairs belong together, and where each packet goes
pairing       queue pairs that have no peer yet
flow          one direction of a connection: SENDs, RDMA WRITEs and RDMA READs
sequence      which packets of one direction were seen
parts         packets of SENDs, in any order, into SENDs
placement     where packets belong of which the one that says so was not captured
claims        which connections are RPC-over-RDMA
matching      which reply belongs to which call, and which RDMA to which of them
resolve       what the messages of an exchange say, once all of it is there
intact        whether what is not seen did not happen, or is only not in the capture
"""
