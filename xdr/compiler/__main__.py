"""``python -m nfsrdma.xdr.compiler``: emit the modules again; ``--check`` only compares."""

from __future__ import annotations

import sys

from .errors import SpecificationError
from .manifest import stale


def main(arguments: list[str]) -> int:
    """Write what is stale, or only report it, and return the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m nfsrdma.xdr.compiler [--check]", file=sys.stderr)
        return 2
    found = False
    try:
        for path, text in stale():
            found = True
            if not arguments:
                path.write_text(text, encoding="ascii")
            print(f"{'stale' if arguments else 'wrote'} {path}")
    except SpecificationError as error:
        print(error, file=sys.stderr)
        return 1
    return int(found and bool(arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
