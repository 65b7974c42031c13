"""One HTML page: a matrix of the sections, and below it what each test demands and observed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Final

from ..case import GROUPS
from .rows import About, Row

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; --passed: #2a8f4a; --failed: #c62f2f;
 --noted: #b8860b; --skipped: #8a8f98; --error: #8a3fb0; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 84rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .4rem; }
p.about { color: var(--dim); margin: 0 0 1rem; }
.sum { display: flex; flex-wrap: wrap; gap: .5rem 1.4rem; font-size: 1.05rem; margin: .8rem 0; }
.sum b { font-variant-numeric: tabular-nums; }
.grid { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem;
 align-items: center; }
.cells { display: flex; flex-wrap: wrap; gap: .25rem; }
.cells a { color: #fff; text-decoration: none; font-size: .78rem; border-radius: 4px;
 padding: .1rem .4rem; min-width: 2.6rem; text-align: center; }
.passed { background: var(--passed); } .failed { background: var(--failed); }
.noted { background: var(--noted); } .skipped { background: var(--skipped); }
.error { background: var(--error); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .35rem .7rem .35rem 0;
 border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--dim); font-size: .85rem; }
td.id { font-weight: 600; white-space: nowrap; } td.s { white-space: nowrap; color: var(--dim); }
td.n { text-align: right; font-variant-numeric: tabular-nums; color: var(--dim); }
.tag { color: #fff; border-radius: 4px; padding: .05rem .45rem; font-size: .8rem; }
small { color: var(--dim); } ul { margin: .3rem 0 0; padding-left: 1.1rem; font-size: .85rem; }
tr:target td { background: #fd03; }
"""


def page(about: About, rows: Sequence[Row]) -> str:
    """Return the whole page; it needs nothing from elsewhere but the captures beside it."""
    counts = Counter(row.verdict for row in rows)
    sums = "".join(
        f'<span><span class="tag {escape(verdict)}">{escape(verdict)}</span> <b>{count}</b></span>'
        for verdict, count in counts.most_common()
    )
    gravest = [row for row in rows if row.verdict == "failed"]
    by = Counter(row.severity for row in gravest)
    failed = ", ".join(f"{count} {severity}" for severity, count in by.items())
    verdict = f"Failed: {failed}." if failed else "Nothing failed."
    if about.interrupted:
        verdict += " The run was interrupted: tests are missing."
    sections = [
        (group, title, [row for row in rows if row.group == group])
        for group, title in GROUPS.items()
    ]
    matrix = "".join(
        f'<div>{escape(title)}</div><div class="cells">{"".join(map(_cell, of))}</div>'
        for _, title, of in sections
        if of
    )
    tables = "".join(_section(title, of) for _, title, of in sections if of)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>Conformance of {escape(about.server)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Conformance of {escape(about.server)}</h1>"
        f'<p class="about">{escape(about.when)} · provider {escape(about.provider)} · '
        f"seed {about.seed} · nfsrdma {escape(about.version)}</p>"
        f'<p><b>{escape(verdict)}</b></p><div class="sum">{sums}</div>'
        f'<div class="grid">{matrix}</div>{tables}</body></html>\n'
    )


def _cell(row: Row) -> str:
    title = f"{row.demand} {row.verdict}: {row.observed}"
    return (
        f'<a class="{escape(row.verdict)}" href="#{escape(row.id)}" title="{escape(title)}">'
        f"{escape(row.id)}</a>"
    )


def _section(title: str, rows: Sequence[Row]) -> str:
    lines = "".join(map(_line, rows))
    return (
        f'<h2>{escape(title)}</h2><div class="scroll"><table><tr><th></th><th>Demand</th>'
        f"<th>Severity</th><th>Verdict</th><th>Observed</th><th>s</th></tr>{lines}</table></div>"
    )


def _line(row: Row) -> str:
    name = escape(row.id)
    if row.capture:
        name = f'<a href="{escape(row.capture)}">{name}</a>'
    findings = "".join(f"<li>{escape(each)}</li>" for each in row.findings)
    return (
        f'<tr id="{escape(row.id)}"><td class="id">{name}</td><td>{escape(row.demand)}'
        f'<br><small>{escape(row.source)}</small></td><td class="s">{escape(row.severity)}</td>'
        f'<td><span class="tag {escape(row.verdict)}">{escape(row.verdict)}</span></td>'
        f"<td>{escape(row.observed)}{f'<ul>{findings}</ul>' if findings else ''}</td>"
        f'<td class="n">{row.seconds:.2f}</td></tr>'
    )
