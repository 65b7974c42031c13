"""What came of a run, for people and for programs.

rows      a run as JSON, and back
junit     JUnit's XML, which CI systems read
page      one HTML page
capture   the packets of a test as pcapng, with comments
compare   two runs, test by test
"""

from .capture import capture
from .compare import Difference, differences
from .junit import junit
from .page import page
from .rows import About, ReportError, Row, dump, load, row_of

__all__ = [
    "About",
    "Difference",
    "ReportError",
    "Row",
    "capture",
    "differences",
    "dump",
    "junit",
    "load",
    "page",
    "row_of",
]
