"""What SEQUENCE tells a client of its state: ``sr_status_flags`` (RFC 8881, Section 18.46.3)."""

from __future__ import annotations

from nfsrdma.xdr.nfs4 import types as nfs

from .registry import Registry
from .session import Session


def status_flags(registry: Registry, session: Session, now: float) -> int:
    """Return what the client ought to know."""
    client = session.client
    status = 0
    if not session.back.operational:
        status |= _path_flags(session)
    if client.revoked:
        status |= nfs.SEQ4_STATUS_RECALLABLE_STATE_REVOKED
    if (
        not client.reclaim_complete
        and registry.grace.active(now)
        and registry.grace.may_reclaim(client.record)
    ):
        status |= nfs.SEQ4_STATUS_RESTART_RECLAIM_NEEDED
    return status


def _path_flags(session: Session) -> int:
    """Return the flags that tell of a back channel that reaches nobody.

    A session that never had one is no trouble as long as another of the client's sessions has.
    """
    status = 0
    back = session.back
    if back.was_bound:
        status |= nfs.SEQ4_STATUS_CB_PATH_DOWN_SESSION
    if back.fault:
        status |= nfs.SEQ4_STATUS_BACKCHANNEL_FAULT
    if not any(each.back.operational for each in session.client.sessions.values()):
        status |= nfs.SEQ4_STATUS_CB_PATH_DOWN
    return status
