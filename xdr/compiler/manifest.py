"""The emitted modules of this package, and the specifications they come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..nfs2.ddp import DDP_ELIGIBLE as DDP_ELIGIBLE_2
from ..nfs3.ddp import DDP_ELIGIBLE as DDP_ELIGIBLE_3
from ..nfs4.ddp import DDP_ELIGIBLE
from .ast import Definition, Specification
from .emitter import emit
from .model import Model
from .parser import parse
from .resolver import resolve

XDR = Path(__file__).resolve().parent.parent
"""The folder of the package ``nfsrdma.xdr``: specifications below it, modules in it."""


@dataclass(frozen=True, slots=True)
class Module:
    """One emitted module: its path below ``XDR``, the first line of its docstring, its sources."""

    path: str
    title: str
    sources: tuple[str, ...]
    bulk: frozenset[tuple[str, str]] = frozenset()

    def model(self) -> Model:
        """Return the resolved specification. Errors: ``SpecificationError``."""
        definitions: list[Definition] = []
        for source in self.sources:
            text = (XDR / "specs" / source).read_text(encoding="ascii")
            definitions += parse(text, source).definitions
        return resolve(Specification(tuple(definitions)), self.bulk)

    def text(self) -> str:
        """Return the module as it should be. Errors: ``SpecificationError``."""
        dots = "." * len(Path(self.path).parts)
        return emit(self.model(), self.title, [f"specs/{item}" for item in self.sources], dots)


MODULES = (
    Module("rpc.py", "ONC RPC version 2 and its credentials (RFC 5531, RFC 2203).", ("rpc.x",)),
    Module("rpcrdma1.py", "RPC-over-RDMA version 1 (RFC 8166).", ("rpcrdma1.x",)),
    Module("rpcbind.py", "RPCBIND and the port mapper (RFC 1833).", ("rpcbind.x",)),
    Module("nfs2/types.py", "NFS version 2, and MOUNT (RFC 1094).", ("nfs2.x",), DDP_ELIGIBLE_2),
    Module("nfs2/nlm.py", "The Network Lock Manager, versions 1 to 3 (X/Open).", ("nlm3.x",)),
    Module("nfs3/types.py", "NFS version 3 (RFC 1813).", ("nfs3.x",), DDP_ELIGIBLE_3),
    Module("nfs3/mount.py", "The MOUNT protocol, version 3 (RFC 1813).", ("mount3.x",)),
    Module("nfs3/nlm.py", "The Network Lock Manager, version 4 (RFC 1813).", ("nlm4.x",)),
    Module("nfs3/sideband.py", "ACLs, status monitor and quotas of NFSv3.", ("sideband.x",)),
    Module(
        "nfs4/types.py",
        "NFS version 4, minor versions 0 to 2 (RFC 7531, RFC 5662, RFC 7863, RFC 8276).",
        (
            "nfs4_basic.x",
            "nfs4_attributes.x",
            "nfs4_layouts.x",
            "nfs4_operations_a_n.x",
            "nfs4_operations_o_w.x",
            "nfs41_operations.x",
            "nfs42_operations.x",
            "nfs4_compound.x",
            "nfs4_callbacks.x",
        ),
        DDP_ELIGIBLE,
    ),
)
"""Everything that ``python -m nfsrdma.xdr.compiler`` writes."""


RESULT_SIZES = "nfs4/result_sizes.py"
"""The emitted table of how long the results of NFSv4's operations may be."""

_ATTRIBUTE_WORDS = 3
"""How many words of a bitmap the numbers of all attributes take (the highest is below 96)."""


def result_sizes() -> str:
    """Return the text of ``RESULT_SIZES``, a module. Errors: ``SpecificationError``."""
    model = next(module for module in MODULES if module.path == "nfs4/types.py").model()
    lines = _RESULT_SIZES_HEAD.splitlines()
    for name, prefix in (("RESULT_MAX", "OP_"), ("CALLBACK_RESULT_MAX", "OP_CB_")):
        operations = model.enums["nfs_opnum4" if prefix == "OP_" else "nfs_cb_opnum4"].members
        lines += ["", f"{name}: Final[Mapping[int, int | None]] = {{"]
        for operation, number in operations.items():
            result = f"{operation.removeprefix('OP_')}4res"
            most = model.max_after_status(result, {"bitmap4": _ATTRIBUTE_WORDS})
            lines.append(f"    {number}: {most},  # {operation}")
        lines.append("}")
    return "\n".join(lines) + "\n"


_RESULT_SIZES_HEAD = f'''\
"""The most octets that successful results of NFS version 4 have after their status.

``None`` stands for no limit. Bitmaps, to which the RFCs set none, are taken to have
{_ATTRIBUTE_WORDS} words: a result names no attribute that the specification does not have.

Emitted by nfsrdma.xdr.compiler from the specifications of types.py. Do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
'''


def stale() -> Iterator[tuple[Path, str]]:
    """Yield the modules that are not what their specifications say, and what they should be."""
    texts = [(XDR / module.path, module.text()) for module in MODULES]
    for path, text in (*texts, (XDR / RESULT_SIZES, result_sizes())):
        if not path.exists() or path.read_text(encoding="ascii") != text:
            yield path, text
