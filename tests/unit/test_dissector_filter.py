"""Display filters: an error for what does not exist, protocols as fields, times from frame 1."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.fields.kinds import FieldKind
from nfsrdma.dissector.fields.names import known
from nfsrdma.dissector.filter import FilterError, compile_filter

DATA = Path(__file__).parents[1] / "data" / "captures"
BASELINE = str(DATA / "generated" / "baseline-rocev2.pcap")


def run(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(dissect, list(arguments))
    assert result.exit_code == code, result.output
    return result


def records(*arguments: str) -> Iterator[dict[str, object]]:
    for line in run("--json", *arguments).stdout.splitlines():
        yield json.loads(line)


@pytest.mark.parametrize(
    ("text", "carets", "near"),
    [
        ("nonsense", "^^^^^^^^", ""),
        ("rpc and nfs.opcod == 3", "        ^^^^^^^^^", "nfs.opcode"),
        ("nfs.opcode == REED", "              ^^^^", "READ"),
        ("nfs.opcode in {READ, WRIT}", "                     ^^^^", "WRITE"),
        ("nfs.opcode nand 3", "           ^^^^", "and"),
        ("(nfs", "    ^", ""),
        ("nfs.opcode ==", "             ^", ""),
        ("nfs == 3", "    ^^", "it is there or not"),
        ("ip.addr == 10", "           ^^", "no address"),
        ("nfs.fhandle == xyz", "               ^^^", "hexadecimal"),
        ("nfs.status == 3 $ 4", "                ^^^", "not understood"),
    ],
)
def test_what_does_not_exist_is_an_error(text: str, carets: str, near: str) -> None:
    with pytest.raises(FilterError) as error:
        compile_filter(text)
    lines = str(error.value).splitlines()
    assert lines[1:3] == [f"  {text}", f"  {carets}"]
    assert near in str(error.value)


def test_the_command_says_so_before_it_reads() -> None:
    output = run("-Y", "nfs.opcod == READ", BASELINE, code=2).output
    assert "nfs.opcode" in output
    assert "^^^^^^^^^" in output
    for view in ("--lint", "--latency", "--health", "--json"):
        run(view, "-Y", "nonsense", BASELINE, code=2)


def test_nothing_fits_is_said() -> None:
    result = run("-Y", "nfs.offset4 == 77777777777", BASELINE)
    assert result.stdout == ""
    assert result.stderr.startswith("0 of ")
    assert " fit" not in run("-Y", "nfs", BASELINE).stderr


def test_fields_are_listed() -> None:
    lines = dict(line.split() for line in run("--fields").output.splitlines())
    assert lines["nfs.opcode"] == "number"
    assert lines["rpcordma"] == "protocol"
    assert lines["ip.addr"] == "address"


@pytest.mark.parametrize(
    ("name", "fit", "others"),
    [
        ("baseline-rocev2", "frame eth ip udp infiniband rpcordma rpc", "ipv6 tcp mount nlm"),
        ("baseline-rocev2-v6", "frame eth ipv6 udp infiniband rpcordma rpc", "ip tcp"),
        ("baseline-iwarp", "frame eth ip tcp rpcordma rpc", "udp infiniband"),
        ("baseline-infiniband", "frame infiniband rpcordma rpc", "eth ip ipv6 udp tcp"),
    ],
)
def test_protocols_are_where_they_are_spoken(name: str, fit: str, others: str) -> None:
    (path,) = (one for one in (DATA / "generated").glob(f"{name}.*") if one.suffix != ".json")
    all_of_it = sum("rpc.xid" in record for record in records(str(path)))
    assert all_of_it
    for protocol in fit.split():
        found = list(records("-Y", f"{protocol} and rpc.xid", str(path)))
        assert len(found) == all_of_it, protocol
        assert not list(records("-Y", f"not {protocol} and rpc.xid", str(path))), protocol
    calls = (
        len(list(records("-Y", "nfs", str(path)))),
        len(list(records("-Y", "nfs.cb", str(path)))),
    )
    assert calls == (16, 4)  # as tshark counts
    for protocol in others.split():
        assert not list(records("-Y", protocol, str(path))), protocol


def test_fields_that_are_made_of_others() -> None:
    everything = [one for one in records(BASELINE) if "rpc.xid" in one]
    source = str(everything[0]["ip.src"])
    network = source.rsplit(".", 1)[0] + ".0/24"
    for text in (f"ip.addr == {source}", f"ip.addr == {network}", "udp.port == 4791"):
        assert len(list(records("-Y", f"rpc and {text}", BASELINE))) == len(everything), text
    assert not list(records("-Y", "ip.addr == 203.0.113.0/24", BASELINE))
    assert len(list(records("-Y", f"rpc and ip.src == {source}", BASELINE))) < len(everything)
    sends = list(records("-Y", "rpc and infiniband.bth.opcode in {2, 4, 23}", BASELINE))
    assert len(sends) == len(everything)
    handle = next(str(one["nfs.fhandle"]) for one in everything if "nfs.fhandle" in one)
    assert list(records("-Y", f"nfs.fhandle == {':'.join([handle[:2], handle[2:]])}", BASELINE))


def _times(*arguments: str) -> dict[str, str]:
    """Frames -> time, of lines that are about an RPC."""
    lines = (line.split() for line in run(*arguments).stdout.splitlines())
    return {words[0]: words[1] for words in lines if len(words) > 1 and ">" in words[0]}


def test_times_count_from_frame_1_in_every_view() -> None:
    times = _times(BASELINE)
    assert len(times) > 2
    for view in (("-V",), ("--chunks",), ("-Y", "nfs.opcode == WRITE")):
        found = _times(*view, BASELINE)
        assert found
        assert found.items() <= times.items(), view
    first, last = float(next(iter(times.values()))), float(list(times.values())[-1])
    middle = (first + last) / 2
    later = _times("-Y", f"frame.time_relative > {middle}", BASELINE)
    assert 0 < len(later) < len(times)


def test_every_field_of_the_corpus_is_known() -> None:
    missing = set()
    for path in sorted(DATA.rglob("*.pcap*")):
        result = CliRunner().invoke(dissect, ["--json", str(path)])
        for line in result.stdout.splitlines():
            missing |= json.loads(line).keys() - known().keys()
    assert missing == {"nfs.ops"}  # a structure, not a field
    assert known()["nfs.name"].kind == FieldKind.TEXT
