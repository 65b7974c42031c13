"""The floor of handles: what can be done with an object of the server, without a path.

:class:`Operations` has one coroutine for each NFS operation on file handles, and
:class:`OpenOperations` for those on opens, each a single compound with a typed result.
"""

from __future__ import annotations

from .opened import OpenOperations
from .operations import Made, Operations

__all__ = ["Made", "OpenOperations", "Operations"]
