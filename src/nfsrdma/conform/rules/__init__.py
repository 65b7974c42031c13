"""Faults by rule: ``drop 1% of server->client replies where op == READ``.

words     a rule's text as words, each of which knows where it stands
language  words as a :class:`Rule`
drawn     which messages and packets a rule means: counted, or drawn from a seed
messages  rules that are applied to what passes through a relay
packets   rules that are applied to the packets of a device, real or simulated
"""

from .language import ACTIONS, Rule, RuleError, parse_rule, parse_rules
from .messages import RuleScript
from .packets import PacketRules

__all__ = [
    "ACTIONS",
    "PacketRules",
    "Rule",
    "RuleError",
    "RuleScript",
    "parse_rule",
    "parse_rules",
]
