"""From packets to exchanges: what belongs together, and in which order it happened.

kinds         kinds of connections and of RDMA operations
sequence      which packets of one direction were seen
orphans       packets of RDMA operations that wait for a place
model         sides, connections, messages, RDMA operations, exchanges: the records
events        what happens in a capture, for views to subscribe to

parts         packets of SENDs, in any order, into SENDs
sends         the SENDs of one direction
data          packets with data into RDMA operations
writes        the RDMA WRITEs of one direction
reads         the RDMA READs of one direction
flow          one direction of a connection: its packets go to the three machines above

pairing       which directions belong together
handshakes    messages of the connection manager
claims        which connections are RPC-over-RDMA
offers        which RDMA belongs to which call
chunks        the chunks of an exchange
placement     where packets belong whose address was not captured
unanswered    whose data are in READ responses, where nothing is there of who asked for them
intact        whether what is not seen did not happen, or is only not in the capture
resolve       what the messages of an exchange say, once all of it is there
names         which file a handle is: a tree of names for each server
paths         which files each exchange is about
matching      which reply belongs to which call
connections   where each packet goes, and what flows hand on
"""
