"""Calls to clients, over the back channels of their sessions (RFC 8881, Section 20).

Clients of minor version 0 have none: they are called over connections of their own
(``sessionless``), by the same ``CallbackClient.call``.

Code that has to call a client is given a ``CallbackClient``::

    callbacks = CallbackClient(reactor, rng, CallbackTimes.suiting(lease))
    operation = CallbackOperation(OP_CB_RECALL, CB_RECALL4args(...), CB_RECALL4res.decode)
    result = await callbacks.call(session, operation)

A call takes a slot of the session's back channel, and goes over a connection that the client has
bound to it: over TCP in the other direction of the stream, over RDMA in the reverse direction
(RFC 8167). If the connection is lost, the same call goes out again over another one, or over the
one that the client binds when SEQUENCE has told it that the path is down.

``server.state`` has the back channel as a record, and knows nothing of this package.
"""

from .client import CallbackClient, CallbackStats, CallbackTimes
from .compound import CallbackOperation
from .errors import CallbackError, CallbackRefused, PathDown
from .sessionless import Connect, SessionlessCallbacks

__all__ = [
    "CallbackClient",
    "CallbackError",
    "CallbackOperation",
    "CallbackRefused",
    "CallbackStats",
    "CallbackTimes",
    "Connect",
    "PathDown",
    "SessionlessCallbacks",
]
