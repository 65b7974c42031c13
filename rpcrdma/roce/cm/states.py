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
    """The states of a communication identifier."""

    IDLE = auto()
    REQ_SENT = auto()
    REP_WAIT = auto()
    """Active; the peer has our REQ and asked for time (IBA: MRA(REQ) received)."""
    REQ_RECEIVED = auto()
    MRA_SENT = auto()
    """Passive; we asked for time until the owner decides."""
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
    """What can happen to an identifier: a message, a command, the queue pair, the clock."""

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
    SILENCE = auto()
    """The peer has not answered for a while: it may be gone, and another be in its place."""
    STALE = auto()
    """Another REQ or REP names the same remote queue pair: the peer has forgotten this one."""
    EVICT = auto()
    """It is half-open, and another connection needs its place."""
    RETRY = auto()
    GIVE_UP = auto()


class Action(Enum):
    """What an identifier does in a transition; ``cm_id`` has a method for each."""

    SEND_REQ = auto()
    """Ask the peer for a connection."""
    RESEND = auto()
    """Send the last message again."""
    WAIT_LONGER = auto()
    """The peer asked for time (MRA)."""
    CONFIRM_AGAIN = auto()
    """Send another RTU: a peer that has forgotten the connection rejects it."""
    TAKE_REPLY = auto()
    """Take the REP: raise the queue pair and confirm."""
    REFUSED = auto()
    """The peer rejected us."""
    RELEASED_EARLY = auto()
    """The peer left before the connection was up."""
    REFUSE_STALE = auto()
    """Reject a REP from a queue pair of an old connection."""
    TIMED_OUT = auto()
    """The peer does not answer."""
    ABORT = auto()
    """Give up, and tell the peer."""
    ANNOUNCE = auto()
    """Tell the listener's owner of the request."""
    SEND_MRA = auto()
    """Ask the peer for time."""
    SEND_REP = auto()
    """Accept: raise the queue pair and answer."""
    SEND_REJ = auto()
    """Reject the request."""
    WITHDRAWN = auto()
    """The peer gave up its request."""
    CROWDED_OUT = auto()
    """Give way to other requests."""
    EXPIRED = auto()
    """The owner did not answer the request in time."""
    CONFIRMED = auto()
    """The connection is up."""
    SEND_DREQ = auto()
    """Disconnect."""
    FORGET = auto()
    """Nothing is left to do."""
    RELEASED = auto()
    """The peer disconnected."""
    DROPPED = auto()
    """The peer rejected a connection that was up."""
    LINGER = auto()
    """Wait for late messages."""
    ANSWER_DREQ = auto()
    """Answer a DREQ."""


HALF_OPEN = frozenset(
    (State.REQ_RECEIVED, State.MRA_SENT, State.REP_SENT, State.RTU_WAIT),
)
"""What a peer can make us keep with one datagram; the manager bounds it."""
LINGERING = frozenset((State.REJECTED, State.TIMEWAIT))
"""Kept only to repeat an answer; the oldest are evicted first."""

TRANSITIONS: dict[tuple[State, Event], tuple[Action, State]] = {
    # Active side.
    (State.IDLE, Event.CONNECT): (Action.SEND_REQ, State.REQ_SENT),
    (State.REQ_SENT, Event.RETRY): (Action.RESEND, State.REQ_SENT),
    (State.REQ_SENT, Event.MRA): (Action.WAIT_LONGER, State.REP_WAIT),
    (State.REQ_SENT, Event.REP): (Action.TAKE_REPLY, State.ESTABLISHED),
    (State.REQ_SENT, Event.REJ): (Action.REFUSED, State.CLOSED),
    (State.REQ_SENT, Event.DREQ): (Action.RELEASED_EARLY, State.TIMEWAIT),
    (State.REQ_SENT, Event.STALE): (Action.REFUSE_STALE, State.CLOSED),
    (State.REQ_SENT, Event.GIVE_UP): (Action.TIMED_OUT, State.CLOSED),
    (State.REQ_SENT, Event.DISCONNECT): (Action.ABORT, State.CLOSED),
    (State.REQ_SENT, Event.FAILED): (Action.ABORT, State.CLOSED),
    (State.REP_WAIT, Event.RETRY): (Action.RESEND, State.REP_WAIT),
    (State.REP_WAIT, Event.REP): (Action.TAKE_REPLY, State.ESTABLISHED),
    (State.REP_WAIT, Event.REJ): (Action.REFUSED, State.CLOSED),
    (State.REP_WAIT, Event.DREQ): (Action.RELEASED_EARLY, State.TIMEWAIT),
    (State.REP_WAIT, Event.STALE): (Action.REFUSE_STALE, State.CLOSED),
    (State.REP_WAIT, Event.GIVE_UP): (Action.TIMED_OUT, State.CLOSED),
    (State.REP_WAIT, Event.DISCONNECT): (Action.ABORT, State.CLOSED),
    (State.REP_WAIT, Event.FAILED): (Action.ABORT, State.CLOSED),
    # Passive side.
    (State.IDLE, Event.ANNOUNCE): (Action.ANNOUNCE, State.REQ_RECEIVED),
    (State.REQ_RECEIVED, Event.REQ): (Action.SEND_MRA, State.MRA_SENT),
    (State.REQ_RECEIVED, Event.RETRY): (Action.SEND_MRA, State.MRA_SENT),
    (State.REQ_RECEIVED, Event.ACCEPT): (Action.SEND_REP, State.REP_SENT),
    (State.REQ_RECEIVED, Event.REJECT): (Action.SEND_REJ, State.REJECTED),
    (State.REQ_RECEIVED, Event.DISCONNECT): (Action.SEND_REJ, State.REJECTED),
    (State.REQ_RECEIVED, Event.FAILED): (Action.SEND_REJ, State.REJECTED),
    (State.REQ_RECEIVED, Event.REJ): (Action.WITHDRAWN, State.CLOSED),
    (State.REQ_RECEIVED, Event.STALE): (Action.WITHDRAWN, State.CLOSED),
    (State.REQ_RECEIVED, Event.EVICT): (Action.CROWDED_OUT, State.CLOSED),
    (State.MRA_SENT, Event.REQ): (Action.RESEND, State.MRA_SENT),
    (State.MRA_SENT, Event.ACCEPT): (Action.SEND_REP, State.REP_SENT),
    (State.MRA_SENT, Event.REJECT): (Action.SEND_REJ, State.REJECTED),
    (State.MRA_SENT, Event.DISCONNECT): (Action.SEND_REJ, State.REJECTED),
    (State.MRA_SENT, Event.FAILED): (Action.SEND_REJ, State.REJECTED),
    (State.MRA_SENT, Event.REJ): (Action.WITHDRAWN, State.CLOSED),
    (State.MRA_SENT, Event.STALE): (Action.WITHDRAWN, State.CLOSED),
    (State.MRA_SENT, Event.EVICT): (Action.CROWDED_OUT, State.CLOSED),
    (State.MRA_SENT, Event.GIVE_UP): (Action.EXPIRED, State.REJECTED),
    (State.REP_SENT, Event.REQ): (Action.RESEND, State.REP_SENT),
    (State.REP_SENT, Event.RETRY): (Action.RESEND, State.REP_SENT),
    (State.REP_SENT, Event.MRA): (Action.WAIT_LONGER, State.RTU_WAIT),
    (State.REP_SENT, Event.RTU): (Action.CONFIRMED, State.ESTABLISHED),
    (State.REP_SENT, Event.TRAFFIC): (Action.CONFIRMED, State.ESTABLISHED),
    (State.REP_SENT, Event.REJ): (Action.REFUSED, State.CLOSED),
    (State.REP_SENT, Event.DREQ): (Action.RELEASED_EARLY, State.TIMEWAIT),
    (State.REP_SENT, Event.STALE): (Action.WITHDRAWN, State.CLOSED),
    (State.REP_SENT, Event.EVICT): (Action.CROWDED_OUT, State.CLOSED),
    (State.REP_SENT, Event.GIVE_UP): (Action.TIMED_OUT, State.CLOSED),
    (State.REP_SENT, Event.DISCONNECT): (Action.SEND_DREQ, State.DREQ_SENT),
    (State.REP_SENT, Event.FAILED): (Action.SEND_DREQ, State.DREQ_SENT),
    (State.RTU_WAIT, Event.RETRY): (Action.RESEND, State.RTU_WAIT),
    (State.RTU_WAIT, Event.RTU): (Action.CONFIRMED, State.ESTABLISHED),
    (State.RTU_WAIT, Event.TRAFFIC): (Action.CONFIRMED, State.ESTABLISHED),
    (State.RTU_WAIT, Event.REJ): (Action.REFUSED, State.CLOSED),
    (State.RTU_WAIT, Event.DREQ): (Action.RELEASED_EARLY, State.TIMEWAIT),
    (State.RTU_WAIT, Event.STALE): (Action.WITHDRAWN, State.CLOSED),
    (State.RTU_WAIT, Event.EVICT): (Action.CROWDED_OUT, State.CLOSED),
    (State.RTU_WAIT, Event.GIVE_UP): (Action.TIMED_OUT, State.CLOSED),
    (State.RTU_WAIT, Event.DISCONNECT): (Action.SEND_DREQ, State.DREQ_SENT),
    (State.RTU_WAIT, Event.FAILED): (Action.SEND_DREQ, State.DREQ_SENT),
    (State.REJECTED, Event.REQ): (Action.RESEND, State.REJECTED),
    (State.REJECTED, Event.GIVE_UP): (Action.FORGET, State.CLOSED),
    # Both sides.
    (State.ESTABLISHED, Event.REP): (Action.RESEND, State.ESTABLISHED),
    (State.ESTABLISHED, Event.DREQ): (Action.RELEASED, State.TIMEWAIT),
    (State.ESTABLISHED, Event.REJ): (Action.DROPPED, State.TIMEWAIT),
    (State.ESTABLISHED, Event.DISCONNECT): (Action.SEND_DREQ, State.DREQ_SENT),
    (State.ESTABLISHED, Event.FAILED): (Action.SEND_DREQ, State.DREQ_SENT),
    (State.ESTABLISHED, Event.STALE): (Action.SEND_DREQ, State.DREQ_SENT),
    (State.ESTABLISHED, Event.SILENCE): (Action.CONFIRM_AGAIN, State.ESTABLISHED),
    (State.DREQ_SENT, Event.RETRY): (Action.RESEND, State.DREQ_SENT),
    (State.DREQ_SENT, Event.DREP): (Action.LINGER, State.TIMEWAIT),
    (State.DREQ_SENT, Event.REJ): (Action.LINGER, State.TIMEWAIT),
    (State.DREQ_SENT, Event.GIVE_UP): (Action.LINGER, State.TIMEWAIT),
    (State.DREQ_SENT, Event.DREQ): (Action.ANSWER_DREQ, State.TIMEWAIT),
    (State.TIMEWAIT, Event.DREQ): (Action.ANSWER_DREQ, State.TIMEWAIT),
    (State.TIMEWAIT, Event.GIVE_UP): (Action.FORGET, State.CLOSED),
}
"""(state, event) -> (what the identifier does, the state that follows)."""
