"""Wireshark's display filter language, over the fields of ``fields``.

    rpcordma.msg_type == RDMA_NOMSG and nfs.opcode in {READ, 38}
    lower(nfs.name) contains "passwd" || rpc.time > 0.01
    not rpcordma.errcode and ip.src == 10.0.0.0/24 and nfs.fhandle[0:2] == 01:00

A field that is there several times fits if any of its values does, as in Wireshark; ``!=`` fits if
there is a value and none is equal; ``any`` and ``all`` before a comparison say it. A name alone
asks whether the field is there, and protocols (``nfs``, ``rpc``, ``tcp``) are fields that are where
they are spoken. What does not exist is an error that says where, and what comes near.

lexer      words, and errors with a caret
parser     the grammar; it gives a tree with all types checked
tree       what a filter means, which can be had as JSON for other evaluators
literals   values: numbers, addresses and networks, octets, times, names of constants
ranges     parts of octets
functions  len, count, string, vals, upper, lower, abs, max, min
patterns   regular expressions in linear time
evaluate   the tree as functions of a message's fields
compiled   a filter as others use it
"""

from .compiled import Filter, compile_filter
from .lexer import FilterError

__all__ = ["Filter", "FilterError", "compile_filter"]
