"""Found by pynfs's interpreter as it starts: what keeps pynfs from working as it means to.

Sockets of TCP send at once what they are given. And the paths of its options are octets, of which
it takes the first to be one, as in Python 2, where it is a number: none would do.
"""

import optparse
import socket


class _Prompt(socket.socket):
    def connect(self, address):
        super().connect(address)
        if self.family in (socket.AF_INET, socket.AF_INET6):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class _Path(bytes):
    def __getitem__(self, place):
        found = super().__getitem__(place)
        return bytes((found,)) if isinstance(found, int) else found


class _Parser(optparse.OptionParser):
    def parse_args(self, *arguments):
        options, rest = super().parse_args(*arguments)
        if getattr(options, "usespecial", None):
            options.usespecial = _Path(options.usespecial.encode())
        return options, rest


socket.socket = _Prompt
optparse.OptionParser = _Parser
