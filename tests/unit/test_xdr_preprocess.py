"""What the built-in preprocessor carries out, leaves out with a word, and refuses."""

from __future__ import annotations

import pytest

from nfsrdma.xdr.compiler import SpecificationError
from nfsrdma.xdr.compiler.preprocess import MAX_INCLUDES, preprocess


def kept(text: str, **definitions: str) -> list[str]:
    """The lines that are left, without the empty ones."""
    return [line for line in preprocess(text, "s.x", None, definitions).lines if line.strip()]


def test_conditionals() -> None:
    text = """
#ifdef A
a
#ifndef B
not b
#else
b
#endif
#elif defined(C) || defined D && !E
c
#elif 0
never
#else
none
#endif
#if N
n
#endif
"""
    assert kept(text) == ["none"]
    assert kept(text, A="1") == ["a", "not b"]
    assert kept(text, A="", B="") == ["a", "b"]
    assert kept(text, C="1") == ["c"]
    assert kept(text, D="1") == ["c"]
    assert kept(text, D="1", E="1") == ["none"]
    assert kept(text, N="0") == ["none"]
    assert kept(text, N="0x10") == ["none", "n"]


def test_defines_are_constants_and_conditions() -> None:
    source = preprocess(
        "#define A 3 /* three */\n#define B\n#define C text\n#define F(x) x\n#ifdef B\nb\n#endif\n"
        "#undef B\n#ifdef B\nagain\n#endif\n%#define D A+1\n%int x;\n#pragma ident\n",
        "s.x",
    )
    assert [(name, text) for _, name, text in source.constants] == [("A", "3")]
    assert [item[1:] for item in source.likely] == [("D", "A", 1)]
    assert [line for line in source.lines if line] == ["b"]
    assert source.passed_through == ["#define D A+1", "int x;"]
    assert [(at.line, message) for at, message in source.warnings] == [
        (3, "#define C is left out: text is no number"),
        (4, "#define is left out: only names of numbers are taken"),
        (14, "#pragma is left out"),
    ]


def test_every_line_knows_where_it_comes_from() -> None:
    files = {"b.x": "const B = 1;\n", "c.x": "const C = 1;"}
    source = preprocess(
        'first\n#include "b.x"\n# 70 "far.y"\nmarked\n',
        "a.x",
        lambda name, origin: (f"{origin}/{name}", files[name]),
    )
    places = {line: place for line, place in zip(source.lines, source.places, strict=True) if line}
    assert places == {
        "first": ("a.x", 1),
        "const B = 1;": ("a.x/b.x", 1),
        "marked": ("far.y", 70),
    }


def test_comments_hide_directives() -> None:
    text = "/* starts\n#endif\n% no\n ends */ kept // #else /*\nmore\n"
    assert kept(text) == text.splitlines()


def test_continued_directives() -> None:
    source = preprocess("#define A \\\n  7\nrest", "s.x")
    assert [(name, text) for _, name, text in source.constants] == [("A", "7")]
    assert source.places[-1] == ("s.x", 3)


def test_items_that_may_be_placed_directly() -> None:
    source = preprocess("int a; /* xdrgen: ddp b.data, READ.result */\n", "s.x")
    assert [(at.line, item) for at, item in source.ddp] == [(1, "b.data"), (1, "READ.result")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#if A\n", "s.x:1:1: this condition has no #endif"),
        ("\n#endif\n", "s.x:2:1: #endif without #if"),
        ("#if 1\n#else\n#else\n#endif", "s.x:3:1: #else without #if"),
        ("#if (A > 3)\n#endif", "s.x:1:1: this condition is not understood"),
        ("#error stop here", "s.x:1:1: #error stop here"),
        ('#include "no.x"', "s.x:1:1: cannot include no.x: No such file"),
        ('#include "s.x"', "too deep"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    def read(name: str, origin: str) -> tuple[str, str]:
        if name == "no.x":
            raise FileNotFoundError(2, "No such file")
        return name, text

    with pytest.raises(SpecificationError) as caught:
        preprocess(text, "s.x", read)
    assert message in str(caught.value)
    assert MAX_INCLUDES < 100
