"""The page's filter is the language of ``-Y``: the same trees, the same errors, the same RPCs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.corpus.filters import CAPTURES, FILTERS, NAMES
from tests.support.browser import Browser, browser
from tests.support.captures import linux_captures, require
from tests.support.dissection import dissect as plain
from tests.unit import test_dissector_filter as names
from tests.unit import test_dissector_grammar as grammar

from nfsrdma.cli.dissect import dissect
from nfsrdma.dissector.capture import open_capture
from nfsrdma.dissector.fields.derived import asked_of_message, keep_for
from nfsrdma.dissector.fields.fields import operation_values
from nfsrdma.dissector.filter import FilterError, compile_filter
from nfsrdma.dissector.filter.parser import MAX_LENGTH
from nfsrdma.dissector.pipeline import Pipeline
from nfsrdma.dissector.tracking.events import Events
from nfsrdma.dissector.tracking.model import Exchange

TREE = """
window.treeOf = (text) => {
  const plain = (node) => {
    if (typeof node === 'bigint') return `${node}`;
    if (node === null || typeof node !== 'object') return node;
    if (Array.isArray(node)) return node.map(plain);
    return Object.fromEntries(Object.entries(node).map(
      ([name, value]) => [name, name === 'type' ? value.kind : plain(value)]));
  };
  try {
    return plain(app.parse(text));
  } catch (error) {
    if (!error.where) throw error;
    return { reason: error.message, where: error.where, near: error.near };
  }
}
"""


def arguments(test: Any) -> list[str]:
    """The texts that a test has as parameters."""
    _, cases = test.pytestmark[0].args
    return [case if isinstance(case, str) else case[0] for case in cases]


TEXTS = [
    *FILTERS,
    *arguments(grammar.test_what_fits),
    *arguments(grammar.test_what_is_refused),
    *arguments(grammar.test_depth_and_length_are_bounded),
    *arguments(names.test_what_does_not_exist_is_an_error),
    'frame.time == "2026-11-30 13:00:00.5"', 'frame.time > "Nov  3, 2026"', 'frame.time < "soon"',
    "ipv6.src == ::ffff:10.0.0.1", "ipv6.addr == 1::2::3", "ip.src == 10.0.0.01",
    "ip.src == 10.0.0.0/255.255.0.0", "eth.src == 52:54:0:0:0:10", "eth.src == 52:54",
    "constructor", "nfs.opcode == constructor", "toString(nfs.name)", "frame.number == __proto__",
    'nfs.name matches "' + "(" * 60 + '"',
    'nfs.name matches "[z-a]"', 'nfs.name matches "a{9999}"',
    'nfs.name matches "\\\\x4g"', "nfs.name == \"a'b\"", 'nfs.opcode == "a\'b"',
]  # fmt: skip


def exact(node: Any) -> Any:
    """A tree without numbers that a browser has no exact ones for."""
    if isinstance(node, dict):
        return {name: exact(value) for name, value in node.items()}
    if isinstance(node, list):
        return [exact(item) for item in node]
    return str(node) if isinstance(node, int) and abs(node) >= 1 << 53 else node


def expected(text: str) -> Any:
    try:
        return exact(json.loads(json.dumps(compile_filter(text).portable())))
    except FilterError as error:
        return error


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as running:
        yield running


def opened(chromium: Browser, capture: Path, out: Path) -> None:
    result = CliRunner().invoke(dissect, ["--html", str(out), str(capture)])
    assert result.exit_code == 0, result.output
    chromium.open(out)
    chromium.wait("document.body.matches('.ready, .failed')")


def test_trees_and_errors_are_the_same(chromium: Browser, tmp_path: Path) -> None:
    opened(chromium, Path(names.BASELINE), tmp_path / "page.html")
    chromium.run(TREE)
    trees = chromium.run(f"{json.dumps(TEXTS)}.map(treeOf)")
    refused = 0
    for text, tree in zip(TEXTS, trees, strict=True):
        wanted = expected(text)
        if isinstance(wanted, FilterError):
            refused += 1
            assert tree.keys() == {"reason", "where", "near"}, text
            assert tree["reason"] == wanted.reason, text
            shown = text if len(text) <= MAX_LENGTH else ""
            carets = str(FilterError(tree["reason"], shown, tuple(tree["where"]), tree["near"]))
            assert carets == str(wanted), text[:99]
        else:
            assert tree == wanted, text
    assert refused > 50
    assert len(TEXTS) - refused > 180


class Asked:
    """A view that asks many filters of each RPC."""

    def __init__(self, texts: list[str]) -> None:
        self.wanted = [compile_filter(text) for text in texts]
        self.derived = sorted({name for one in self.wanted for name in one.derived})
        self.found: list[list[int]] = [[] for _ in texts]
        self.began = 0

    def subscribe(self, events: Events) -> None:
        """See ``View``."""
        keep_for(events, self.derived)
        events.exchanges.subscribe(self.exchange)

    def exchange(self, exchange: Exchange) -> None:
        """Ask all filters of an RPC."""
        messages = [
            asked_of_message(exchange, message, self.derived, self.began)
            for message in (exchange.call, exchange.reply)
            if message is not None
        ]
        for wanted, numbers in zip(self.wanted, self.found, strict=True):
            if wanted.any(messages):
                numbers.append(exchange.number)


@pytest.mark.parametrize("name", NAMES)
def test_the_same_rpcs_fit(chromium: Browser, tmp_path: Path, name: str) -> None:
    texts = list(FILTERS)
    capture = CAPTURES / f"{name}.pcap"
    opened(chromium, capture, tmp_path / "page.html")
    found = chromium.run(
        "(async () => { const found = []; for (const text of "
        f"{json.dumps(texts)}) found.push((await app.fitting(text))"
        ".map((row) => app.data.rpc.number[row])); return found; })()"
    )
    reader = open_capture(str(capture), lambda: None, 1 << 40)
    asked = Asked(texts)
    pipeline = Pipeline(reader, asked)
    asked.began = chromium.run("app.data.raw.start[0] * 1e9 + app.data.raw.start[1]")
    pipeline.run()
    for text, numbers, ours in zip(texts, found, asked.found, strict=True):
        assert sorted(numbers) == sorted(ours), text
    assert sum(map(bool, asked.found)) > 100


@pytest.mark.parametrize("path", linux_captures(), ids=lambda path: path.stem)
def test_messages_are_decoded_as_far_as_the_dissector_does(
    chromium: Browser, tmp_path: Path, path: Path
) -> None:
    """What the page decodes from octets is what was decoded for the other views."""
    opened(chromium, require(path), tmp_path / "page.html")
    found = chromium.run(
        "(async () => { const found = {}; for (let row = 0; row < app.data.count; row += 1) "
        "found[app.data.rpc.number[row]] = await Promise.all(['call', 'reply'].map(async (side) => "
        "(await app.decoded(row, side)).map((line) => [line.name, line.text, line.start, line.end]"
        "))); return found; })()"
    )
    compared = 0
    for exchange in plain(path).exchanges:
        bodies = (exchange.call_body, exchange.reply_body)
        for body, lines in zip(bodies, found[str(exchange.number)], strict=True):
            if body is None or not body.open:
                continue
            assert not body.fault
            assert "not decoded" not in [name for name, *_ in lines], (exchange.number, lines[-1])
            texts = [text for name, text, *_ in lines if name in ("argop", "resop")]
            assert [text.split(" ")[0] for text in texts] == [f"OP_{name}" for name in body.names()]
            numbers = [str(one) for op in operation_values(body) for one in leaves(op)]
            shown = {
                word.rstrip(")")
                for _, text, *_ in lines
                for word in (*text.split(", "), *text.split("(")[-1:])
            }
            assert not [one for one in numbers if one not in shown], exchange.number
            compared += len(numbers)
    assert compared > 4000


def leaves(value: Any) -> Iterator[int]:
    """The numbers of a decoded value."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in ("length", "captured"):
                yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield value
