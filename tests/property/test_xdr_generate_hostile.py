"""Specifications of any kind: ``xdrgen`` writes a module that does nothing but define, or refuses.

Texts come from pieces of good ones, cut, doubled and mixed up: those get far into the compiler.
"""

from __future__ import annotations

import ast
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.xdr.compiler import SpecificationError
from nfsrdma.xdr.compiler.emitter import Parts
from nfsrdma.xdr.compiler.generate import generate

GOOD = """
const A = 3; #define B 4
%#define C B+1
#ifdef A
#else
#endif
const TEXT = "text"; enum e { X, Y = 0x10, Z = -1 }; typedef opaque o<A>; typedef string s<>;

/* A node, and what "it" says. */
struct n { int v; struct n *next; }; struct c { c many<2>; e which; o data[2]; float f; };
union u switch (e k) { case X: case Y: o one; case Z: void; default: struct { int i; } two; };
union b switch (bool k) { case TRUE: u *more; case FALSE: hyper class; };
typedef struct n *list; typedef unsigned char small[7]; /* xdrgen: ddp bulk.d */
struct bulk { bool end; opaque d<>; };
program P { version V { void NULL(void) = 0; s F(o first, int) = 1;
/* Gives bulk. */
bulk G(list) = 2; } = 1;
            version W { void NULL(void) = 0; n *H(u) = 7; } = 2; } = 0x20000001;
"""
WORDS = re.findall(r"\w+|\s+|[^\w\s]", GOOD)
PIECE = st.one_of(
    st.sampled_from(WORDS),
    st.builds(
        lambda at, size: "".join(WORDS[at : at + size]),
        st.integers(0, len(WORDS) - 1),
        st.integers(1, 60),
    ),
    st.text(max_size=3),
    st.sampled_from(
        [
            '"""',
            "\\",
            "%",
            "#",
            "\n",
            "\r",
            "\x85",
            "__class__",
            "import os",
            "self",
            "/*",
            "*/",
            "//",
        ]
    ),
)
ALLOWED_IMPORTS = {
    *("abc", "collections.abc", "enum", "struct", "typing", "__future__"),
    *("nfsrdma.rpcrdma.rpc", "nfsrdma.xdr.codec", "nfsrdma.xdr.runtime"),
}


@given(start=st.integers(0, len(WORDS)), pieces=st.lists(PIECE, max_size=8), whole=st.booleans())
@settings(max_examples=400, deadline=None)
def test_what_is_written_only_defines(start: int, pieces: list[str], whole: bool) -> None:
    rest = WORDS[start:] if whole else []
    text = "".join([*WORDS[:start], *pieces, *rest])
    try:
        made = generate([("any.x", text)], text[:50], Parts())
    except SpecificationError:
        return
    check(made.text)


def check(text: str) -> None:
    """Nothing of a module runs when it is imported but definitions."""
    tree = ast.parse(text)
    for node in tree.body:
        match node:
            case ast.ImportFrom(module, _, 0):
                assert module in ALLOWED_IMPORTS
            case ast.Expr(ast.Constant(str())):
                pass
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("Struct"), [ast.Constant(str())])):
                assert name.startswith("_")
            case ast.AnnAssign() | ast.Assign():
                assert not any(isinstance(inner, ast.Call) for inner in ast.walk(node))
            case ast.ClassDef() | ast.FunctionDef():
                pass
            case _:
                raise AssertionError(ast.unparse(node))
    exec(compile(tree, "generated", "exec"), {"__name__": "generated"})
