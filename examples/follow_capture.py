"""Follow a capture while it is written: python follow_capture.py FILE [SECONDS].

Prints each RPC as soon as it is complete, and what is wrong with it; at the end, the slowest of
each kind. Try it on a file that a client is writing: nfsrdma get --pcap FILE rdma://... .
"""

from __future__ import annotations

import sys
import threading

from nfsrdma.dissector import Rpc, dissect


def main(path: str, seconds: float) -> None:
    """Follow a capture for some seconds."""
    slowest: dict[str, Rpc] = {}
    with dissect(path, follow=True, lint=True) as rpcs:
        threading.Timer(seconds, rpcs.stop).start()
        for rpc in rpcs:
            print(f"{rpc.requester} -> {rpc.responder} {rpc.protocol} {rpc.name} {rpc.status}")
            for finding in rpc.findings:
                print(f"    {finding.severity.name.lower()}: {finding.rule}: {finding.text}")
            if rpc.latency_ns is not None:
                other = slowest.get(rpc.name)
                if other is None or rpc.latency_ns > (other.latency_ns or 0):
                    slowest[rpc.name] = rpc
        print(f"{rpcs.frames} frames; the slowest:")
    for name, rpc in slowest.items():
        print(f"{name}: {(rpc.latency_ns or 0) / 1e6:.3f} ms, frame {rpc.reply_frame}")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 60)
