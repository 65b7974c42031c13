"""The life of a communication identifier, as a table.

    active   IDLE -> REQ_SENT [-> REP_WAIT] -> ESTABLISHED -> DREQ_SENT -> TIMEWAIT -> CLOSED
    passive  IDLE -> REQ_RECEIVED [-> MRA_SENT] -> REP_SENT [-> RTU_WAIT] -> ESTABLISHED -> ...
                                 \\-> REJECTED -> CLOSED

The states are those of IBA, Section 12.9.5, with two folded away: we answer a REP and a DREQ in
the step that receives it, so nothing is ever "REP received" or "DREQ received".

``TRANSITIONS`` is the law: what is absent does not happen. A message that is absent is counted
and dropped (it is late, repeated or hostile); a command that is absent has lost a race with the
peer and is moot.
"""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    """Where a communication identifier is in its life."""

    IDLE = auto()
    REQ_SENT = auto()
    REP_WAIT = auto()
    """Active; the peer has our REQ and asked for time (IBA: MRA(REQ) received)."""
    REQ_RECEIVED = auto()
    MRA_SENT = auto()
    """Passive; we asked for time until the owner makes up its mind."""
    REP_SENT = auto()
    RTU_WAIT = auto()
    """Passive; the peer has our REP and asked for time (IBA: MRA(REP) received)."""
    REJECTED = auto()
    """Passive; the REJ is kept so that a repeated REQ has the same answer."""
    ESTABLISHED = auto()
    DREQ_SENT = auto()
    TIMEWAIT = auto()
    CLOSED = auto()


class Event(Enum):
    """What can happen to it: a message, a command of the owner, the queue pair, the clock."""

    REQ = auto()
    """The same REQ again (the first one creates the identifier)."""
    MRA = auto()
    REJ = auto()
    REP = auto()
    RTU = auto()
    DREQ = auto()
    DREP = auto()
    CONNECT = auto()
    ANNOUNCE = auto()
    """A first REQ has passed every check: tell the listener's owner."""
    ACCEPT = auto()
    REJECT = auto()
    DISCONNECT = auto()
    FAILED = auto()
    """The queue pair failed by itself."""
    TRAFFIC = auto()
    """The peer used the queue pair, so our REP arrived (the verbs' COMM_EST)."""
    STALE = auto()
    """Another REQ or REP names the same remote queue pair: the peer has forgotten this one."""
    EVICT = auto()
    """Half-open, and others want its place."""
    RETRY = auto()
    GIVE_UP = auto()


HALF_OPEN = frozenset(
    (State.REQ_RECEIVED, State.MRA_SENT, State.REP_SENT, State.RTU_WAIT),
)
"""What a peer can make us keep by one datagram; bounded by the manager."""
LINGERING = frozenset((State.REJECTED, State.TIMEWAIT))
"""Kept only to answer repeated messages in kind; the oldest go first."""

TRANSITIONS: dict[tuple[State, Event], tuple[str, State]] = {
    # Active side.
    (State.IDLE, Event.CONNECT): ("send_req", State.REQ_SENT),
    (State.REQ_SENT, Event.RETRY): ("resend", State.REQ_SENT),
    (State.REQ_SENT, Event.MRA): ("wait_longer", State.REP_WAIT),
    (State.REQ_SENT, Event.REP): ("take_reply", State.ESTABLISHED),
    (State.REQ_SENT, Event.REJ): ("refused", State.CLOSED),
    (State.REQ_SENT, Event.DREQ): ("released_early", State.TIMEWAIT),
    (State.REQ_SENT, Event.STALE): ("refuse_stale", State.CLOSED),
    (State.REQ_SENT, Event.GIVE_UP): ("timed_out", State.CLOSED),
    (State.REQ_SENT, Event.DISCONNECT): ("abort", State.CLOSED),
    (State.REQ_SENT, Event.FAILED): ("abort", State.CLOSED),
    (State.REP_WAIT, Event.RETRY): ("resend", State.REP_WAIT),
    (State.REP_WAIT, Event.REP): ("take_reply", State.ESTABLISHED),
    (State.REP_WAIT, Event.REJ): ("refused", State.CLOSED),
    (State.REP_WAIT, Event.DREQ): ("released_early", State.TIMEWAIT),
    (State.REP_WAIT, Event.STALE): ("refuse_stale", State.CLOSED),
    (State.REP_WAIT, Event.GIVE_UP): ("timed_out", State.CLOSED),
    (State.REP_WAIT, Event.DISCONNECT): ("abort", State.CLOSED),
    (State.REP_WAIT, Event.FAILED): ("abort", State.CLOSED),
    # Passive side.
    (State.IDLE, Event.ANNOUNCE): ("announce", State.REQ_RECEIVED),
    (State.REQ_RECEIVED, Event.REQ): ("send_mra", State.MRA_SENT),
    (State.REQ_RECEIVED, Event.RETRY): ("send_mra", State.MRA_SENT),
    (State.REQ_RECEIVED, Event.ACCEPT): ("send_rep", State.REP_SENT),
    (State.REQ_RECEIVED, Event.REJECT): ("send_rej", State.REJECTED),
    (State.REQ_RECEIVED, Event.DISCONNECT): ("send_rej", State.REJECTED),
    (State.REQ_RECEIVED, Event.FAILED): ("send_rej", State.REJECTED),
    (State.REQ_RECEIVED, Event.REJ): ("withdrawn", State.CLOSED),
    (State.REQ_RECEIVED, Event.STALE): ("withdrawn", State.CLOSED),
    (State.REQ_RECEIVED, Event.EVICT): ("crowded_out", State.CLOSED),
    (State.MRA_SENT, Event.REQ): ("resend", State.MRA_SENT),
    (State.MRA_SENT, Event.ACCEPT): ("send_rep", State.REP_SENT),
    (State.MRA_SENT, Event.REJECT): ("send_rej", State.REJECTED),
    (State.MRA_SENT, Event.DISCONNECT): ("send_rej", State.REJECTED),
    (State.MRA_SENT, Event.FAILED): ("send_rej", State.REJECTED),
    (State.MRA_SENT, Event.REJ): ("withdrawn", State.CLOSED),
    (State.MRA_SENT, Event.STALE): ("withdrawn", State.CLOSED),
    (State.MRA_SENT, Event.EVICT): ("crowded_out", State.CLOSED),
    (State.MRA_SENT, Event.GIVE_UP): ("expired", State.REJECTED),
    (State.REP_SENT, Event.REQ): ("resend", State.REP_SENT),
    (State.REP_SENT, Event.RETRY): ("resend", State.REP_SENT),
    (State.REP_SENT, Event.MRA): ("wait_longer", State.RTU_WAIT),
    (State.REP_SENT, Event.RTU): ("confirmed", State.ESTABLISHED),
    (State.REP_SENT, Event.TRAFFIC): ("confirmed", State.ESTABLISHED),
    (State.REP_SENT, Event.REJ): ("refused", State.CLOSED),
    (State.REP_SENT, Event.DREQ): ("released_early", State.TIMEWAIT),
    (State.REP_SENT, Event.STALE): ("withdrawn", State.CLOSED),
    (State.REP_SENT, Event.EVICT): ("crowded_out", State.CLOSED),
    (State.REP_SENT, Event.GIVE_UP): ("timed_out", State.CLOSED),
    (State.REP_SENT, Event.DISCONNECT): ("send_dreq", State.DREQ_SENT),
    (State.REP_SENT, Event.FAILED): ("send_dreq", State.DREQ_SENT),
    (State.RTU_WAIT, Event.RETRY): ("resend", State.RTU_WAIT),
    (State.RTU_WAIT, Event.RTU): ("confirmed", State.ESTABLISHED),
    (State.RTU_WAIT, Event.TRAFFIC): ("confirmed", State.ESTABLISHED),
    (State.RTU_WAIT, Event.REJ): ("refused", State.CLOSED),
    (State.RTU_WAIT, Event.DREQ): ("released_early", State.TIMEWAIT),
    (State.RTU_WAIT, Event.STALE): ("withdrawn", State.CLOSED),
    (State.RTU_WAIT, Event.EVICT): ("crowded_out", State.CLOSED),
    (State.RTU_WAIT, Event.GIVE_UP): ("timed_out", State.CLOSED),
    (State.RTU_WAIT, Event.DISCONNECT): ("send_dreq", State.DREQ_SENT),
    (State.RTU_WAIT, Event.FAILED): ("send_dreq", State.DREQ_SENT),
    (State.REJECTED, Event.REQ): ("resend", State.REJECTED),
    (State.REJECTED, Event.GIVE_UP): ("forget", State.CLOSED),
    # Both sides.
    (State.ESTABLISHED, Event.REP): ("resend", State.ESTABLISHED),
    (State.ESTABLISHED, Event.DREQ): ("released", State.TIMEWAIT),
    (State.ESTABLISHED, Event.REJ): ("dropped", State.TIMEWAIT),
    (State.ESTABLISHED, Event.DISCONNECT): ("send_dreq", State.DREQ_SENT),
    (State.ESTABLISHED, Event.FAILED): ("send_dreq", State.DREQ_SENT),
    (State.ESTABLISHED, Event.STALE): ("send_dreq", State.DREQ_SENT),
    (State.DREQ_SENT, Event.RETRY): ("resend", State.DREQ_SENT),
    (State.DREQ_SENT, Event.DREP): ("linger", State.TIMEWAIT),
    (State.DREQ_SENT, Event.REJ): ("linger", State.TIMEWAIT),
    (State.DREQ_SENT, Event.GIVE_UP): ("linger", State.TIMEWAIT),
    (State.DREQ_SENT, Event.DREQ): ("answer_dreq", State.TIMEWAIT),
    (State.TIMEWAIT, Event.DREQ): ("answer_dreq", State.TIMEWAIT),
    (State.TIMEWAIT, Event.GIVE_UP): ("forget", State.CLOSED),
}
"""(state, event) -> (the endpoint's action, the state that follows)."""
