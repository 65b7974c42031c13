"""Ask a capture with the tools of data science: python capture_to_table.py CAPTURE...

Each RPC is a row: who, which file, where in it, how long in which stage, what was sent again.
Several files of a ring buffer are one capture. Needs pyarrow (pip install 'nfsrdma[arrow]').
"""

from __future__ import annotations

import sys

import pyarrow.compute as pc

from nfsrdma.dissector import dissect


def main(captures: list[str]) -> None:
    """List the files by the longest time that somebody waited for one of them."""
    rpcs = dissect(captures).to_arrow()
    known = rpcs.filter(pc.is_valid(rpcs["path"]))
    wanted = [("reply_ns", "max"), ("reply_ns", "count"), ("resent", "sum")]
    files = known.group_by(["path", "client"]).aggregate(wanted)
    for file in files.sort_by([("reply_ns_max", "descending")]).slice(0, 5).to_pylist():
        print(
            f"{file['path']} of {file['client']}: {file['reply_ns_count']} RPCs, the longest "
            f"{file['reply_ns_max'] / 1e6:.1f} ms, {file['resent_sum']} packets sent again"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
