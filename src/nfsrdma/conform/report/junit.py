"""JUnit's XML, as CI systems read it: a suite for each section."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from ..case import GROUPS
from ..runner import Verdict
from .rows import About, Row

_ELEMENT = {
    Verdict.FAILED: "failure",
    Verdict.ERROR: "error",
    Verdict.SKIPPED: "skipped",
}


def junit(about: About, rows: Sequence[Row]) -> str:
    """Return the document. Tests of quality never fail in it."""
    root = ElementTree.Element("testsuites", name=f"nfsrdma conform {about.server}")
    for group, title in GROUPS.items():
        of = [row for row in rows if row.group == group]
        if not of:
            continue
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=title,
            tests=str(len(of)),
            failures=_count(of, Verdict.FAILED),
            errors=_count(of, Verdict.ERROR),
            skipped=_count(of, Verdict.SKIPPED),
            time=f"{sum(row.seconds for row in of):.3f}",
            timestamp=about.when,
        )
        for row in of:
            _test(suite, title, row)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode")


def _count(rows: Sequence[Row], verdict: Verdict) -> str:
    return str(sum(row.verdict == verdict for row in rows))


def _test(suite: ElementTree.Element, title: str, row: Row) -> None:
    test = ElementTree.SubElement(
        suite,
        "testcase",
        classname=f"conform.{title}",
        name=f"{row.id} {row.demand}",
        time=f"{row.seconds:.3f}",
    )
    properties = ElementTree.SubElement(test, "properties")
    for name in ("source", "severity", "verdict", "observed"):
        ElementTree.SubElement(
            properties, "property", name=name, value=_printable(getattr(row, name))
        )
    element = _ELEMENT.get(Verdict(row.verdict)) if row.verdict in set(Verdict) else None
    if element is not None:
        text = f"{row.observed} [{row.source}]"
        ElementTree.SubElement(test, element, message=_printable(text))
    if row.findings:
        out = ElementTree.SubElement(test, "system-out")
        out.text = _printable("\n".join(row.findings))


def _printable(text: str) -> str:
    """Return text without what XML cannot have."""
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)
