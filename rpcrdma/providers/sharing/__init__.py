"""Several programs of one user on one UDP port 4791.

RoCEv2 has one port for each address, and whoever has bound it gets every packet. So the programs
of one user share the *socket*: the first one binds it, and passes the descriptor on to each that
comes later (``port``). All send through it. One of them, the keeper, reads; what is for another
it hands on over a Unix socket (``post``), by the numbers that each has claimed (``book``). When the
keeper ends or is killed the socket lives on in the others, with all that has arrived meanwhile, and
another of them becomes the keeper. They find each other in a directory that their user alone can
write (``place``), and take nobody in whom the kernel does not tell to be of that user.

Programs of other users are kept out: the keeper sees what the others receive.
"""

from .port import SharedPort

__all__ = ["SharedPort"]
