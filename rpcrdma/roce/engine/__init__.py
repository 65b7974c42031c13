"""The reliable connection service of RoCEv2, sans-IO: queue pairs, memory and completion.

``engine.Engine`` takes bursts of packets and the time, and gives bursts back. Each ``QueuePair``
has a ``requester`` (what it sends), a ``completer`` (what the peer answers) and a ``responder``
(what the peer asks).
"""
