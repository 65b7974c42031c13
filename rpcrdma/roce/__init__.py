"""RoCEv2 reliable connections in user space, sans-IO: bytes and the time in, bytes out.

Four rooms, each of which may import those before it: ``wire`` (what stands in packets),
``packets`` (what is done for each packet, natively where it can be), ``engine`` (queue pairs and
memory) and ``cm`` (the connection manager).

Life of a message. ``QueuePair.post_send`` gives it a range of packet sequence numbers and queues
it (``engine.requester``). ``Engine.poll_transmit`` builds bursts of packets from views of the
sender's memory. The peer's ``Engine.handle_burst`` checks each packet's ICRC (``wire.icrc``),
finds the queue pair and hands requests to its ``responder``, which copies the payload once, to the
posted receive buffer or into the registered region that the RETH names, and owes an
acknowledgement; responses go to the ``completer``, which moves the window on and completes work
requests.

Nothing is kept per packet: a retransmission is built again from the work request and the
sequence number. So the sender's memory belongs to the engine until the work request completes.
"""
