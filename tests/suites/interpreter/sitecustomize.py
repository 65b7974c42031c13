"""Found by pynfs's interpreter as it starts: what keeps pynfs from working as it means to.

Sockets of TCP send at once what they are given. And the paths of its options are octets, of which
it takes the first to be one, as in Python 2, where it is a number: none would do. A connection that
has ended while there was something to send is no descriptor any more, and no reason to end the
thread that all others wait for.
"""

import optparse
import select
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


def _select(read, write, other, *timeout, _of_python=select.select):
    open_ones = ([fd for fd in each if fd != -1] for each in (read, write, other))
    return _of_python(*open_ones, *timeout)


select.select = _select
socket.socket = _Prompt
optparse.OptionParser = _Parser
