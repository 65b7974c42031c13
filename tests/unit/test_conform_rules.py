"""Rules of faults: what they mean, whom they mean, and where one that is wrong is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from nfsrdma.conform.relay import Cut, Passing
from nfsrdma.conform.rules import PacketRules, RuleError, parse_rule, parse_rules
from nfsrdma.conform.rules.drawn import Drawn, drawn
from nfsrdma.conform.rules.language import Action, Condition, Quantity
from nfsrdma.conform.rules.messages import apply
from nfsrdma.rpcrdma.providers.fates import Damaged
from nfsrdma.rpcrdma.transport.chunk import Segment

GOOD: dict[str, tuple[Any, ...]] = {
    "drop 1% of server->client sends": (Action("drop"), Quantity("share", 0.01), "", False),
    "drop every packet": (Action("drop"), Quantity(), None, None),
    "drop packets": (Action("drop"), Quantity(), None, None),
    "delay 200ms every 5th call": (Action("delay", 0.2), Quantity("every", 5), "call", None),
    "delay by 1.5s all client->server messages": (
        *(Action("delay", 1.5), Quantity(), "", True),
    ),
    "cut 3rd reply": (Action("cut", word="before"), Quantity("nth", 3), "reply", None),
    "cut placing at first reply": (
        *(Action("cut", word="placing"), Quantity("nth", 1), "reply", None),
    ),
    "corrupt word 2 of 1% of replies": (
        *(Action("corrupt", 2), Quantity("share", 0.01), "reply", None),
    ),
    "corrupt word 0x3 with 7 first 10 calls": (
        *(Action("corrupt", 3, value=7), Quantity("first", 10), "call", None),
    ),
    "truncate to 20 every 9th reply": (Action("truncate", 20), Quantity("every", 9), "reply", None),
    "shrink grant to 1 of all replies": (Action("grant", 1), Quantity(), "reply", None),
    "swap chunks of every 2nd call": (Action("swap"), Quantity("every", 2), "call", None),
    "duplicate 100% of callbacks": (Action("duplicate"), Quantity("share", 1.0), "callback", None),
    "refuse version of 2nd reply": (
        *(Action("refuse", word="version"), Quantity("nth", 2), "reply", None),
    ),
    "REORDER 5% OF PACKETS": (Action("reorder"), Quantity("share", 0.05), None, None),
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_what_a_rule_says(text: str) -> None:
    rule = parse_rule(text)
    assert (rule.action, rule.quantity, rule.kind, rule.from_client) == GOOD[text]


def test_conditions() -> None:
    rule = parse_rule("drop all calls where op==WRITE and size >= 0x10 and op != COMM*")
    assert rule.conditions == (
        Condition("op", "==", "WRITE"),
        Condition("size", ">=", 16),
        Condition("op", "!=", "COMM*"),
    )
    (write, size, commit) = rule.conditions
    assert write.holds(("SEQUENCE", "WRITE"))
    assert not write.holds(("SEQUENCE",))
    assert size.holds(16)
    assert not size.holds(15)
    assert not commit.holds(("PUTFH", "COMMIT"))
    assert commit.holds(("PUTFH",))


BAD = {
    "": (0, "what to do"),
    "lose 1% of calls": (0, "no action is called lose"),
    "drop 1% of things": (11, "there are no things"),
    "drop 200% of calls": (5, "more than all"),
    "drop 1% of up->down calls": (11, "no such way"),
    "drop 1%": (7, "packets, messages"),
    "drop some calls": (5, "how many?"),
    "drop 0th call": (5, "count from 1"),
    "delay soon all calls": (6, "a time is"),
    "delay 2h all calls": (6, "a time is"),
    "delay 99999s all calls": (6, "at most"),
    "cut all packets": (0, "cut is for messages"),
    "reorder all calls": (0, "reorder is for packets"),
    "corrupt 2 of all calls": (8, "which word?"),
    "corrupt word two of all calls": (13, "is a number"),
    "shrink all replies": (7, "shrink grant"),
    "grant 1 of all calls": (15, "grant is for replies"),
    "drop all calls op==READ": (15, "'where' was expected"),
    "drop all calls where colour == 1": (21, "no field colour"),
    "drop all calls where size": (25, "a comparison"),
    "drop all calls where size ! 1": (26, "no comparison"),
    "drop all calls where op > READ": (24, "words are equal"),
    "drop all calls where size == big": (29, "is a number"),
    "drop all calls where size == 1 or op == READ": (31, "'and' was expected"),
    "drop all packets where xid == 1": (23, "no field xid"),
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_rule_is_shown_where_it_is_wrong(text: str) -> None:
    column, complaint = BAD[text]
    with pytest.raises(RuleError) as error:
        parse_rule(text)
    assert complaint in error.value.complaint
    assert error.value.column == column
    shown, marked = str(error.value).splitlines()[-2:]
    assert shown == f"  {text}"
    assert marked.index("^") == column + 2


def test_what_is_no_text_is_refused() -> None:
    for text in ("drop all calls\x1b[2J", "drop " + "x" * 5000, "drop\0all calls"):
        with pytest.raises(RuleError) as error:
            parse_rule(text)
        assert "\x1b" not in str(error.value)
        assert len(str(error.value)) < 1000
    with pytest.raises(RuleError, match="more than 100"):
        parse_rules(["drop all calls"] * 101)
    assert len(parse_rules(["# nothing", "", "drop all calls  # all of them"])) == 1


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("drop all calls", [1, 2, 3, 4, 5, 6]),
        ("drop 3rd call", [3]),
        ("drop every 2nd call", [2, 4, 6]),
        ("drop first 2 calls", [1, 2]),
        ("drop all server->client calls", []),
        ("drop every 2nd call where size > 2", [4, 6]),
    ],
)
def test_which_are_meant(text: str, meant: list[int]) -> None:
    (each,) = drawn([parse_rule(text)], 1)
    assert [n for n in range(1, 7) if each.means(True, {"size": n}.__getitem__)] == meant
    assert each.done == len(meant)


def test_a_seed_draws_the_same_again() -> None:
    def draw(seed: int, *texts: str) -> list[bool]:
        each: Drawn = drawn([parse_rule(text) for text in texts], seed)[0]
        return [each.means(True, {}.__getitem__) for _ in range(200)]

    one = draw(1, "drop 30% of calls")
    assert one == draw(1, "drop 30% of calls", "drop 50% of replies")
    assert one != draw(2, "drop 30% of calls")
    assert 30 < sum(one) < 90


def message() -> Passing:
    segments = [Segment(handle, 10, 0) for handle in (1, 2, 3)]
    return Passing("reply", False, 1, bytes(28), 7, credit=32, body=b"body",
                   writes=[segments[:1], segments[1:]], operations=("READ",))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("drop all replies", lambda m: m.dropped),
        ("duplicate all replies", lambda m: m.copies == 2),
        ("delay 3s all replies", lambda m: m.delay_s == 3),
        ("cut after all replies", lambda m: m.cut is Cut.AFTER),
        ("shrink grant to 2 of all replies", lambda m: m.octets()[8:12] == bytes((0, 0, 0, 2))),
        ("grant 99 of all replies", lambda m: m.credit == 32),
        ("swap chunks of all replies", lambda m: [len(each) for each in m.writes] == [2, 1]),
        ("corrupt word 0 of all replies", lambda m: m.octets()[:4] == b"\xff\xff\xff\xf8"),
        ("corrupt word 1 with 2 of all replies", lambda m: m.octets()[4:8] == bytes((0, 0, 0, 2))),
        ("corrupt word 9999 of all replies", lambda m: m.octets() == message().octets()),
        ("truncate to 20 of all replies", lambda m: len(m.octets()) == 20),
        ("refuse chunk of all replies", lambda m: m.octets()[12:].hex() == "0000000400000002"),
        ("refuse version of all replies", lambda m: len(m.octets()) == 28),
    ],
)  # fmt: skip
def test_what_is_done_to_a_message(text: str, check: Any) -> None:
    passing = message()
    apply(parse_rule(text).action, passing)
    assert check(passing), passing


def test_what_is_done_to_packets() -> None:
    packets = [bytes((4, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, n)) + bytes(8) for n in range(4)]

    def fates(text: str) -> list[list[bytes]]:
        rules = PacketRules([parse_rule(text)], 1)
        return [list(rules.fate(each, outgoing=True)) for each in packets]

    assert fates("drop 2nd packet") == [packets[:1], [], packets[2:3], packets[3:]]
    assert fates("duplicate 1st packet")[0] == packets[:1] * 2
    assert fates("reorder 2nd packet") == [packets[:1], [], packets[2:0:-1], packets[3:]]
    assert fates("drop all client->server packets") == [[each] for each in packets]
    assert fates("drop all packets where psn == 3")[3] == []
    assert fates("drop all packets where op == SEND") == [[]] * 4
    ((damaged,), *_) = fates("damage 1st packet")
    assert isinstance(damaged, Damaged)
    assert damaged[:12] == packets[0][:12]
    assert damaged != packets[0]
    assert list(PacketRules([parse_rule("drop all packets where op == SEND")], 1).fate(b"x", True))
