"""RoCEv2 reliable connections in user space, sans-IO: bytes and the time in, bytes out.

Life of a message. ``QueuePair.post_send`` gives it a range of packet sequence numbers and queues
it (``requester``). ``Engine.poll_transmit`` builds bursts of packets from views of the sender's
memory. The peer's ``Engine.handle_burst`` checks each packet's ICRC (``icrc``), finds the queue
pair and hands requests to its ``responder``, which copies the payload once, to the posted receive
buffer or into the registered region that the RETH names, and owes an acknowledgement; responses
go to the ``completer``, which moves the window on and completes work requests.

Nothing is kept per packet: a retransmission is built again from the work request and the
sequence number. So the sender's memory belongs to the engine until the work request completes.
"""
