"""The compiler: what it reads, what it refuses and where, and that its output is fresh."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.codec import MAX_DEPTH
from nfsrdma.xdr.compiler import SpecificationError, ast, parse, resolve
from nfsrdma.xdr.compiler import __main__ as command
from nfsrdma.xdr.compiler.emitter import emit
from nfsrdma.xdr.compiler.manifest import MODULES, XDR, stale
from nfsrdma.xdr.compiler.model import Opaque, Reference, Scalar, Structure


def compiled(text: str, bulk: frozenset[tuple[str, str]] = frozenset()) -> Any:
    """The module emitted from a text."""
    module = types.ModuleType("compiled")
    source = emit(resolve(parse(text), bulk), "Compiled.", ["text"], "nfsrdma.xdr.")
    exec(source, module.__dict__)
    return module


def encoded(value: Any) -> bytes:
    enc = Encoder()
    value.encode(enc)
    return enc.to_bytes()


# The emitted modules


def test_emitted_modules_are_fresh() -> None:
    assert [str(path) for path, _ in stale()] == []


def test_emitted_modules_carry_a_banner() -> None:
    for module in MODULES:
        head = (XDR / module.path).read_text(encoding="ascii")[:600]
        assert "Emitted by nfsrdma.xdr.compiler from specs/" in head
        assert "Do not edit" in head


def test_command_rewrites_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "module.py"
    monkeypatch.setattr(
        command,
        "stale",
        lambda: iter([(target, "new\n")] if not target.exists() else []),
    )
    assert command.main(["--check"]) == 1
    assert not target.exists()
    assert command.main([]) == 0
    assert target.read_text(encoding="ascii") == "new\n"
    assert command.main(["--check"]) == 0
    assert command.main(["--help"]) == 2
    assert "stale" in capsys.readouterr().out


def test_command_reports_a_broken_specification(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "stale", lambda: iter([resolve(parse("typedef nil x;", "s.x"))]))
    assert command.main([]) == 1
    assert "s.x:1:9: nil is no type" in capsys.readouterr().err


def test_module_entry_runs() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "nfsrdma.xdr.compiler", "--check"],
        env={"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


# What it reads


def test_parses_a_program_block() -> None:
    text = """
    program P { version V1 { void NULL(void) = 0; int SUM(int, unsigned hyper) = 1; } = 1;
                version V2 { bool ASK(T) = 0; } = 2; } = 0x20000001;
    typedef opaque T<>;
    """
    specification = parse(text)
    program = specification.definitions[0]
    assert isinstance(program, ast.Program)
    assert [version.name for version in program.versions] == ["V1", "V2"]
    assert program.versions[0].procedures[0].result is None
    assert [item.type for item in program.versions[0].procedures[1].arguments] == [
        ast.Primitive.INT,
        ast.Primitive.UNSIGNED_HYPER,
    ]
    numbers = {item.name: item.value for item in resolve(specification).numbers}
    assert numbers == {"P": 0x20000001, "V1": 1, "NULL": 0, "SUM": 1, "V2": 2, "ASK": 0}


def test_skips_comments_and_passthrough_lines_and_still_counts_them() -> None:
    text = "/* one\n two */ const A = 1; /**/\n%#include <x.h> $$$\n  % more\nconst B = @;"
    with pytest.raises(SpecificationError) as caught:
        parse(text, "s.x")
    assert str(caught.value) == "s.x:5:11: no token begins with '@'"
    assert (caught.value.position.line, caught.value.position.column) == (5, 11)


@pytest.mark.parametrize(
    ("word", "value"),
    [("10", 10), ("-10", -10), ("0x1f", 31), ("-0X1F", -31), ("017", 15), ("0", 0)],
)
def test_reads_numbers(word: str, value: int) -> None:
    (number,) = resolve(parse(f"const N = {word};")).numbers
    assert number.value == value


def test_names_may_be_used_before_they_are_defined() -> None:
    model = resolve(
        parse(
            "typedef later first; struct user { later one; kind two; opaque three[SIZE]; };"
            "struct later { int n; }; enum kind { K = SIZE }; const SIZE = OTHER; const OTHER = 4;"
            "union choice switch (kind k) { case K: later l; };"
        )
    )
    user = model.types["user"]
    assert isinstance(user, Structure)
    assert [field.type for field in user.fields[:2]] == [Reference("later"), Scalar("i")]
    assert compiled("typedef later first; struct later { int n; };").first.__name__ == "later"


def test_anonymous_types_are_named_after_their_place() -> None:
    module = compiled(
        "struct s { struct { int n; } inner;"
        "           union switch (int k) { case 1: enum { A = 1 } e; } u; };"
    )
    value = module.s(module.s_inner(5), module.s_u(1, module.A))
    assert encoded(value) == bytes.fromhex("00000005 00000001 00000001")
    assert module.s.decode(Decoder(encoded(value))) == value
    assert module.s_u_e.A == 1


def test_python_words_get_an_underscore() -> None:
    module = compiled("struct s { int class; int value; int ok; };")
    value = module.s(class_=1, value_=2, ok=3)
    assert (value.class_, value.value_, value.ok) == (1, 2, 3)
    assert module.s.decode(Decoder(encoded(value))) == value


def test_a_member_may_be_called_like_a_type_or_a_local_variable() -> None:
    module = compiled(
        "struct a { opaque b<>; };"
        "struct b { a a; int buf; opaque enc<>; opaque n<>; bool pack; opaque len<>; int dec; };"
    )
    value = module.b(module.a(b"x"), 1, b"yy", b"z", True, b"w", 2)
    assert module.b.decode(Decoder(encoded(value))) == value


def test_neighbouring_fields_share_one_layout() -> None:
    model = resolve(
        parse("struct id { int a; opaque o[6]; }; struct s { hyper h; id i; bool b; opaque d<>; };")
    )
    text = emit(model, "T.", ["t"], "nfsrdma.xdr.")
    assert '_qi6s2x2I = Struct(">qi6s2x2I")' in text


def test_bulk_members_become_payloads() -> None:
    module = compiled("struct s { int n; opaque d<8>; };", frozenset({("s", "d")}))
    enc = Encoder()
    data = bytearray(b"abcde")
    module.s(1, data).encode(enc)
    assert enc.buffer == bytes.fromhex("00000001 00000005")
    assert [(item.position, item.offset) for item in enc.payloads] == [(8, 8)]
    decoded = module.s.decode(Decoder(enc.to_bytes()))
    assert isinstance(decoded.d, memoryview)
    assert decoded == module.s(1, b"abcde")
    with pytest.raises(XdrError):
        module.s(1, bytes(9)).encode(Encoder())


# What it refuses


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("const A = 1", "1:12: ';' expected, not end of file"),
        ("constant A = 1;", "1:1: a definition expected, not 'constant'"),
        ("const 1 = 1;", "1:7: a name expected, not '1'"),
        ("const A = int;", "1:11: a number or the name of a constant expected, not 'int'"),
        ("const A = 09;", "1:11: 09 is no octal number"),
        ("const A = 1x;", "1:11: no token begins with '1'"),
        ("/* no end", "1:1: this comment never ends"),
        ("typedef void;", "1:1: a typedef of void"),
        ("typedef opaque x;", "1:17: '[' or '<' expected, not ';'"),
        ("typedef string x[3];", "1:17: '<' expected, not '['"),
        ("struct s { };", "1:12: a type expected, not '}'"),
        ("struct s { void; };", "1:12: void has no place in a structure"),
        ("struct s { union u x; };", "1:18: u is no type"),
        ("union u switch (void) { case 1: void; };", "1:17: void cannot tell arms apart"),
        ("union u switch (int a) { default: void; };", "1:26: 'case' expected, not 'default'"),
        ("struct s {" * 70, "1:20: a name expected"),
        ("typedef struct {" + "struct {" * 70, "types nest too deep"),
        ("const A = 1; const A = 2;", "1:20: A is defined at <text>:1:7 already"),
        ("const A = 1; enum e { A = 2 };", "1:23: A is defined at <text>:1:7 already"),
        ("struct s { enum { A = 1 } e; }; const A = 2;", "1:39: A is defined at"),
        ("struct s_x { int n; }; struct s { struct { int n; } x; };", "s_x"),
        ("const TRUE = 1;", "1:7: TRUE is part of the language"),
        ("const A = B; const B = A;", "1:11: B is no constant"),
        ("typedef opaque x[B];", "1:18: B is no constant"),
        ("typedef opaque x[-1];", "1:18: -1 cannot be a size"),
        ("typedef opaque x<0x100000000>;", "1:18: 0x100000000 cannot be a size"),
        ("enum e { A = 0x80000000 };", "1:10: A is too large"),
        ("typedef nothing x;", "1:9: nothing is no type"),
        ("typedef x x;", "1:9: x is defined by itself"),
        ("typedef a b; typedef b a;", "is defined by itself"),
        ("typedef quadruple x;", "1:19: Python has no quadruple"),
        ("struct s { int a; int a; };", "1:23: s has a a already"),
        ("union u switch (int a) { case 1: int a; };", "1:38: u has a a already"),
        ("union u switch (int a) { case 1: void; case 1: void; };", "1:45: a second case 1"),
        ("union u switch (bool a) { case 1: void; };", "1:32: 1 is neither TRUE nor FALSE"),
        ("union u switch (hyper a) { case 1: void; };", "1:33: only integers and enums"),
        ("union u switch (unsigned a) { case -1: void; };", "1:36: -1 is out of range"),
        ("enum e { A = 1 }; union u switch (e a) { case 2: void; };", "1:47: 2 is not in e"),
        ("union u switch (e a) { case 2: void; }; enum e { A = 1 };", "1:29: 2 is not in e"),
        ("struct s { s again; };", "1:8: s cannot end: it contains itself"),
        ("struct s { t a[2]; }; struct t { s b; };", "cannot end: it contains itself"),
        ("union u switch (int k) { case 1: u again; };", "1:7: u cannot end"),
        ("struct s { opaque none[0]; }; struct t { s many<>; };", "elements without octets"),
        ("typedef opaque none[0]; typedef none many<>;", "elements without octets"),
        ("program P { version V { void N(void) = 0; } = x; } = 1;", "1:47: x is no constant"),
        ("program P { version V { void N(t) = 0; } = 1; } = 1;", "1:32: t is no type"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(SpecificationError) as caught:
        resolve(parse(text))
    assert message in str(caught.value)


def test_refuses_bulk_data_that_is_not_opaque() -> None:
    with pytest.raises(SpecificationError, match="n cannot be bulk data"):
        resolve(parse("struct s { int n; };"), frozenset({("s", "n")}))


def test_bulk_is_part_of_a_type() -> None:
    model = resolve(parse("struct s { opaque d<>; };"), frozenset({("s", "d")}))
    target = model.types["s"]
    assert isinstance(target, Structure)
    assert target.fields[0].type == Opaque(None, bulk=True)


# Hostile data against emitted code

TREE = compiled(
    "struct tree { int key; tree children<>; }; struct chain_ { int n; chain_ *next; };"
)


def test_nesting_is_bounded() -> None:
    deep = bytes.fromhex("00000000 00000001") * 10_000
    with pytest.raises(XdrError, match="nested more than 64 deep"):
        TREE.tree.decode(Decoder(deep))
    just = bytes.fromhex("00000000 00000001") * (MAX_DEPTH - 1) + bytes(8)
    assert encoded(TREE.tree.decode(Decoder(just))) == just


def test_breadth_is_not_depth() -> None:
    wide = TREE.tree(1, [TREE.tree(number, []) for number in range(1000)])
    assert TREE.tree.decode(Decoder(encoded(wide))) == wide


def test_lists_are_walked_not_recursed_into() -> None:
    nodes = 200_000
    data = bytes.fromhex("00000007 00000001") * (nodes - 1) + bytes.fromhex("00000007 00000000")
    head = TREE.chain_.decode(Decoder(data))
    assert encoded(head) == data
    assert head == TREE.chain_.decode(Decoder(data))
    assert repr(head) == "chain_(n=7, next=...)"
    assert head != TREE.chain_(7)
    assert head != TREE.chain_.decode(Decoder(data[:8] + data[-8:]))


@pytest.mark.parametrize("element", ["int", "hyper", "bool", "opaque", "s", "p"])
def test_a_count_allocates_nothing_that_the_stream_does_not_hold(element: str) -> None:
    field = "opaque many<>" if element == "opaque" else f"{element} many<>"
    module = compiled(f"struct s {{ hyper h; }}; typedef int *p; struct holder {{ {field}; }};")
    for count in (0x7FFFFFFF, 0xFFFFFFFF, 3):
        with pytest.raises(XdrError):
            module.holder.decode(Decoder(count.to_bytes(4, "big") + bytes(2)))


# Wrong values


def test_numbers_that_do_not_fit_are_xdr_errors() -> None:
    module = compiled(
        "struct s { unsigned n; opaque o[4]; int a<2>; int f[2]; string t<3>; bool b<1>; };"
        "typedef int three<3>; union u switch (int k) { case 1: hyper h; };"
        "union big switch (int k) {"
        + "".join(f"case {n}: s s{n};" for n in range(20))
        + "case 20: int n; };"
    )
    good = [1, b"abcd", [1], [1, 2], b"t", [True]]
    module.s(*good).encode(Encoder())
    for index, bad in [
        (0, -1),
        (0, "x"),
        (1, b"abc"),
        (2, [1, 2, 3]),
        (3, [1]),
        (4, b"four"),
        (5, [True, False]),
    ]:
        values = list(good)
        values[index] = bad
        with pytest.raises(XdrError, match=r"^s"):
            module.s(*values).encode(Encoder())
    with pytest.raises(XdrError, match=r"^three"):
        module.encode_three(Encoder(), [1 << 40])
    with pytest.raises(XdrError, match="u has no arm for 2"):
        module.u(2).encode(Encoder())
    with pytest.raises(XdrError, match="big has no arm for 99"):
        module.big(99).encode(Encoder())
    with pytest.raises(XdrError, match="big has no arm for 99"):
        module.big.decode(Decoder((99).to_bytes(4, "big")))
    assert module.big.decode(Decoder(encoded(module.big(20, 5)))).n == 5


def test_an_arm_is_there_only_if_it_was_selected() -> None:
    module = compiled(
        "union u switch (int k) { case 1: case 2: int n; case 3: void; default: bool other; };"
        "union v switch (bool b) { case TRUE: int n; case FALSE: void; };"
    )
    assert module.u(2, 5).n == 5
    assert module.u(9, True).other is True
    assert module.v(True, 3).n == 3
    for union, arm in [
        (module.u(3), "n"),
        (module.u(1, 1), "other"),
        (module.u(3), "other"),
        (module.v(False), "n"),
    ]:
        with pytest.raises(XdrError, match=rf"{arm} is not there: \w\(.*\)"):
            getattr(union, arm)


# Sizes

SIZES = """
typedef unsigned int words<>;
typedef words nested<2>;
typedef opaque name<5>;
struct node { int value; node *next; };
struct flat { bool a; hyper b; opaque c[5]; name d; };
struct more { flat one[2]; flat *two; int three<3>; };
union either switch (int kind) { case 0: flat little; case 1: void; default: more much; };
struct endless { opaque data<>; };
struct result { int status; name who; };
union answer switch (int status) { case 0: case 7: name who; default: endless why; };
union silence switch (int status) { case 1: endless why; default: void; };
union refusal switch (int status) { case 1: name why; };
typedef answer same_answer;
"""


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("flat", 4 + 8 + 8 + 12),
        ("more", 2 * 32 + 4 + 32 + 4 + 3 * 4),
        ("either", 4 + 116),
        ("endless", None),
        ("node", None),
    ],
)
def test_the_most_octets_of_a_type(name: str, octets: int | None) -> None:
    assert resolve(parse(SIZES)).max_size(Reference(name), {}) == octets


def test_the_most_octets_with_limits_that_the_specification_does_not_state() -> None:
    model = resolve(parse(SIZES))
    assert model.max_size(model.aliases["nested"].type, {}) is None
    assert model.max_size(model.aliases["nested"].type, {"words": 3}) == 4 + 2 * 16


@pytest.mark.parametrize(
    ("name", "octets"),
    [("result", 12), ("answer", 12), ("same_answer", 12), ("silence", 0), ("refusal", None)],
)
def test_the_most_octets_after_the_status_of_success(name: str, octets: int | None) -> None:
    assert resolve(parse(SIZES)).max_after_status(name, {}) == octets
