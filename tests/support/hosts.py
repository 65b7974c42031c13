"""Loopback addresses of this process's own: UDP port 4791 exists once per address, and other test
runs on the same machine have theirs."""

from __future__ import annotations

import os


def loopback(number: int) -> str:
    """An address in 127.0.0.0/8 that no other test process uses; ``number`` is 1 to 254."""
    pid = os.getpid()
    return f"127.{1 + pid // 250 % 250}.{1 + pid % 250}.{number}"
