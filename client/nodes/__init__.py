"""Nodes: the objects of a server by handle, with caches; the base of operating-system mounts.

A :class:`Node` is one file, directory or link. :class:`Nodes` looks nodes up, lists, changes and
opens them. It caches attributes for as long as :class:`Lifetimes` permit, and names for as long as
the directory's change attribute stays the same. :class:`NodeTable` counts references to nodes, and
bounds the number of those that are not referred to::

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
