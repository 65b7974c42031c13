"""What RoCEv2 and the InfiniBand connection manager put on the wire; nothing here keeps state.

``opcode`` is the table of BTH opcodes, ``headers`` encodes and decodes the packet headers, ``psn``
is arithmetic modulo 2**24, ``icrc`` the invariant CRC, ``mad`` the management datagram and
``cm_messages`` the messages of the connection manager in it. A datagram to port 4791:

    packet = Packet.parse(memoryview(payload))
    print(OPCODES[packet.bth.opcode].name, packet.bth.psn, len(packet.payload))

The dissector, an independent witness, may import this package and no other part of ``roce``.
"""

from .cm_messages import CmMessage, decode_message
from .headers import Address, Bth, Packet, WireError
from .icrc import Flow
from .mad import MadError, decode_mad, encode_mad
from .opcode import OPCODES, Opcode

__all__ = [
    "OPCODES",
    "Address",
    "Bth",
    "CmMessage",
    "Flow",
    "MadError",
    "Opcode",
    "Packet",
    "WireError",
    "decode_mad",
    "decode_message",
    "encode_mad",
]
