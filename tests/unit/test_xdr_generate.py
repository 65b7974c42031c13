"""``xdrgen`` without files: rpcgen's habits, clients, servers, names, hostile specifications."""

from __future__ import annotations

import ast as python
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from nfsrdma.rpcrdma.rpc.stub import Caller, ClientStub, ServerSkeleton
from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.compiler import SpecificationError
from nfsrdma.xdr.compiler.emitter import Parts
from nfsrdma.xdr.compiler.generate import generate

PARTS = Parts()
SHIPPED = sorted(Path("/usr/include/rpcsvc").glob("*.x"))


def text_of(*texts: str, parts: Parts = PARTS, ddp: tuple[str, ...] = ()) -> str:
    named = [(f"s{index}.x", text) for index, text in enumerate(texts)]
    return generate(named, "A protocol.", parts, ddp=ddp).text


def module_of(*texts: str, parts: Parts = PARTS, ddp: tuple[str, ...] = ()) -> Any:
    module = types.ModuleType("generated")
    exec(text_of(*texts, parts=parts, ddp=ddp), module.__dict__)
    return module


class Recorder:
    """A caller that keeps what it is asked, and answers with octets."""

    def __init__(self, answer: bytes = b"") -> None:
        self.answer = answer
        self.sent = b""
        self.asked: tuple[int, ...] = ()
        self.max_reply: int | None = None
        self.sinks: list[memoryview] = []

    def call(
        self,
        program: int,
        version: int,
        procedure: int,
        encode: Any,
        decode: Any,
        *,
        max_reply: int | None = None,
        sinks: Any = (),
    ) -> Any:
        enc = Encoder()
        encode(enc)
        self.sent, self.asked = enc.to_bytes(), (program, version, procedure)
        self.max_reply, self.sinks = max_reply, list(sinks)
        dec = Decoder(self.answer)
        value = decode(dec)
        dec.done()
        return value


# --- rpcgen's habits ---

OLD = """
%#define LONGEST 20
%#define LONGER LONGEST+1
#define COUNT 3
const TEXT = "letters";
enum kind { NONE, SOME = 5, MORE };
struct small { char a; u_char b; short c; u_short d; long e; u_long f; unsigned char g; };
struct sizes { int64_t a; u_quad_t b; uint8_t c; bool_t d; netobj e; opaque f[COUNT]; };
struct list { string name<LONGER>; struct list *next; };
typedef struct list list;
typedef struct small small_t;
typedef list *list_ptr;
union choice switch (kind which) {
case SOME:
    struct small some;
case MORE:
    union choice *more;
default:
    void;
};
program OLD_PROG {
    version OLD_VERS_2 {
        void OLD_NULL(void) = 0;
        list_ptr OLD_LIST() = 1;
    } = 2;
    version OLD_VERS {
        void OLD_NULL(void) = 0;
        string OLD_NAME(string<7> who, int) = 2;
        struct list *OLD_NEXT(struct list *) = 3;
        kind OLD_KIND(unsigned long) = 4;
    } = 1;
} = 0x20000001;
"""


def test_types_of_old_specifications() -> None:
    old = module_of(OLD)
    assert (old.COUNT, old.LONGEST, old.LONGER, old.TEXT) == (3, 20, 21, "letters")
    assert [(item.name, int(item)) for item in old.kind] == [("NONE", 0), ("SOME", 5), ("MORE", 6)]
    small = old.small(-1, 2, -3, 4, -5, 6, 7)
    enc = Encoder()
    small.encode(enc)
    assert enc.to_bytes() == bytes.fromhex(
        "ffffffff 00000002 fffffffd 00000004 fffffffb 00000006 00000007"
    )
    sizes = old.sizes(-1, 1, 2, True, b"oh", b"abc")
    enc = Encoder()
    sizes.encode(enc)
    assert len(enc.to_bytes()) == 8 + 8 + 4 + 4 + 8 + 4
    assert old.sizes.decode(Decoder(enc.to_bytes())) == sizes
    with pytest.raises(XdrError):
        old.list_(b"x" * 22).encode(Encoder())


def test_two_versions_are_two_clients_and_two_servers() -> None:
    old = module_of(OLD)
    assert (old.OldV1Client.program, old.OldV1Client.version) == (0x20000001, 1)
    assert (old.OldV2Client.program, old.OldV2Client.version) == (0x20000001, 2)
    assert issubclass(old.OldV2Client, ClientStub)
    assert issubclass(old.OldV2Server, ServerSkeleton)
    assert {name for name in vars(old.OldV1Client) if name[0] != "_"} == {
        *("program", "version", "null", "name", "next", "kind_"),
    }


def test_calls_in_octets() -> None:
    old = module_of(OLD)
    caller = Recorder()
    client = old.OldV1Client(caller)
    client.null()
    assert (caller.sent, caller.asked, caller.max_reply) == (b"", (0x20000001, 1, 0), 0)
    caller.answer = bytes.fromhex("00000002 68690000")
    assert client.name(b"who", -1) == b"hi"
    assert caller.sent == bytes.fromhex("00000003 77686f00 ffffffff")
    assert caller.max_reply is None
    caller.answer = bytes.fromhex("00000001 00000001 61000000 00000000")
    assert client.next(None) == old.list_(b"a")
    assert caller.sent == bytes(4)
    client.next(old.list_(b"b"))
    assert caller.sent == bytes.fromhex("00000001 00000001 62000000 00000000")
    caller.answer = bytes.fromhex("00000006")
    assert client.kind_(7) == old.MORE
    assert caller.max_reply == 4
    with pytest.raises(XdrError):
        client.name(b"too long", 0)


def test_servers_decode_call_and_encode() -> None:
    old = module_of(OLD)

    class Mine(old.OldV1Server):  # type: ignore[name-defined, misc]
        async def name(self, who: bytes, arg2: int) -> bytes:
            return who * arg2

        async def next(self, arg: Any) -> Any:
            return arg.next

        async def kind_(self, arg: int) -> int:
            return arg

    rows = Mine().procedures()
    assert sorted(rows) == [0, 2, 3, 4]

    def answer(number: int, arguments: str) -> bytes:
        coroutine = rows[number].start(Decoder(bytes.fromhex(arguments)))
        with pytest.raises(StopIteration) as stop:
            coroutine.send(None)
        enc = Encoder()
        rows[number].encode(enc, stop.value.value)
        return enc.to_bytes()

    assert answer(0, "") == b""
    assert answer(2, "00000002 68690000 00000002") == bytes.fromhex("00000004 68696869")
    assert answer(3, "00000001 00000001 61000000 00000000") == bytes(4)
    assert answer(4, "00000005") == bytes.fromhex("00000005")
    with pytest.raises(XdrError):
        rows[2].start(Decoder(bytes.fromhex("00000008 6869")))
    with pytest.raises(TypeError, match="abstract"):
        old.OldV1Server()


# --- Direct placement ---

BULK = """
struct block { bool end; opaque data<1000>; };
typedef opaque blob<>;
program P { version V {
    block FETCH(unsigned hyper) = 1;
    blob READ(void) = 2;
    void WRITE(blob data, int) = 3;
    int PLAIN(blob) = 4;
} = 1; } = 9;
/* xdrgen: ddp block.data */
"""


def test_items_that_may_be_placed_directly() -> None:
    module = module_of(BULK, ddp=("READ.result", "WRITE.data"))
    caller = Recorder(bytes.fromhex("00000001 00000002 68690000"))
    client = module.PClient(caller)
    memory = bytearray(16)
    client.fetch(7, into=memory)
    assert [view.obj for view in caller.sinks] == [memory]
    assert caller.max_reply == 8
    client.fetch(7)
    assert (caller.sinks, caller.max_reply) == ([], None)
    caller.answer = bytes.fromhex("00000002 68690000")
    assert client.read([memory]).obj is memory
    assert memory[:2] == b"hi"
    caller.answer = b""
    client.write(b"data", 3)
    assert caller.sent == bytes.fromhex("00000004 64617461 00000003")
    assert "enc.payload(data)" in text_of(BULK, ddp=("WRITE.data",))
    assert "enc.payload" not in text_of(BULK.replace("/* xdrgen: ddp block.data */", ""))


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("block.end", "end cannot be bulk data: it is not opaque<>"),
        ("block.none", "<command line>:1:1: there is no block.none to place directly"),
        ("PLAIN.result", "result cannot be bulk data"),
        ("data", "'data' is not of the form TYPE.MEMBER"),
    ],
)
def test_refuses_items_that_cannot_be_placed(item: str, message: str) -> None:
    with pytest.raises(SpecificationError) as caught:
        text_of(BULK, ddp=(item,))
    assert message in str(caught.value)


# --- What is written ---


def test_parts() -> None:
    for parts in (Parts(True, False), Parts(False, True), Parts(False, False)):
        text = text_of(OLD, parts=parts)
        assert ("class OldV1Client" in text) == parts.client
        assert ("class OldV1Server" in text) == parts.server
        assert ("rpcrdma" in text) == (parts.client or parts.server)


def test_several_files_are_one_module() -> None:
    module = module_of("struct a { int n; };", "struct b { a one; };", parts=Parts(False, False))
    assert module.b(module.a(1)).one.n == 1
    with pytest.raises(SpecificationError) as caught:
        text_of("struct b { a one; };")
    assert caught.value.advice.startswith("If another file defines it")


@pytest.mark.parametrize("name", ["old", "bulk", "long"])
def test_what_is_written_is_tidy(name: str, tmp_path: Path) -> None:
    pytest.importorskip("ruff", reason="ruff is for developers")
    members = " ".join(f"int a_rather_long_name_{n}; string s{n}<{n + 1}>;" for n in range(12))
    far = "a_structure_with_a_name_that_is_longer_than_others"
    texts = {
        "old": OLD,
        "bulk": BULK,
        "long": f"struct s {{ {members} }};"
        f"struct {far} {{ s one[3]; s two<4>; opaque three[5]; }};"
        f"program P {{ version V {{ {far} F({far} first, {far} second) = 1; }} = 1; }} = 1;",
    }
    path = tmp_path / "generated.py"
    path.write_text(text_of(texts[name]))
    config = Path(__file__).parents[2] / "pyproject.toml"
    for command in (["format", "--check"], ["check", "--ignore-noqa", "--select", "E,F,I,W,B"]):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "--config", config, path],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stdout


def test_comments_become_docstrings() -> None:
    module = module_of(
        """
        /* License: nobody's. */

        const A = 1; /* no docstring of what follows */
        enum e { B = 1 };
        /*
         * A place, with "quotes" and \\ in it:
         *     indented
         */
        struct point { int x; /* not */ int y; };
        // One word.
        union u switch (int k) { case 1: point Any; };
        /* Says
           what it does. */
        program P {
            version V {
                /* Move a point. */
                point MOVE(point) = 1;
                void STAY(void) = 2; /* or not */
                /* xdrgen: ddp nothing */
                void LEAVE(void) = 3;
            } = 1;
        } = 2;
    """.replace("/* xdrgen: ddp nothing */", "")
    )
    assert module.e.__doc__ != "no docstring of what follows"
    assert module.point.__doc__ == "A place, with 'quotes' and / in it:\n    indented\n    "
    assert module.u.__doc__ == "One word."
    assert module.PClient.move.__doc__ == (
        "Call procedure 1, ``MOVE``.\n\n        Move a point.\n        "
    )
    assert module.PServer.leave.__doc__ == "Answer procedure 3, ``LEAVE``."
    assert "License" not in text_of("/* License */\n\nstruct s { int a; };")
    assert "import Any" not in text_of("/* Any */\nstruct s { int a; };")


# --- Hostile specifications ---


def test_names_that_mean_something_to_python() -> None:
    module = module_of("""
        const class = 1; const __builtins__ = 2; const _x = 3; const __ = 4; const print = 5;
        enum import { None = 1, mro, name, real };
        struct def { int self; int class; int __init__; int encode; int __; opaque len<>; };
        struct lambda { def def; };
        union match switch (import value) {
            case None: int bytes; case mro: lambda lambda; case name: bool decode_arm;
            default: void;
        };
        typedef int int_list<>;
        program while { version del {
            void __del__(int) = 1; int list(int_list self, match enc) = 2; void Nothing(void) = 3;
            void program(void) = 4; void _call(void) = 5;
        } = 1; } = 3;
    """)
    assert module.__builtins__ != 2
    assert [module.class_, module.builtins___, module.x_, module.n_] == [1, 2, 3, 4]
    value = module.def_(1, 2, 3, 4, 5, b"six")
    enc = Encoder()
    value.encode(enc)
    assert module.def_.decode(Decoder(enc.to_bytes())) == value
    arm = module.match(module.name, True)
    assert arm.decode_arm_ is True
    caller: Caller = Recorder(b"")
    client = module.WhileClient(caller)
    client.call_()
    client.del___(1)
    assert client.program == 3


@pytest.mark.parametrize(
    "text",
    [
        '%""" + __import__("os").system("true") + """\nconst A = 1;',
        "%\\\nconst A = 1;\n",
        '%\r__import__("os")\nconst A = 1;',
        "%\x0c\x85\u2028import os\nconst A = 1;",
        'const A = "\\"; import os";',
        "const A = \"{import_os}'''\";",
        "/* */ const A = 1; // \\\n",
    ],
)
def test_no_text_gets_out_of_comments_and_strings(text: str) -> None:
    try:
        written = generate([('"""\nimport os\n.x', text)], '"""\nimport os\n', PARTS).text
    except SpecificationError:
        return
    tree = python.parse(written)
    statements = [type(node) for node in tree.body]
    assert set(statements) <= {python.Expr, python.ImportFrom, python.AnnAssign}
    assert "os" not in {
        alias.name
        for node in python.walk(tree)
        if isinstance(node, python.Import)
        for alias in node.names
    }
    assert not any(isinstance(node, python.Call) for node in python.walk(tree))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "struct s0 { int a; };"
            + "".join(f"struct s{n + 1} {{ s{n} a; }};" for n in range(5000)),
            "nests too deep",
        ),
        (
            "".join(f"typedef t{n + 1} t{n}[2];" for n in range(5000)) + "typedef int t5000;",
            "too deep",
        ),
        ("const A = " + "9" * 5000 + ";", "a number of 5000 digits"),
        ("struct encode_a { int n; }; typedef int a<>;", "encode_a is what comes of a"),
        ("struct s { opaque a; };", "'[' or '<' expected"),
        ("const A = B; const B = A;", "is no constant"),
        ('const A = "x"; typedef opaque b<A>;', "A is a text, not a number"),
        ("program P { version V { opaque F(void) = 1; } = 1; } = 1;", "opaque needs a typedef"),
        ("program P { version V { int F(int<3>) = 1; } = 1; } = 1;", "a typedef of the array"),
        ("program P { version V { int F(void) = 1; int G(void) = 1; } = 1; } = 1;", "a second"),
        ("program P { version V { int F(void) = -1; } = 1; } = 1;", "-1 is no unsigned 32-bit"),
        ("#if 1\n", "has no #endif"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(SpecificationError) as caught:
        text_of(text)
    assert message in str(caught.value)


def test_types_that_double_at_each_step_are_no_work() -> None:
    doubled = "".join(f"struct s{n + 1} {{ s{n} a; s{n} b; }};" for n in range(50))
    text = text_of("struct s0 { int a; int b; };" + doubled)
    assert len(text) < 200_000


# --- What Debian ships ---


@pytest.mark.skipif(not SHIPPED, reason="the specifications of rpcsvc-proto are not installed")
def test_shipped_specifications_compile_or_say_what_they_lack() -> None:
    lacking = {}
    for path in SHIPPED:

        def read(name: str, origin: str) -> tuple[str, str]:
            found = Path(origin).parent / name
            return str(found), found.read_text(encoding="latin-1")

        try:
            made = generate(
                [(str(path), path.read_text(encoding="latin-1"))], "X.", PARTS, read=read
            )
        except SpecificationError as error:
            lacking[path.name] = error.message
            continue
        exec(compile(made.text, path.name, "exec"), {"__name__": "shipped"})
    assert lacking in ({}, {"nis_callback.x": "nis_object is no type"})
