"""XDR (RFC 4506) and the protocols written in it; this room knows nothing of networks.

An :class:`Encoder` appends to a stream, a :class:`Decoder` reads from one::

    enc = Encoder()
    enc.opaque(b"name", 255)
    enc.uint64(4096)
    dec = Decoder(enc.to_bytes())
    assert (dec.opaque(255), dec.uint64()) == (b"name", 4096)

Types are written in the XDR language and compiled to Python: ``specs`` has the specifications,
``compiler`` the compiler (also of ``nfsrdma xdrgen``), and ``rpc``, ``rpcrdma1``, ``nfs3`` and
``nfs4`` are what it made of them. Their structures have ``encode(enc)`` and ``decode(dec)``, and
:class:`XdrError` is what either raises.
"""

from .codec import Decoder, Encoder, Payload, XdrError, round_up
from .runtime import chain, link

__all__ = ["Decoder", "Encoder", "Payload", "XdrError", "chain", "link", "round_up"]
