"""The XDR compiler: specifications (RFC 4506, Section 6) in, typed Python modules out.

    preprocess -> lexer -> parser -> ast -> resolver, checks -> model
    model -> encoding, decoding, programs -> emitter -> finish

``python -m nfsrdma.xdr.compiler`` writes the modules of this package anew; they are committed, so
nothing here runs when the package is used. ``nfsrdma xdrgen`` writes modules for everybody else
(``generate``). The tests walk the model with an independent codec.
"""

from .errors import Position, SpecificationError
from .parser import parse
from .resolver import resolve

__all__ = ["Position", "SpecificationError", "parse", "resolve"]
