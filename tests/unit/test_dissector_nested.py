"""What opaque members hold: decoded where it is all there, octets where it is not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.corpus.__main__ import FOLDER
from tests.support import pnfs
from tests.support.company import octets
from tests.support.dissection import dissect
from tests.support.pnfs import DEVICE, HANDLES

from nfsrdma.dissector.fields.derived import asked_of_message
from nfsrdma.dissector.fields.fields import message_fields, operation_values
from nfsrdma.dissector.fields.names import known
from nfsrdma.dissector.fields.values import plain
from nfsrdma.dissector.messages.nested import BODIES, OPENED, token
from nfsrdma.xdr.nfs4 import types as t
from nfsrdma.xdr.rpc import rpc_gss_init_res
from nfsrdma.xdr.runtime import Struct, Union


def inside(value: Any) -> list[Any]:
    """All structures in a value."""
    if isinstance(value, list):
        return [found for one in value for found in inside(one)]
    if not isinstance(value, Struct | Union):
        return []
    opened = OPENED.get(type(value))
    value = value if opened is None else opened(value)
    return [value, *(found for name in value.__slots__ for found in inside(getattr(value, name)))]


@pytest.mark.parametrize("kind", [1, 3, 4, 5])
def test_layouts_and_devices_are_decoded(kind: int) -> None:
    for (_, result), wanted in (
        (pnfs.asked_layout(kind), pnfs.LAYOUTS[kind]),
        (pnfs.asked_device(kind), pnfs.DEVICES[kind]),
    ):
        assert wanted in inside(result)


@pytest.mark.parametrize("kind", [3, 4, 5])
def test_updates_are_decoded(kind: int) -> None:
    assert pnfs.UPDATES[kind] in inside(pnfs.committed(kind)[0])


def test_what_a_return_reports_is_decoded() -> None:
    found = inside(pnfs.returned()[0])
    assert pnfs.RETURNED in found
    assert pnfs.UPDATES[t.LAYOUT4_FLEX_FILES] in found


def test_each_notification_is_decoded() -> None:
    found = [one for asked, _ in pnfs.callbacks() for one in inside(asked)]
    for notices in (pnfs.NOTICES, pnfs.DEVICE_NOTICES):
        assert all(one in found for one in notices.values())


def test_every_body_that_is_known_is_tried_here() -> None:
    tried = [*pnfs.operations(), *pnfs.callbacks()]
    found = {type(one) for pair in tried for op in pair for one in inside(op)}
    assert BODIES - found == {t.nfsv4_1_file_layouthint4, t.ff_layouthint4}


def test_hints_and_thresholds() -> None:
    hint = t.layouthint4(t.LAYOUT4_NFSV4_1_FILES, octets(t.nfsv4_1_file_layouthint4(1, 4096, 2)))
    assert plain(hint)["loh_body"] == {"nflh_care": 1, "nflh_util": 4096, "nflh_stripe_count": 2}
    threshold = t.threshold_item4(1, [5], bytes(7) + b"\1" + bytes(7) + b"\2")
    assert plain(threshold)["thi_hintlist"] == [1, 2]


@pytest.mark.parametrize("cut", range(1, 40, 3))
def test_what_is_cut_or_too_long_stays_octets(cut: int) -> None:
    body = octets(pnfs.LAYOUTS[t.LAYOUT4_FLEX_FILES])
    for damaged in (body[:-cut], body + bytes(cut)):
        shown = plain(t.layout_content4(t.LAYOUT4_FLEX_FILES, damaged))["loc_body"]
        assert shown == {"length": len(damaged), "start": damaged[:64].hex()}
    notices = t.notify4([0x3F], b"\0\0\0\5abcde"[:cut])
    change = t.CB_NOTIFY4args(pnfs.STATEID, b"dir", [notices])
    assert plain(change)["cna_changes"][0]["notify_vals"] == notices.notify_vals.hex()


def test_types_that_nobody_knows_stay_octets() -> None:
    assert plain(t.layout_content4(99, b"\1\2"))["loc_body"] == "0102"
    unknown = t.CB_NOTIFY4args(pnfs.STATEID, b"dir", [t.notify4([1 << 9], b"\0" * 4)])
    assert plain(unknown)["cna_changes"][0]["notify_vals"] == "00000000"


KRB5 = bytes.fromhex("06092a864886f712010202")


def test_tokens_say_their_mechanism() -> None:
    inner = KRB5 + b"\2\0" + b"rest"
    whole = bytes((0x60, len(inner))) + inner
    found = token(whole)
    assert found is not None
    assert (found.mechanism, found.message) == ("krb5", "AP_REP")
    shown = plain(rpc_gss_init_res(b"handle", 0, 0, 128, whole))["gss_token"]
    assert shown == {"mechanism": "krb5", "message": "AP_REP", "octets": whole.hex()}
    long = KRB5 + b"\1\0" + bytes(200)
    found = token(b"\x60\x81" + bytes((len(long),)) + long)
    assert found is not None
    assert found.message == "AP_REQ"
    other = token(b"\x60\x06\x06\x03\x2a\x03\x04")
    assert other is not None
    assert other.mechanism == "1.2.3.4"


@pytest.mark.parametrize("octets_", [b"", b"\x60", b"\x60\xff\6\1", b"\x60\x02\x06", b"random"])
def test_what_is_no_token_is_octets(octets_: bytes) -> None:
    assert token(octets_) is None


def test_fields_of_layouts_have_wiresharks_names() -> None:
    """In the corpus: each under a name that a filter knows."""
    view = dissect(FOLDER / "pnfs.pcap")
    found: dict[str, list[Any]] = {}
    for exchange in view.exchanges:
        for message in (exchange.call, exchange.reply):
            assert message is not None
            fields = asked_of_message(exchange, message, known(), 0)
            assert fields.keys() <= known().keys()
            for name, value in fields.items():
                found.setdefault(name, []).extend(value if isinstance(value, list) else [value])
    assert set(found["nfs.deviceid"]) == {DEVICE.hex()}
    assert {1, 3, 4, 5} <= set(found["nfs.layouttype"])
    assert {one.hex() for one in HANDLES} <= set(found["nfs.fhandle"])
    assert found["nfs.nfl_util.stripe_size"] == [0x8000]
    assert found["nfs.ff.layout_flags.no_layoutcommit"] == [True]
    assert set(found["nfs.r_netid"]) == {"tcp", "rdma"}


def test_callbacks_have_their_handles() -> None:
    view = dissect(FOLDER / "callbacks.pcap")
    for exchange in view.exchanges:
        assert exchange.call is not None
        assert exchange.call_body is not None
        fields = message_fields(exchange, exchange.call)
        names = exchange.call_body.names()
        if names[-1] not in ("CB_NOTIFY_DEVICEID", "CB_RECALL_ANY"):
            assert fields["nfs.fhandle"] in (b"dir".hex(), b"a-file".hex())
            assert "nfs.fh.hash" in fields
        assert "..." not in str(operation_values(exchange.call_body))
