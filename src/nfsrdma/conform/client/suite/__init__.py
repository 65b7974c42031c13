"""The tests of clients, a module for each subject. Importing this enters them in the list."""

from . import back_channel, calls, connections, errors, memory, packets, replies

__all__ = ["back_channel", "calls", "connections", "errors", "memory", "packets", "replies"]
