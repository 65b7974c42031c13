"""The InfiniBand connection manager over QP1, as RDMA-CM uses it (IBTA 1.4, chapter 12).

``states`` is the table of transitions, ``cm_id`` one end of a connection and what it does in each
transition, ``request`` the passive side's view of it, ``manager`` owns them all and the listeners,
and ``backlog`` bounds what half-open connections may occupy.
"""

from .cm_id import CmId
from .manager import ROCE_PORT, ConnectionManager, Route

__all__ = ["ROCE_PORT", "CmId", "ConnectionManager", "Route"]
