"""The page as one file: nothing is loaded from anywhere, and nothing could be."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from importlib import resources

from .packing import packed

SCRIPTS = (
    "format.js", "data.js", "lexer.js", "literals.js", "patterns.js", "parser.js", "evaluate.js",
    "columns.js", "filter.js", "link.js", "dom.js", "list.js", "xdr.js", "decode.js", "octets.js",
    "timeline.js", "ladder.js", "chunks.js", "detail.js", "panels.js", "states.js",
    "main.js",
)  # fmt: skip


def assemble(title: str, data: dict[str, object]) -> str:
    """Return the HTML of a page that shows ``data`` (:meth:`.collect.PageView.data`).

    The data are deflated JSON in Base64, whose letters mean nothing to HTML. The one script is
    allowed by its hash, everything from elsewhere is forbidden.
    """
    script = "".join(asset(name) for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    octets = json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
    parts = {
        "title": escape(title),
        "digest": digest,
        "style": asset("page.css"),
        "script": script,
        "data": packed(octets),
    }
    return re.sub(r"@(\w+)@", lambda found: parts[found[1]], asset("page.html"))


def asset(name: str) -> str:
    """Return a file of this package."""
    return resources.files(__package__).joinpath(name).read_text("utf-8")
