"""What RoCEv2 and the InfiniBand connection manager put on the wire; nothing here keeps state.

``opcode`` is the table of BTH opcodes, ``headers`` encodes and decodes the packet headers, ``psn``
is arithmetic modulo 2**24, ``icrc`` the invariant CRC, ``mad`` the management datagram and
``cm_messages`` the messages of the connection manager in it. The dissector, an independent
witness, may import this package and no other part of ``roce``.
"""
