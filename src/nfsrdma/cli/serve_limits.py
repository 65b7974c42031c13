"""What ``nfsrdma serve --help`` says of the limits: the numbers are the configuration's own."""

from __future__ import annotations

from nfsrdma.rpcrdma.io.tcp import MAX_CONNECTIONS
from nfsrdma.rpcrdma.roce.cm_backlog import MAX_HALF_OPEN, MAX_HALF_OPEN_EACH
from nfsrdma.rpcrdma.transport.options import TransportOptions
from nfsrdma.server.config import ServerConfig


def limits_text(config: ServerConfig) -> str:
    """A paragraph for each kind of thing that clients can make the server keep."""
    state, sessions = config.state, config.sessions
    clients, rdma = state.clients, TransportOptions()
    rows = (
        ("clients", f"{clients.clients}", f"{clients.clients_per_address}"),
        (
            "clients without a session",
            f"{clients.unconfirmed}",
            f"{clients.unconfirmed_per_address}",
        ),
        ("sessions, with replies", _mib(state.sessions), _mib(state.sessions_per_address)),
        ("half-open RDMA connections", f"{MAX_HALF_OPEN}", f"{MAX_HALF_OPEN_EACH}"),
        ("data held for clients", _mib(config.memory), "as much as is left"),
        ("connections over TCP", f"{MAX_CONNECTIONS}", "as many as are left"),
        ("connections over RDMA", f"{rdma.max_connections}", "as many as are left"),
        ("  their receive buffers", _mib(rdma.max_receive_memory), "as much as is left"),
        ("open files, lock owners", "descriptors / 2", "descriptors / 2.5"),
        ("descriptors kept for speed", "a quarter", "as many as are left"),
        ("locked ranges", f"{state.ranges}", f"{state.ranges_per_client} a client"),
    )
    lines = ["\b", f"Limits:{'':22}{'of all':18}of one address"]
    lines += [f"  {what:27}{everybody:18}{one}" for what, everybody, one in rows]
    return "\n".join(lines) + (
        "\n\nEach user of this host counts as an address. Who is full has to wait, and nobody "
        "else: idle clients give way, of whoever has most, but none with open files. "
        f"A client has {state.sessions_per_client} sessions of {sessions.slots} slots that keep "
        f"{sessions.cached_reply >> 10} KiB, a call {sessions.operations} operations, a file "
        f"{state.ranges_per_file} locked ranges."
    )


def _mib(octets: int) -> str:
    return f"{octets >> 20} MiB"
