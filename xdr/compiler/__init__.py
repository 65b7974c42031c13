"""The XDR compiler: specifications (RFC 4506, Section 6) in, typed Python modules out.

    lexer -> parser -> ast -> resolver -> model -> encoding, decoding -> emitter

``python -m nfsrdma.xdr.compiler`` writes every emitted module anew; the modules are committed, so
nothing here runs when the package is used. The model is also what the tests' independent codec
walks.
"""

from .errors import Position, SpecificationError
from .parser import parse
from .resolver import resolve

__all__ = ["Position", "SpecificationError", "parse", "resolve"]
