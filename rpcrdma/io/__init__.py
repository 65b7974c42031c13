"""The edge to the operating system: an event loop, TCP sockets, memory, and owners of sockets.

A blocking program turns the loop on its own thread; asyncio's own loop does just as well::

    reactor = SelectReactor()
    channel = reactor.run_until(connect_tcp(reactor, "192.0.2.1", 2049), timeout_s=10)

``reactor`` is the loop, ``tcp`` moves octets between sockets and ``rpc.stream``. ``memory`` is
memory from the kernel itself, ``owners`` and ``homes`` say whose process a peer on this host is,
and ``fork`` keeps what is open away from children. Names are imported from these modules.
"""

__all__ = ["fork", "homes", "memory", "owners", "reactor", "tcp"]
