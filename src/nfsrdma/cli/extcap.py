"""The extcap of Wireshark: how it asks for interfaces, their options, and packets in a pipe.

    tshark -D                                  nfsrdma-lo, nfsrdma-eth0, ...
    tshark -i nfsrdma-lo -f 'udp port 4791'

The protocol is described in Wireshark's manual (extcap(4)): the program's arguments say what to
do. Python's ``argparse`` ignores what newer versions add.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys

_PREFIX = "nfsrdma-"
_ETHERNET, _COOKED = 1, 276


def main(arguments: list[str] | None = None) -> int:
    """Answer a question, or capture; return the exit status."""
    parser = argparse.ArgumentParser(add_help=True)
    for flag in ("--extcap-interfaces", "--extcap-dlts", "--extcap-config", "--capture"):
        parser.add_argument(flag, action="store_true")
    for name in ("--extcap-interface", "--extcap-version", "--extcap-capture-filter", "--fifo"):
        parser.add_argument(name, nargs="?", default="")
    asked, _ = parser.parse_known_args(arguments)
    interface = (asked.extcap_interface or "").removeprefix(_PREFIX)
    if asked.extcap_interfaces:
        print("extcap {version=1.0}{help=https://datatracker.ietf.org/doc/html/rfc8166}")
        for name in [*(name for _, name in socket.if_nameindex()), "any"]:
            print(
                f"interface {{value={_PREFIX}{name}}}{{display=NFS over RDMA on {name}, annotated}}"
            )
        return 0
    if asked.extcap_dlts:
        number, name = (_COOKED, "LINUX_SLL2") if interface == "any" else (_ETHERNET, "EN10MB")
        print(f"dlt {{number={number}}}{{name={name}}}{{display={name}}}")
        return 0
    if asked.extcap_config:
        return 0
    if asked.extcap_capture_filter and not asked.capture:
        return 0  # "is this filter valid?": capturing will tell
    if asked.capture and asked.fifo and interface:
        return _capture(interface, asked.extcap_capture_filter or "", asked.fifo)
    print("this program is run by Wireshark: see nfsrdma wireshark --help", file=sys.stderr)
    return 1


def _capture(interface: str, expression: str, fifo: str) -> int:
    from nfsrdma.dissector.capture import CaptureError
    from nfsrdma.dissector.capture.live import Live
    from nfsrdma.dissector.wireshark.stream import annotate_stream

    try:
        with open(fifo, "wb", buffering=1 << 16) as out:
            live = Live(interface, expression, idle=out.flush)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: live.stop())
            try:
                annotate_stream(live, out.write)
            finally:
                live.close()
    except BrokenPipeError:
        return 0  # Wireshark has closed the pipe
    except (CaptureError, OSError) as error:
        print(f"{interface}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
