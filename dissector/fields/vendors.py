"""Who makes an Ethernet adapter, by the first three octets of its address (IEEE's registry, MA-L).

Of more than 35,000 assignments only those are here that captures of NFS over RDMA are likely to
have: adapters for RDMA, and virtual machines' interfaces. Any other address is its own name, as it
is in Wireshark without its list.
"""

from __future__ import annotations

from typing import Final

_MAKERS: Final = {
    ("Mellanox", "Mellanox Technologies, Inc."): """
        0002c9 00258b 043f72 08c0eb 0c42a1 1070fd 1c34da 248a07 2c5eab 506b4b 58a2e1 5c2573 7cfe90
        900a84 946dae 98039b 9c0591 9c63c0 a088c2 b0cf0e b83fd2 b8599f b8cef6 b8e924 c470bd e09d73
        e41d2d e8ebd3 ec0d9a f45214 fc6a1c
    """,
    ("Nvidia", "Nvidia"): """
        00044b
    """,
    ("VMware", "VMware, Inc."): """
        000569 000c29 001c14 005056
    """,
    ("ChelsioC", "Chelsio Communications"): """
        000743
    """,
    ("Solarfla", "Solarflare Communications Inc."): """
        000a68 000f53
    """,
    ("QLogic", "QLogic Corporation"): """
        000e1e 001b32 0024ff 00c0dd 00e08b f4e9d4
    """,
    ("Xensourc", "Xensource, Inc."): """
        00163e
    """,
    ("Pensando", "Pensando Systems"): """
        00aecd
    """,
    ("Pensando", "Pensando Systems, Inc."): """
        049081
    """,
    ("NVIDIA", "NVIDIA Corporation"): """
        3c6d66 48b02d
    """,
    ("RealtekU", "Realtek (UpTech? also reported)"): """
        525400
    """,
}
"""Short name and long name -> what their addresses begin with."""
MAKERS: Final = {
    int(start, 16): names for names, starts in _MAKERS.items() for start in starts.split()
}
_BROADCAST: Final = b"\xff" * 6


def resolved(address: bytes) -> str:
    """Return an address by name: ``Mellanox_01:02:03``, or as it is."""
    maker = MAKERS.get(int.from_bytes(address[:3], "big"))
    if maker is not None:
        return f"{maker[0]}_{address[3:].hex(':')}"
    return "Broadcast" if address == _BROADCAST else address.hex(":")
