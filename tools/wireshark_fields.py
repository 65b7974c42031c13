"""Write the names and types of Wireshark's fields: ``dissector/fields/wireshark_table.py``.

    python tools/wireshark_fields.py [--check]

They come from ``tshark -G fields``; only names, types and how numbers are shown: what a filter has
to agree with.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

PROTOCOLS = (
    *("frame", "eth", "ip", "ipv6", "udp", "tcp", "infiniband", "rpcordma"),
    *("iwarp_mpa", "iwarp_ddp", "iwarp_rdma"),
    *("rpc", "nfs", "nfsacl", "mount", "nlm", "stat", "rquota", "portmap"),
)
TUNNELS = frozenset(
    ("vlan.id", "mpls.label", "pppoe.session_id", "gre.key", "vxlan.vni", "geneve.vni", "gtp.teid",
     "erspan.spanid", "cmd.sgt")
)  # fmt: skip
"""Of the protocols that others may be inside of, what tells one tunnel from another."""
TARGET = Path(__file__).parents[1] / "dissector" / "fields" / "wireshark_table.py"
_HEAD = '''"""The fields that Wireshark has for the protocols that we decode, by type.

Written by ``tools/wireshark_fields.py``; do not edit.
"""

VERSION = "{version}"
TABLE: dict[str, str] = {{
'''


def tshark(*arguments: str) -> str:
    """Return what tshark prints. Raises ``OSError`` and ``CalledProcessError``."""
    done = subprocess.run(("tshark", *arguments), capture_output=True, text=True, check=True)
    return done.stdout


def rows() -> dict[str, list[str]]:
    """Return type, and base of a number or width of a boolean -> names, in order."""
    found: dict[str, set[str]] = {}
    for line in tshark("-G", "fields").splitlines():
        columns = line.split("\t")
        if columns[0] != "F":
            continue
        if columns[2] not in TUNNELS and columns[2].split(".")[0] not in PROTOCOLS:
            continue
        name, kind, base = columns[2], columns[3], columns[5]
        if base.startswith("BASE_HEX"):
            kind += " hex"
        found.setdefault(kind, set()).add(name)
    return {kind: sorted(found[kind]) for kind in sorted(found)}


def module() -> str:
    """Return the module's text."""
    version = tshark("--version").split()[2]
    parts = [_HEAD.format(version=version)]
    for kind, names in rows().items():
        lines = textwrap.wrap(" ".join(names), 96, break_long_words=False, break_on_hyphens=False)
        parts.append(f'    "{kind}": """\n' + "\n".join(lines) + '\n""",\n')
    return "".join((*parts, "}\n"))


def main() -> int:
    """Write the module, or with ``--check`` compare it; return the exit status."""
    try:
        text = module()
    except FileNotFoundError:
        print("there is no tshark here", file=sys.stderr)
        return 0 if "--check" in sys.argv else 1
    if "--check" not in sys.argv:
        TARGET.write_text(text)
        return 0
    written = TARGET.read_text()
    if written.split("VERSION = ")[1].split()[0] != text.split("VERSION = ")[1].split()[0]:
        print("this tshark is another version than that of the table", file=sys.stderr)
        return 0
    if written != text:
        print(f"{TARGET} is not what this tshark has: run {sys.argv[0]}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
