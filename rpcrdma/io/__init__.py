"""Touch the operating system: the reactor, TCP sockets, and whose process a peer is."""
