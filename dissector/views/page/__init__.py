"""A capture as one self-contained page: what it shows, packed, and the program that shows it.

tables     columns of numbers and a table of strings, as JSON that compresses well
rows       one RPC as rows of these tables: its messages, operations, chunks and packets
collect    collects everything while the pipeline runs
assemble   the page: ``page.html``, ``page.css`` and the scripts, with the data in it

The scripts are joined in the order of :data:`~.assemble.SCRIPTS` into one module, so each may use
what those before it define.
"""

from .assemble import assemble
from .collect import PageView

__all__ = ["PageView", "assemble"]
