"""Fields of the connection manager's messages under Wireshark's names (IBA, Sections 12.6, 13.4.3).

Of a path's flow label and packet rate Wireshark takes other bits than the specification has them
in; here they are the specification's. The alternate path is left out: nobody asks for one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from nfsrdma.rpcrdma.roce.wire.cm_messages import (
    RDMA_CM_HEADER_LENGTH,
    Dreq,
    Rej,
    Rep,
    Req,
    Rtu,
    host_of,
    service_port,
)

from ..tracking.handshakes import rdma_cm_header
from ..tracking.model import CmEvent

_REQ: Final = {
    "local_ca_guid": "localcaguid", "local_qkey": "localqkey", "local_qpn": "localqpn",
    "responder_resources": "responderres", "local_eecn": "localeecn",
    "initiator_depth": "initdepth", "remote_eecn": "remoteeecn",
    "remote_cm_response_timeout": "remoteresptout", "transport": "transpsvctype",
    "end_to_end_flow_control": "e2eflowctrl", "starting_psn": "startpsn",
    "local_cm_response_timeout": "localresptout", "retry_count": "retrcount", "p_key": "pkey",
    "path_mtu": "pppmtu", "rdc_exists": "rdcexist", "rnr_retry_count": "rnrretrcount",
    "max_cm_retries": "maxcmretr", "srq": "srq", "extended_transport": "ext_transport",
    "local_lid": "prim_locallid", "remote_lid": "prim_remotelid", "flow_label": "prim_flowlabel",
    "packet_rate": "prim_pktrate", "traffic_class": "prim_tfcclass", "hop_limit": "prim_hoplim",
    "service_level": "prim_sl", "subnet_local": "prim_subnetlocal",
    "local_ack_timeout": "prim_localacktout",
}  # fmt: skip
_REP: Final = {
    "remote_comm_id": "remotecommid", "local_qkey": "localqkey", "local_qpn": "localqpn",
    "local_eecn": "localeecn", "starting_psn": "startpsn", "responder_resources": "respres",
    "initiator_depth": "initdepth", "target_ack_delay": "tgtackdelay", "failover": "failoveracc",
    "end_to_end_flow_control": "e2eflowctrl", "rnr_retry_count": "rnrretrcount", "srq": "srq",
    "local_ca_guid": "localcaguid",
}  # fmt: skip
_IDS: Final = {"local_comm_id": "localcommid", "remote_comm_id": "remotecommid"}
_REJ: Final = {**_IDS, "message": "msgrej", "reason": "reason"}
_KINDS: Final[dict[type[Any], tuple[str, dict[str, str]]]] = {
    Req: ("req", _REQ),
    Rep: ("rep", _REP),
    Rtu: ("rtu", _IDS),
    Rej: ("rej", _REJ),
    Dreq: ("dreq", _IDS),
}
_DREP = 0x16
_IP_CM: Final = "infiniband.cm.req.ip_cm"
_MAD: Final = {
    "infiniband.mad.baseversion": 1,
    "infiniband.mad.mgmtclass": 7,
    "infiniband.mad.classversion": 2,
    "infiniband.mad.method": 3,
    "infiniband.mad.status": 0,
}
"""What no message is the connection manager's without."""
NAMES: Final[frozenset[str]] = frozenset(
    (
        *_MAD, "infiniband.mad.attributeid", "infiniband.deth.srcqp",
        "infiniband.deth.q_key",
        "infiniband.cm.req", "infiniband.cm.rep", "infiniband.cm.req.serviceid",
        "infiniband.cm.req.serviceid.dport", "infiniband.cm.req.remoteqpneecn",
        "infiniband.cm.rej.rejinfolen",
        *(
            f"infiniband.cm.req.prim_{end}gid{family}"
            for end in ("local", "remote") for family in ("", "_ipv4")
        ),
        *(f"{_IP_CM}.{part}" for part in ("sport", "sip4", "dip4", "sip6", "dip6", "ipv",
                                          "private")),
        *(
            f"infiniband.cm.{kind}.{name}"
            for kind, names in (*_KINDS.values(), ("drsp", _IDS))
            for name in (*names.values(), "private")
        ),
    )
)  # fmt: skip


def cm_fields(event: CmEvent) -> Iterator[tuple[str, Any]]:
    """Give the fields of a message of the connection manager."""
    yield from _MAD.items()
    yield "infiniband.mad.attributeid", event.attribute
    yield "infiniband.deth.srcqp", event.source_qpn
    yield "infiniband.deth.q_key", event.q_key
    message = event.message
    if message is None:
        return
    kind, names = _KINDS.get(type(message), ("drsp" if event.attribute == _DREP else "", _IDS))
    if not kind:
        return
    prefix = f"infiniband.cm.{kind}"
    if kind in ("req", "rep"):
        yield prefix, message.local_comm_id
    for member, name in names.items():
        yield f"{prefix}.{name}", int(getattr(message, member))
    if isinstance(message, Req):
        yield from _request(message)
        return
    if isinstance(message, Rej):
        yield f"{prefix}.rejinfolen", len(message.additional)
    elif isinstance(message, Dreq):
        yield "infiniband.cm.req.remoteqpneecn", message.remote_qpn
    yield f"{prefix}.private", message.private_data.hex()


def _request(message: Req) -> Iterator[tuple[str, Any]]:
    yield "infiniband.cm.req.serviceid", message.service_id
    port = service_port(message.service_id)
    if port is not None:
        yield "infiniband.cm.req.serviceid.dport", port
    for end, gid in (("local", message.local_gid), ("remote", message.remote_gid)):
        host = host_of(gid)
        yield f"infiniband.cm.req.prim_{end}gid{'' if ':' in host else '_ipv4'}", host
    header = rdma_cm_header(message)
    if header is None:
        yield "infiniband.cm.req.private", message.private_data.hex()
        return
    family = 6 if ":" in header.source else 4
    yield f"{_IP_CM}.ipv", family
    yield f"{_IP_CM}.sport", header.source_port
    yield f"{_IP_CM}.sip{family}", header.source
    yield f"{_IP_CM}.dip{family}", header.destination
    yield f"{_IP_CM}.private", message.private_data[RDMA_CM_HEADER_LENGTH:].hex()
