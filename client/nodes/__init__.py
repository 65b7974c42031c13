"""Objects of the server as they are known here: what a mount of the operating system stands on.

A :class:`Node` is one file, directory or link by its handle; :class:`Nodes` looks them up, lists,
changes and opens them, and remembers attributes and names for as long as :class:`Lifetimes` allow
and the server's change attributes confirm. :class:`NodeTable` counts what refers to them, and
bounds what does not have to be kept.

    nodes = client.nodes()
    directory = await nodes.lookup(await nodes.root(), b"directory")
    file = await nodes.open(await nodes.lookup(directory, b"file"), READ)
"""

from __future__ import annotations

from .lifetimes import UNCACHED, Lifetimes
from .node import Node
from .node_file import NodeFile
from .nodes import Nodes
from .table import NodeTable

__all__ = ["UNCACHED", "Lifetimes", "Node", "NodeFile", "NodeTable", "Nodes"]
