"""One HTML page with the plots inside it, the tables, and what was measured where."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from typing import Final

from .plan import CALL_OPS, DATA_OPS, META_OPS, show_size
from .plots import KINDS, as_image, draw
from .rows import Row
from .tables import BASE, Column, columns_of, copies, number, remarks, trips

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8886; --dim: #888; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 78rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
img { width: 100%; max-width: 66rem; background: white; border-radius: 4px; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
th { font-weight: 600; vertical-align: bottom; }
small { color: var(--dim); white-space: nowrap; } .bad { color: #c00; } .note { font-weight: 600; }
"""


def pages(rows: Sequence[Row], about: Sequence[str]) -> dict[str, bytes]:
    """Return the plots as PNG, and ``index.html``, by file name."""
    found, images = {}, []
    for kind in KINDS:
        figure = draw(kind, rows)
        if figure is None:
            continue
        found[f"{kind.name}.png"] = as_image(figure, "png")
        svg = base64.b64encode(as_image(figure, "svg")).decode()
        images.append(f'<img alt="{escape(kind.title)}" src="data:image/svg+xml;base64,{svg}">')
    found["index.html"] = page(rows, about, images).encode()
    return found


def page(rows: Sequence[Row], about: Sequence[str], images: Sequence[str]) -> str:
    """Return the page: ``about`` are the lines at its head, ``images`` are HTML elements."""
    when = rows[0].when if rows else ""
    head = "".join(f"<p>{escape(line)}</p>" for line in about)
    parts = [f"<h1>nfsrdma bench</h1><p><small>{escape(when)}</small></p>{head}"]
    failed = [row for row in rows if row.error]
    parts += [
        f'<p class="bad">{escape(row.label)}: {row.op}, {row.depth} in flight: failed: '
        f"{escape(row.error)}</p>"
        for row in failed
    ]
    if images:
        parts.append("<h2>Plots</h2>" + "".join(images))
    parts += [_matrix(rows, op) for op in DATA_OPS]
    parts.append(_calls(rows))
    extra = [*([line] if (line := copies(rows)) else []), *remarks(rows)]
    parts += [f"<p>{escape(line)}</p>" for line in extra]
    body = "\n".join(part for part in parts if part)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>nfsrdma bench</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def _head(first: str, columns: Sequence[Column]) -> str:
    cells = "".join(
        f"<th>{escape(each.label)}<br><small>{each.lanes}</small></th>" for each in columns
    )
    return f"<tr><th>{first}</th>{cells}</tr>"


def _matrix(rows: Sequence[Row], op: str) -> str:
    of = [row for row in rows if row.op == op and row.mb_s is not None]
    if not of:
        return ""
    columns = columns_of(of)
    found = {(row.size, row.record, row.label, row.depth, row.threads): row for row in of}
    lines = []
    for size, record in sorted({(row.size or 0, row.record or 0) for row in of}):
        cells = ""
        for column in columns:
            row = found.get((size, record, *column.key))
            base = found.get((size, record, *column.base))
            cells += f"<td>{'' if row is None else _cell(row, base)}</td>"
        lines.append(f"<tr><td>{show_size(record)} of {show_size(size)}</td>{cells}</tr>")
    return (
        f"<h2>{op}, MB/s</h2><p><small>median, x TCP; least to greatest; s/GB client + server; "
        f'µs p50 / p99 / p99.9</small></p><div class="scroll"><table>{_head("record", columns)}'
        f"{''.join(lines)}</table></div>"
    )


def _cell(row: Row, base: Row | None) -> str:
    text = f'<span class="note">{number(row.mb_s)}</span>'
    if base is not None and base.mb_s and row.mb_s and row.label != BASE:
        text += f" x{row.mb_s / base.mb_s:.2f}"
    if row.mb_s_spread:
        text += f"<br><small>{' to '.join(map(number, row.mb_s_spread))}</small>"
    server = "" if row.cpu_s_per_gb_server is None else f" + {number(row.cpu_s_per_gb_server)}"
    text += f"<br><small>{number(row.cpu_s_per_gb_client)}{server} s/GB</small>"
    return text + f"<br><small>{trips(row)} µs</small>"


def _calls(rows: Sequence[Row]) -> str:
    of = [row for row in rows if row.op in (*CALL_OPS, *META_OPS) and row.ops_s is not None]
    if not of:
        return ""
    columns = columns_of(of)
    found = {(row.op, row.label, row.depth, row.threads): row for row in of}
    lines = []
    for op in dict.fromkeys(row.op for row in of):
        cells = ""
        for column in columns:
            row = found.get((op, *column.key))
            text = "" if row is None else (
                f'<span class="note">{number(row.ops_s)}</span><br>'
                f"<small>{trips(row)} µs</small>"
            )  # fmt: skip
            cells += f"<td>{text}</td>"
        name = "entries listed" if op == "readdir" else op
        lines.append(f"<tr><td>{name}</td>{cells}</tr>")
    return (
        '<h2>Calls and names, per second</h2><div class="scroll"><table>'
        f"{_head('operation', columns)}{''.join(lines)}</table></div>"
    )
