"""What breaks a rule, for people and for programs."""

from __future__ import annotations

import json

from ...base.finding import Finding, Severity
from ...base.text import PLAIN, Paint, printable
from ...fields.fields import finding_fields
from .lint import Lint
from .rules import RULES


def text_finding(finding: Finding, paint: Paint = PLAIN) -> str:
    """Return a line: frame, severity, rule, the numbers, the octets, and the specification."""
    octets = f", octets {finding.octets[0]} to {finding.octets[1]}" if finding.octets else ""
    source = RULES[finding.rule].source
    severity = finding.severity.name.lower()
    return (
        f"{finding.frame:>8} {getattr(paint, severity)}{severity}{paint.end}: {finding.rule}: "
        f"{printable(finding.text)}{octets} [{source}]\n"
    )


def ndjson_finding(finding: Finding) -> str:
    """Return a JSON object in a line, with the rule's sentence and the specification."""
    rule = RULES[finding.rule]
    fields = {**finding_fields(finding), "nfsrdma.source": rule.source, "nfsrdma.rule": rule.text}
    return json.dumps(fields, separators=(",", ":")) + "\n"


def text_summary(lint: Lint) -> str:
    """Return the last line: how much was found, and why it might be less than there is."""
    words = [_some(lint.counts[severity], severity.name.lower()) for severity in reversed(Severity)]
    line = ", ".join(words)
    if lint.missing:
        line += (
            f"; the capture lacks {_some(lint.missing, 'packet')}: "
            "what needs all of them was not checked"
        )
    return line + "\n"


def _some(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
