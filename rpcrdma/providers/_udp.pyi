"""One system call each way for a burst of datagrams; what ``udp`` does without it is its twin."""

from ..roce.packets.burst import Part

def send(fd: int, name: bytes, source: bytes, segment_size: int, parts: list[Part], /) -> int:
    """Send a burst without waiting. Raises ``OSError``, as ``sendmsg`` does.

    ``name`` is the packed socket address of the destination. ``source`` is what ``IP_PKTINFO`` or
    ``IPV6_PKTINFO`` take, or empty. ``segment_size`` 0: it is one datagram.
    """

def receive(
    fd: int, buffer: memoryview, looking: float = 0.0, sleeping: float = 0.0, /
) -> tuple[int, int, bytes, bytes] | None:
    """Return what one call receives, or ``None`` if there is nothing. Raises ``OSError``.

    How many octets; of each datagram but the last; the packed socket address of the source; our
    own address where the kernel tells, packed, over IPv6 with the number of the interface. If there
    is nothing, it looks for so many seconds, and then sleeps for at most so many; without the last
    it does neither.
    """
