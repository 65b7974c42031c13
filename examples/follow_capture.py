"""Watch a capture while it is written, and say what fails: python follow_capture.py FILE.

To write one: ``nfsrdma serve DIR --pcap FILE``, or ``tcpdump -w FILE udp port 4791``. Ctrl-C
ends it.
"""

from __future__ import annotations

import sys

from nfsrdma.dissector import dissect


def main(path: str) -> None:
    """Print each RPC that was refused or that breaks a rule, and a sum in the end."""
    count = 0
    try:
        for rpc in dissect(path, lint=True, follow=True):
            count += 1
            if count == 1:
                print(f"following {rpc.requester} and {rpc.responder}", flush=True)
            if not rpc.ok or rpc.findings:
                print(f"{rpc.time_ns / 1e9:.6f} {rpc.name} {rpc.status}", flush=True)
            for finding in rpc.findings:
                print(f"    {finding.rule}: {finding.text}", flush=True)
    except KeyboardInterrupt:
        print(f"{count} RPCs")


if __name__ == "__main__":
    main(sys.argv[1])
