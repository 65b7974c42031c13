"""What a capture shows that the specifications forbid: rules, and their checks.

rules        every rule: its identifier, severity, source, and what it is about
headers      one exchange's transport headers: form, credits, length, procedures, XIDs
chunks       one exchange's chunks: positions, eligibility, what came back, what was written
connection   what needs the order of things: credits in use, RDMA that no call asked for, XIDs
sessions     the slots of NFSv4.1 sessions
lint         all of them, as a view of the pipeline
report       findings as text and as JSON
"""

from .lint import Lint
from .rules import RULES, Rule

__all__ = ["RULES", "Lint", "Rule"]
