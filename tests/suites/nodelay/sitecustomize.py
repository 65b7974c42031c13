"""Found by pynfs's interpreter as it starts: sockets of TCP send at once what they are given."""

import socket


class _Prompt(socket.socket):
    def connect(self, address):
        super().connect(address)
        if self.family in (socket.AF_INET, socket.AF_INET6):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


socket.socket = _Prompt
