"""Draw who sends what to whom: a directive that turns a few lines of text into a picture.

    ```{wire}
    :peers: client, server
    client -> server: SEND | RPC call; Write list: one segment
    server => client: RDMA WRITE | the file's octets
    note: The client's adapter places them; no processor takes part.
    server -> client: SEND with invalidate | RPC reply
    ```

``->`` is a message that the receiver posted a buffer for, ``=>`` a one-sided transfer: both point
the way that the octets go. What stands before ``|`` is set in bold. The picture is SVG in the page:
no file, no script, and its text can be searched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

WIDTH, MARGIN, TOP, STEP = 720, 110, 50, 54
STEP_OF_NOTE = 34
ARROW = re.compile(
    r"(?P<source>\w[\w ]*?)\s*(?P<kind>->|=>)\s*(?P<target>\w[\w ]*?):\s*(?P<text>.+)"
)


@dataclass(frozen=True)
class Arrow:
    """One line of the directive: an arrow from one peer to another."""

    source: str
    target: str
    one_sided: bool
    head: str
    text: str


@dataclass(frozen=True)
class Note:
    """A line that says what happens between two arrows."""

    text: str


def parse(lines: list[str]) -> list[Arrow | Note]:
    """Return the steps of a diagram. Raises ``ValueError`` for a line that is neither kind."""
    steps: list[Arrow | Note] = []
    for line in filter(None, map(str.strip, lines)):
        if line.startswith("note:"):
            steps.append(Note(line.removeprefix("note:").strip()))
            continue
        match = ARROW.fullmatch(line)
        if match is None:
            raise ValueError(f"neither an arrow nor a note: {line}")
        head, _, text = match["text"].partition("|")
        one_sided = match["kind"] == "=>"
        steps.append(Arrow(match["source"], match["target"], one_sided, head.strip(), text.strip()))
    return steps


def draw(peers: list[str], steps: list[Arrow | Note]) -> str:
    """Return the diagram as SVG."""
    between = (WIDTH - 2 * MARGIN) / max(len(peers) - 1, 1)
    columns = {peer: MARGIN + between * index for index, peer in enumerate(peers)}
    body: list[str] = []
    y = TOP
    for step in steps:
        if isinstance(step, Note):
            y += STEP_OF_NOTE
            body.append(f'<text class="note" x="{WIDTH / 2}" y="{y}">{escape(step.text)}</text>')
            continue
        y += STEP
        start, end = columns[step.source], columns[step.target]
        kind = "one-sided" if step.one_sided else "message"
        tip = 9 if end > start else -9
        label = f"<tspan>{escape(step.head)}</tspan>  {escape(step.text)}"
        body.append(
            f'<line class="{kind}" x1="{start}" y1="{y}" x2="{end - tip}" y2="{y}"/>'
            f'<path class="tip" d="M{end} {y}l{-tip} -5v10z"/>'
            f'<text class="label" x="{(start + end) / 2}" y="{y - 9}">{label}</text>'
        )
    height = y + 30
    lanes = "".join(
        f'<line class="lane" x1="{x}" y1="{TOP - 16}" x2="{x}" y2="{height}"/>'
        f'<text class="peer" x="{x}" y="{TOP - 26}">{escape(peer)}</text>'
        for peer, x in columns.items()
    )
    return (
        f'<svg class="wire" viewBox="0 0 {WIDTH} {height}" role="img">{lanes}{"".join(body)}</svg>'
    )


class WireDiagram(SphinxDirective):
    """The directive ``wire``."""

    has_content = True
    option_spec: ClassVar = {"peers": directives.unchanged}

    def run(self) -> list[nodes.Node]:
        """Return the picture as a raw node; for other builders the text as it stands."""
        peers = [peer.strip() for peer in self.options.get("peers", "client, server").split(",")]
        try:
            picture = draw(peers, parse(list(self.content)))
        except (KeyError, ValueError) as error:
            raise self.error(f"wire: {error}") from error
        return [nodes.raw("", picture, format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("wire", WireDiagram)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
