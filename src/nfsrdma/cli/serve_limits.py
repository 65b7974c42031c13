"""The text of ``nfsrdma serve --help`` on limits, with the configuration's own numbers."""

from __future__ import annotations

from nfsrdma.rpcrdma.io.tcp import MAX_CONNECTIONS
from nfsrdma.rpcrdma.roce.cm.backlog import MAX_HALF_OPEN, MAX_HALF_OPEN_EACH
from nfsrdma.rpcrdma.transport.options import TransportOptions
from nfsrdma.server.config import ServerConfig


def limits_text(config: ServerConfig) -> str:
    """Return what clients can make the server keep, and how that is shared out."""
    state, sessions = config.state, config.sessions
    rdma = TransportOptions()
    rows = (
        ("clients", f"{state.clients.clients}"),
        ("clients without a session", f"{state.clients.unconfirmed}"),
        ("sessions, with replies", _mib(state.sessions)),
        ("half-open RDMA connections", f"{MAX_HALF_OPEN}, of one address {MAX_HALF_OPEN_EACH}"),
        ("data held for clients", _mib(config.memory)),
        ("connections over TCP", f"{MAX_CONNECTIONS}"),
        ("connections over RDMA", f"{rdma.max_connections}"),
        ("  their receive buffers", _mib(rdma.max_receive_memory)),
        ("open files and lock owners", "half the descriptors"),
        ("owners of NFS 4.0", f"{state.owners}"),
        ("descriptors kept for speed", "a quarter"),
        ("locked ranges", f"{state.ranges}"),
    )
    lines = ["\b", "Limits, of all clients together:"]
    lines += [f"  {what:28}{everybody}" for what, everybody in rows]
    return "\n".join(lines) + (
        "\n\nOne address, or one user of this host, has at most as much as is left for others. Who "
        "is full has to wait, and nobody else: idle clients give way, but none with open files. "
        f"A client has {state.sessions_per_client} sessions of {sessions.slots} slots that keep "
        f"{sessions.cached_reply >> 10} KiB, and {state.states_per_client} open files and lock "
        f"owners; a call {sessions.operations} operations, a file {state.ranges_per_file} locked "
        "ranges."
    )


def _mib(octets: int) -> str:
    return f"{octets >> 20} MiB"
