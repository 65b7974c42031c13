"""The display filter language: what filters mean, what is refused, and that both end soon."""

from __future__ import annotations

import json
import operator
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.corpus.filters import ANSWERS, FILTERS, differences, theirs, unpacked

from nfsrdma.dissector.fields.wireshark_table import VERSION
from nfsrdma.dissector.filter import FilterError, compile_filter
from nfsrdma.dissector.filter.patterns import Pattern

MESSAGE: dict[str, Any] = {
    "frame.number": 12,
    "rpc.xid": 0x1234,
    "rpc.time": 0.002,
    "nfs.opcode": [53, 22, 9],
    "nfs.main_opcode": 9,
    "nfs.name": ["Passwd", "größe"],
    "nfs.tag": "",
    "nfs.cachethis4": True,
    "nfs.offset4": 2**63,
    "nfs.fhandle": "01000204ff",
    "ip.src": "10.1.2.3",
    "ip.dst": "10.1.3.4",
    "ipv6.src": "fd99::11",
}


@pytest.mark.parametrize(
    "text",
    [
        "nfs.opcode == GETATTR",
        "nfs.opcode == 9 && nfs.opcode == 22",
        "nfs.opcode == 0b1001 and nfs.opcode == 011 and nfs.opcode == 0x9",
        "not nfs.opcode != 9",
        "nfs.opcode !== 9",
        "not nfs.opcode === 9",
        "all nfs.opcode >= 9",
        "not all nfs.opcode > 9",
        "nfs.opcode xor nfs.status",
        "not (nfs.opcode xor nfs.tag)",
        "nfs.status or nfs.tag and nfs.opcode",
        "nfs.opcode in {1, 9}",
        "nfs.opcode in {1 20 .. 30}",
        "nfs.opcode not in {1, 2}",
        "all nfs.opcode in {9, 22, 53}",
        "1 < nfs.main_opcode < 10",
        "9 == nfs.main_opcode",
        "not 1 < nfs.main_opcode < 9",
        "nfs.opcode == nfs.main_opcode",
        "nfs.opcode & 8",
        "not nfs.main_opcode & 2",
        "nfs.main_opcode & 0xc == 8",
        "(nfs.main_opcode & 1) + 1 == 2",
        "nfs.main_opcode * 2 - 3 == 15",
        "nfs.main_opcode * {2 - 3} == -9",
        "nfs.main_opcode / 2 == 4 and nfs.main_opcode % 2 == 1 and -nfs.main_opcode < 0",
        "not nfs.main_opcode / 0 == 1",
        "frame.number == 4 + 8",
        "count(nfs.opcode) == 3",
        "max(nfs.opcode) == 53 and min(nfs.opcode, 3) == 3",
        "abs(-nfs.main_opcode) == 9",
        "len(nfs.name) == 7 and len(nfs.fhandle) == 5 and len(nfs.opcode) == 4",
        'vals(nfs.opcode) == "PUTFH"',
        'string(nfs.opcode) == "53"',
        'string(rpc.xid) == "0x00001234"',
        'string(ip.src) matches "^10\\\\."',
        'lower(nfs.name) contains "pass" and upper(nfs.name) contains "PASS"',
        'nfs.name matches "^pass(wd|word)$"',
        'nfs.name matches r"^\\w{6}$"',
        "nfs.name ~ GR",
        'nfs.name[0:4] == "Pass" and nfs.name[-2:] == "wd" and nfs.name[1-2,5] == "asd"',
        "nfs.name[0] == 50",
        'nfs.tag == ""',
        "nfs.fhandle == 01:00:02:04:ff and nfs.fhandle == 01000204ff",
        "nfs.fhandle == 01-00-02-04-ff",
        "nfs.fhandle[1:2] == 00:02 and nfs.fhandle[-1] == ff",
        "nfs.fhandle contains 02:04",
        'nfs.fhandle contains "\\x02\\004"',
        "not nfs.fhandle[4:2]",
        "nfs.offset4 == 9223372036854775808 and nfs.offset4 > 0x7fffffffffffffff",
        "nfs.cachethis4 == True and nfs.cachethis4 == 1 and nfs.cachethis4 != false",
        "rpc.time > 0.001 and rpc.time < 2e-2",
        "ip.src == 10.1.2.0/24 and not ip.dst == 10.1.2.0/24",
        "ip.src in {10.1.0.0/16} and ip.dst in {10.1.3.1 .. 10.1.3.9}",
        "ip.src < ip.dst and ip.src[3] == 03",
        "ipv6.src == fd99::/16 and ipv6.src == FD99:0::11",
        "nfs.opcode#1 == 9 and not nfs.opcode#2 and nfs.opcode#[1-3]",
        ".nfs.opcode == 9",
        "nfs.main_opcode == 'a' or nfs.main_opcode == '\\t'",
        "((((nfs.opcode)) == 9))",
    ],
)
def test_what_fits(text: str) -> None:
    wanted = compile_filter(text)
    assert wanted(MESSAGE), text
    assert not compile_filter(f"!({text})")(MESSAGE)
    json.dumps(wanted.portable())


@pytest.mark.parametrize(
    ("text", "carets", "near"),
    [
        ("nfs.opcode == 1 and", "                   ^", "too early"),
        ("nfs.opcode in {}", "               ^", "empty"),
        ("nfs.opcode in 3", "              ^", "{ }"),
        ("nfs.opcode contains 3", "           ^^^^^^^^", "string()"),
        ("nfs.opcode matches 3", "           ^^^^^^^", "string()"),
        ("nfs.opcode[0] == 3", "          ^^^", "no parts"),
        ("nfs.name[1-0] == 3", "        ^^^^^", "before"),
        ("nfs.name[] == 3", "        ^^", "offset:length"),
        ('nfs.name matches "(a"', "                 ^^^^", "a ) is missing"),
        (r'nfs.name matches r"(a)\1"', "                 ^^^^^^^^", "back references"),
        ('nfs.name matches "(?=a)"', "                 ^^^^^^^", "(?:"),
        ("lenn(nfs.name) == 3", "^^^^", "len"),
        ("len(rpc) == 3", "^^^", "not known here"),
        ("1 < len(nfs.cb)", "    ^^^", "not known here"),
        ("lower(nfs.opcode) == a", "^^^^^", "text"),
        ("vals(rpc.time) == a", "^^^^", "names"),
        ("max(3) == 3", "^^^", "needs a field"),
        ("nfs.name == nfs.opcode", "         ^^", "cannot be compared"),
        ("ip.src == fd99::1", "          ^^^^^^^", "ipv6."),
        ("ip.src == 10.0.0.0/33", "          ^^^^^^^^^^^", "no address"),
        ("nfs.opcode == 08", "              ^^", "octal"),
        ("nfs.offset4 == 18446744073709551616", "               ^^^^^^^^^^^^^^^^^^^^", "large"),
        ("nfs.cachethis4 == maybe", "                  ^^^^^", "True"),
        ("frame.number + 1", "^^^^^^^^^^^^^^^^", "compare"),
        ("any nfs.opcode", "              ^", "comparison"),
        ("nfs.name + 1 == 2", "         ^", "numbers"),
        ("1 == 2", "^", "no field"),
        ("tcp.options.mss_val", "^^^^^^^^^^^^^^^^^^^", "not decoded"),
        ("nfs.name == and", "            ^^^", "quotes"),
        ("(nfs.opcode == 9", "                ^", "missing"),
    ],
)
def test_what_is_refused(text: str, carets: str, near: str) -> None:
    with pytest.raises(FilterError) as error:
        compile_filter(text)
    lines = str(error.value).splitlines()
    assert near in str(error.value)
    assert lines[1:3] == [f"  {text}", f"  {carets}"]


def test_absent_fields_fit_nothing() -> None:
    for text in ("nfs.opcode == 9", "nfs.opcode != 9", "all nfs.opcode > 0", "nfs.opcode in {9}",
                 "nfs.name matches r'.*'", "count(nfs.opcode) == 0", "nfs.opcode & 1",
                 "len(nfs.name) >= 0"):  # fmt: skip
        assert not compile_filter(text.replace("'", '"'))({}), text
    assert compile_filter("not nfs.opcode == 9")({})


@pytest.mark.parametrize("text", ["(" * 200, "!" * 200, "-" * 200 + "frame.number", "{" * 99,
                                  "abs(" * 99 + "frame.number", "x" * 5000])  # fmt: skip
def test_depth_and_length_are_bounded(text: str) -> None:
    with pytest.raises(FilterError):
        compile_filter(text)


def test_values_of_a_wrong_type_fit_nothing() -> None:
    odd = {"nfs.opcode": ["x", None], "nfs.name": [3], "ip.src": "nowhere", "nfs.fhandle": "zz"}
    for text in ("nfs.opcode == 9", "nfs.name contains a", "ip.src == 10.0.0.0/8", "nfs.fhandle"):
        assert not compile_filter(text)(odd), text
    long = {"nfs.fhandle": {"length": 128, "start": "0102"}}
    assert compile_filter("nfs.fhandle[0:2] == 01:02")(long)


def test_fields_are_compared_as_all_pairs_would_be() -> None:
    """And soon: of many values there are no pairs made."""
    chooser = random.Random(7)
    compare = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
               ">": operator.gt, ">=": operator.ge}  # fmt: skip
    for _ in range(500):
        one, other = (chooser.choices(range(4), k=chooser.randrange(1, 4)) for _ in range(2))
        fields = {"nfs.opcode": one, "nfs.slotid": other}
        for symbol, holds in compare.items():
            pairs = [holds(a, b) for a in one for b in other]
            for word, quantified in (("any", any), ("all", all)):
                wanted = compile_filter(f"{word} nfs.opcode {symbol} nfs.slotid")
                assert wanted(fields) == quantified(pairs), (word, symbol, fields)
    many = {"nfs.opcode": list(range(100_000)), "nfs.slotid": list(range(50_000, 150_000))}
    assert compile_filter("nfs.opcode == nfs.slotid and nfs.opcode <= nfs.slotid")(many)
    assert compile_filter("nfs.opcode + nfs.slotid >= 0")(many)


def test_a_filter_as_json() -> None:
    tree = compile_filter("nfs.opcode in {READ} and ip.src == 10.0.0.0/8").portable()
    member, compare = tree["tests"]
    assert member["operand"]["name"] == "nfs.opcode"
    assert member["items"][0][0]["value"] == 25
    assert compare["right"]["value"] == "0a000000"
    assert compare["right"]["bits"] == 8


# --- Regular expressions ---


def _pattern(chooser: random.Random, depth: int) -> str:
    kind = chooser.randrange(9)
    if depth <= 0 or kind < 3:
        words = ["a", "b", "c", ".", "[ab]", "[^a]", r"\w", r"\D", "x", "-", "[a-c]", "^", "$",
                 r"\b", r"\.", r"\x41", "[]a]"]  # fmt: skip
        return chooser.choice(words)
    if kind < 5:
        return _pattern(chooser, depth - 1) + _pattern(chooser, depth - 1)
    if kind < 6:
        return f"({_pattern(chooser, depth - 1)}|{_pattern(chooser, depth - 1)})"
    repeat = chooser.choice(["*", "+", "?", "{1,2}", "{2}", "{1,}", "*?", "{,2}"])
    return f"(?:{_pattern(chooser, depth - 1)}){repeat}"


def test_patterns_find_what_pythons_do() -> None:
    chooser = random.Random(5)
    compared = 0
    for _ in range(3000):
        pattern = _pattern(chooser, 4)
        text = "".join(chooser.choices("abcABx1-. \n", k=chooser.randrange(8)))
        try:
            found = Pattern(pattern).search(text)
        except ValueError:
            continue
        compared += 1
        theirs = re.search(pattern.replace("$", r"\Z"), text, re.IGNORECASE) is not None
        assert found == theirs, (pattern, text)
    assert compared > 2500


def test_patterns_that_take_others_for_ever() -> None:
    """With a search that goes back each of these takes years."""
    for pattern in ("(a*)*(a|aa)+$", "(a|a)*b", "a*a*a*a*a*a*a*a*c", "(.*)*x"):
        assert not Pattern(pattern).search("a" * 20_000 + "-"), pattern
    for pattern in ("(" * 60, "a{255}" * 9, "((a{200}){200}){200}", "(){255}" * 300, "a{9999}",
                    "(((){255}){255}){255}", "[z-a]", "*", r"\q", "[a"):  # fmt: skip
        with pytest.raises(ValueError):
            Pattern(pattern)


# --- Wireshark ---

EXPLAINED = {
    "nfs.name": "components of LOOKUP, OPEN and READDIR have this name here, too",
    "nfs.main_opcode == GETATTR": "Wireshark has only the operations that it ranks highest",
    "all nfs.opcode in": "Wireshark 4.0 finds nothing with all before a set",
    "nfs.stateid.seqid > 1": "Wireshark leaves out the state ID that CLOSE answers",
    "nfs.stateid.hash": "Wireshark leaves out the state ID that CLOSE answers",
    "rpc.time >=": "Wireshark counts from the last READ response of a call with Read chunks",
}
"""Where ours finds something else, and why; each is the beginning of filters."""


@pytest.mark.parametrize("name", json.loads(ANSWERS.read_text()))
def test_filters_find_what_tshark_found(name: str) -> None:
    answers = json.loads(ANSWERS.read_text())[name]
    assert answers["found"].keys() == set(FILTERS)
    assert len(FILTERS) > 100
    differ = differences(name, answers)
    assert not [text for text in differ if not any(map(text.startswith, EXPLAINED))], differ
    found = sum(bool(unpacked(digits, answers["frames"])) for digits in answers["found"].values())
    assert found > 80  # or the comparison says little


def test_what_the_manual_counts() -> None:
    """How many filters there are, and how many find what Wireshark finds."""
    manual = (Path(__file__).parents[2] / "docs" / "dissector.md").read_text()
    counted = re.search(r"has (\d+) filters;.*?the same with (\d+)\.", manual, re.DOTALL)
    assert counted is not None
    answers = json.loads(ANSWERS.read_text())
    differ = {text for name, found in answers.items() for text in differences(name, found)}
    assert (len(FILTERS), len(FILTERS) - len(differ)) == tuple(map(int, counted.groups()))


def _tshark() -> str:
    if shutil.which("tshark") is None:
        return ""
    done = subprocess.run(("tshark", "--version"), capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.skipif(f" {VERSION} " not in _tshark(), reason=f"there is no tshark {VERSION} here")
@pytest.mark.parametrize("text", FILTERS[7::16])
def test_the_installed_tshark_finds_the_same(text: str) -> None:
    name, answers = next(iter(json.loads(ANSWERS.read_text()).items()))
    assert set(theirs(name, text)) == unpacked(answers["found"][text], answers["frames"])
