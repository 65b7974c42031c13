"""ONC RPC version 2 (RFC 5531): messages, programs, security flavors, and RPC over a byte stream.

A program is a table of procedures, and a service answers calls, whatever connection they come
over; a client makes them::

    service = RpcService([RpcProgram(PROGRAM, {1: {0: null_procedure, 1: echo}})])
    listener = listen_tcp(reactor, "127.0.0.1", 5000, service)

    client = RpcClient(SystemRandom(), Credentials.sys(uid=1000, gid=100))
    results = await client.call(channel, PROGRAM, 1, 1, encode_arguments, max_reply=1024)

``channel`` is the seam between programs and what carries them, ``program`` the answering side and
``client`` the calling side. ``security`` has the flavors and ``auth`` the credentials of the plain
ones, ``message`` the headers. ``record`` and ``stream`` are record marking and the machine of TCP,
``filter`` the seam below it, ``buffers`` memory for large results; ``stub`` is what emitted clients
and servers stand on. Names are imported from these modules; none of them touches a socket.
"""

__all__ = [
    "auth",
    "buffers",
    "channel",
    "client",
    "filter",
    "message",
    "program",
    "record",
    "security",
    "stream",
    "stub",
]
