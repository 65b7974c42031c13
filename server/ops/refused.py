"""Operations that exist and are not served, each with the reason: they are answered NOTSUPP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nfsrdma.xdr.nfs4 import types as nfs

_NO_LAYOUTS: Final = "the server is no metadata server: there are no layouts"
# The whole of the feature is optional (RFC 8881, Section 17), and EXCHANGE_ID tells that it is
# missing (USE_NON_PNFS). LAYOUTUNAVAILABLE would say that other files have layouts.
_NO_NAMED: Final = "named attributes are not those of Linux; there are extended attributes"

REASONS: Final[Mapping[int, str]] = {
    nfs.OP_OPENATTR: _NO_NAMED,
    nfs.OP_DELEGPURGE: "delegations are not kept for a client that starts anew",
    nfs.OP_GETDEVICEINFO: _NO_LAYOUTS,
    nfs.OP_GETDEVICELIST: _NO_LAYOUTS,
    nfs.OP_LAYOUTCOMMIT: _NO_LAYOUTS,
    nfs.OP_LAYOUTGET: _NO_LAYOUTS,
    nfs.OP_LAYOUTRETURN: _NO_LAYOUTS,
    nfs.OP_LAYOUTERROR: _NO_LAYOUTS,
    nfs.OP_LAYOUTSTATS: _NO_LAYOUTS,
    nfs.OP_SET_SSV: "state is not protected by SSV (RFC 8881, Section 2.10.9)",
    nfs.OP_COPY_NOTIFY: "files are not copied between servers: neither end is a client "
    "of the other",
    nfs.OP_WRITE_SAME: "nothing on Linux writes application data blocks by itself",
}
"""Why, by number, for the operations that a minor version permits."""
ELSEWHERE: Final = "of minor version 0 alone: later ones have sessions instead"
"""Why operations are not served that a minor version forbids."""
