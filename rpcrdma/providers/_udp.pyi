"""One system call each way for a burst of datagrams; what ``udp`` does without it is its twin."""

from ..roce.packets.burst import Part

def send(fd: int, name: bytes, source: bytes, segment_size: int, parts: list[Part], /) -> int:
    """Send a burst without waiting. Raises ``OSError``, as ``sendmsg`` does.

    ``name`` is the packed socket address of the destination. ``source`` is what ``IP_PKTINFO`` or
    ``IPV6_PKTINFO`` take, or empty. ``segment_size`` 0: it is one datagram.
    """

def send_train(
    fd: int,
    name: bytes,
    source: bytes,
    skip: int,
    octets: bytes,
    view: memoryview,
    start: int,
    mtu: int,
    cuts: tuple[int, ...],
    /,
) -> int:
    """Send the bursts of a ``Train``, but the first ``skip``, without waiting.

    Return how many of them were sent. Raises ``OSError``, as ``sendmmsg`` does, if none was.
    """

def receive(
    fd: int, buffer: memoryview, slots: int, looking: float = 0.0, sleeping: float = 0.0, /
) -> list[tuple[bytes, bytes, list[tuple[int, int, int]]]] | None:
    """Return what one call receives, or ``None`` if there is nothing. Raises ``OSError``.

    At most ``slots`` messages, each in its share of the buffer. Those that came one after the other
    with the same addresses are together: the packed socket address of the source; our own address
    where the kernel tells, packed, over IPv6 with the number of the interface; and of each message
    its offset in the buffer, how many octets, and how many of each datagram but the last. If there
    is nothing, it looks for so many seconds, and then sleeps for at most so many.
    """
