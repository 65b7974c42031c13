"""pyverbs, or an error that says how to get it; and the numbers of libibverbs that are used here.

pyverbs comes as Debian's ``python3-pyverbs`` (44 in Debian 12) and from PyPI (57, 59). Its modules
of constants are named differently in the two; so the constants, which are part of the kernel's
ABI and cannot change, are written down here. Everything else that is used is the same in both.
"""

from __future__ import annotations

import errno
import logging
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

# enum ibv_access_flags, beyond those of ``verbs.types.Access``
ACCESS_LOCAL_WRITE: Final = 1
ACCESS_REMOTE: Final = 2 | 4 | 8
ACCESS_MW_BIND: Final = 16

# enum ibv_device_cap_flags
DEVICE_MEM_WINDOW_TYPE_2: Final = 1 << 23 | 1 << 24
"""Types 2A and 2B, which differ in what a window is bound to; either will do."""

# enum ibv_qp_type, ibv_mw_type, ibv_wr_opcode, ibv_send_flags
QPT_RC: Final = 2
MW_TYPE_2: Final = 2
WR_BIND_MW: Final = 8
SEND_SIGNALED: Final = 2

# enum ibv_qp_attr_mask
QP_STATE: Final = 1 << 0
QP_ACCESS_FLAGS: Final = 1 << 3
QP_PKEY_INDEX: Final = 1 << 4
QP_PORT: Final = 1 << 5
QP_STANDARD_BITS: Final = (1 << 21) - 1
"""The bits for programs. ``rdma_init_qp_attr`` can set bits above, meant for the kernel."""

# enum ibv_wc_flags
WC_WITH_IMM: Final = 2
WC_WITH_INV: Final = 8 | 4
"""4 is what soft-RoCE (Linux 6.1 and around) reports: it passes on the kernel's own number. To
the rest of the world 4 means a checksum, of which a reliable connection has none."""

INSTALL: Final = (
    "the verbs provider needs pyverbs. Debian, Ubuntu: apt-get install --no-install-recommends "
    "python3-pyverbs, and in a virtual environment of the same Python version: ln -s "
    "/usr/lib/python3/dist-packages/pyverbs <the environment's site-packages>/pyverbs. "
    "Elsewhere: pip install 'nfsrdma[verbs]', which builds it"
)

_CLASSES: Final = {
    "addr": ("AHAttr", "GID", "GlobalRoute"),
    "cq": ("CQ", "CompChannel"),
    "device": ("Context", "get_device_list"),
    "mr": ("MR", "MW", "MWBindInfo"),
    "pd": ("PD",),
    "qp": ("QP", "QPAttr", "QPCap", "QPInitAttr"),
    "wr": ("RecvWR", "SGE", "SendWR"),
    "pyverbs_error": ("PyverbsError",),
}


@dataclass(frozen=True, slots=True)
class Pyverbs:
    """The classes of pyverbs that are used here, under their own names."""

    AHAttr: Any
    GID: Any
    GlobalRoute: Any
    CQ: Any
    CompChannel: Any
    Context: Any
    get_device_list: Any
    MR: Any
    MW: Any
    MWBindInfo: Any
    PD: Any
    QP: Any
    QPAttr: Any
    QPCap: Any
    QPInitAttr: Any
    RecvWR: Any
    SGE: Any
    SendWR: Any
    PyverbsError: type[Exception]


def load() -> Pyverbs:
    """Import pyverbs. Raises ``OSError`` (``ENOSYS``) that says how to install it."""
    # pyverbs.base configures the root logger when it is imported; undo that.
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    found: dict[str, Any] = {}
    try:
        for module, names in _CLASSES.items():
            contents = import_module(f"pyverbs.{module}")
            found |= {name: getattr(contents, name) for name in names}
    except ImportError as error:
        raise OSError(errno.ENOSYS, f"{INSTALL} ({error})") from error
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    return Pyverbs(**found)


def error_code(error: Exception) -> int:
    """Return the errno of a pyverbs error; ``EIO`` if it has none."""
    code = getattr(error, "error_code", -1)
    return code if isinstance(code, int) and code > 0 else errno.EIO
