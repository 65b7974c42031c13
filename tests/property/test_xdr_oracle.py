"""Every emitted type against an independent codec: xdrlib3, driven by the model.

The walker below knows nothing of the emitted code: it takes the resolved specification and packs
or unpacks any value of any type, one word at a time. Values come from the model too.
"""

from __future__ import annotations

import importlib
import itertools
import types
from pathlib import Path
from typing import Any

import pytest
import xdrlib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nfsrdma.xdr import Decoder, Encoder, XdrError
from nfsrdma.xdr.compiler import parse, resolve
from nfsrdma.xdr.compiler.emitter import Parts, emit
from nfsrdma.xdr.compiler.generate import generate
from nfsrdma.xdr.compiler.manifest import MODULES
from nfsrdma.xdr.compiler.model import (
    Array,
    Boolean,
    FixedArray,
    FixedOpaque,
    Model,
    Opaque,
    Optional,
    Reference,
    Scalar,
    Structure,
    Type,
    Union,
)
from nfsrdma.xdr.runtime import chain, link

# What the RFCs' specifications do not use, and rpcgen's habits.
UNUSUAL = """
const WIDTH = 3;
%#include "nothing.h"
enum colour { RED = -1, GREEN = 0x10, BLUE = 010 };
typedef colour palette[WIDTH];
typedef struct { int a; unsigned b; } pairs<4>;
typedef struct node *chain_of;
struct node { string label<7>; chain_of following; };
struct tree { hyper key; tree children<2>; };
struct first { second *other; };
struct second { unsigned hyper n; first back<1>; };
union shape switch (unsigned int kind) {
case 0: float radius;
case 1:
case 2: double sides[2];
case 3: struct { bool flag; opaque tail[5]; } odd;
case 4: union switch (bool big) { case TRUE: hyper wide; case FALSE: int narrow; } size;
case 5: int none<0>;
default: opaque rest<>;
};
struct mixed {
    enum { ON = 1, OFF = 2 } switch_;
    bool flags<3>;
    bool both[2];
    opaque cells[2];
    float single;
    double twin;
    palette colours;
    pairs few;
    int *maybe;
    pairs *perhaps;
    shape shapes[2];
    int grid<2>;
    tree *root;
    first *knot;
    int class;
    string names<>;
};
typedef opaque key[6];
typedef int *pointer;
typedef int matrix[2];
typedef string words<>;
union both switch (bool yes) { case TRUE: case FALSE: int number; };
union only switch (int n) { case 1: void; default: void; };
union second_only switch (int n) { case 7: void; default: int other; };
"""


class Subject:
    """A specification and the module emitted from it."""

    def __init__(self, name: str, model: Model, module: Any) -> None:
        self.name = name
        self.model = model
        self.module = module
        self._strategies: dict[Type, st.SearchStrategy[Any]] = {}

    def kinds(self) -> dict[str, Type]:
        """Everything that can be encoded by name."""
        kinds: dict[str, Type] = {name: Reference(name) for name in self.model.types}
        for alias in self.model.aliases.values():
            if not isinstance(alias.type, Scalar | Boolean):
                kinds[alias.name] = alias.type
        return kinds

    def encode(self, name: str, value: Any) -> bytes:
        enc = Encoder()
        if hasattr(self.module, f"encode_{name}"):
            getattr(self.module, f"encode_{name}")(enc, value)
        else:
            value.encode(enc)
        assert enc.tell() == len(enc.to_bytes())
        return enc.to_bytes()

    def decode(self, name: str, data: bytes) -> Any:
        dec = Decoder(data)
        decode = getattr(self.module, f"decode_{name}", None)
        value = decode(dec) if decode else getattr(self.module, name).decode(dec)
        dec.done()
        return value

    # The independent codec

    def pack(self, packer: Any, kind: Type, value: Any) -> None:
        match kind:
            case Scalar(code):
                method = {"i": "int", "I": "uint", "q": "hyper", "Q": "uhyper", "f": "float"}
                getattr(packer, f"pack_{method.get(code, 'double')}")(value)
            case Boolean():
                packer.pack_bool(value)
            case FixedOpaque(size):
                packer.pack_fopaque(size, bytes(value))
            case Opaque():
                packer.pack_opaque(bytes(value))
            case FixedArray(element, count):
                packer.pack_farray(count, value, lambda item: self.pack(packer, element, item))
            case Array(element):
                packer.pack_array(value, lambda item: self.pack(packer, element, item))
            case Optional(element):
                packer.pack_bool(value is not None)
                if value is not None:
                    self.pack(packer, element, value)
            case Reference(name):
                self._pack_reference(packer, self.model.types[name], value)

    def _pack_reference(self, packer: Any, target: Structure | Union, value: Any) -> None:
        if isinstance(target, Structure):
            for field in target.fields:
                self.pack(packer, field.type, getattr(value, field.attribute))
            return
        key = getattr(value, target.discriminant.attribute)
        self.pack(packer, target.discriminant.type, key)
        arm = self._arm(target, key)
        if arm is not None:
            self.pack(packer, arm.type, value.value)

    def unpack(self, unpacker: Any, kind: Type) -> Any:
        match kind:
            case Scalar(code):
                method = {"i": "int", "I": "uint", "q": "hyper", "Q": "uhyper", "f": "float"}
                return getattr(unpacker, f"unpack_{method.get(code, 'double')}")()
            case Boolean():
                return unpacker.unpack_bool()
            case FixedOpaque(size):
                return unpacker.unpack_fopaque(size)
            case Opaque():
                return unpacker.unpack_opaque()
            case FixedArray(element, count):
                return unpacker.unpack_farray(count, lambda: self.unpack(unpacker, element))
            case Array(element):
                return unpacker.unpack_array(lambda: self.unpack(unpacker, element))
            case Optional(element):
                return self.unpack(unpacker, element) if unpacker.unpack_bool() else None
            case Reference(name):
                target = self.model.types[name]
                make = getattr(self.module, name)
                if isinstance(target, Structure):
                    return make(*[self.unpack(unpacker, field.type) for field in target.fields])
                key = self.unpack(unpacker, target.discriminant.type)
                arm = self._arm(target, key)
                return make(key) if arm is None else make(key, self.unpack(unpacker, arm.type))

    @staticmethod
    def _arm(target: Union, key: int) -> Any:
        for arm in target.arms:
            if any(label.value == key for label in arm.labels):
                return arm.field
        assert target.default is not None
        return target.default.field

    # Values

    def values(self, kind: Type) -> st.SearchStrategy[Any]:
        if kind not in self._strategies:
            self._strategies[kind] = st.deferred(lambda: self._values(kind))
        return self._strategies[kind]

    def _values(self, kind: Type) -> st.SearchStrategy[Any]:
        match kind:
            case Scalar("f" | "d" as code):
                return st.floats(allow_nan=False, width=32 if code == "f" else 64)
            case Scalar(code):
                bits, sign = (64 if code in "qQ" else 32), code in "iq"
                low, high = (
                    (-(1 << bits - 1), (1 << bits - 1) - 1) if sign else (0, (1 << bits) - 1)
                )
                return st.integers(low, high)
            case Boolean():
                return st.booleans()
            case FixedOpaque(size):
                return st.binary(min_size=size, max_size=size)
            case Opaque(limit):
                return st.binary(max_size=9 if limit is None else min(limit, 9))
            case FixedArray(element, count):
                return st.lists(self.values(element), min_size=count, max_size=count)
            case Array(element, limit):
                return st.lists(
                    self.values(element), max_size=2 if limit is None else min(limit, 2)
                )
            case Optional(element):
                return st.none() | self.values(element)
            case Reference(name):
                target = self.model.types[name]
                if isinstance(target, Structure):
                    return self._structures(target)
                return self._unions(target)

    def _structures(self, target: Structure) -> st.SearchStrategy[Any]:
        make = getattr(self.module, target.name)
        fields = target.fields[: -1 if target.linked else None]
        one = st.builds(
            make, *[self.values(field.type) for field in fields], *([st.none()] * target.linked)
        )
        return st.lists(one, min_size=1, max_size=3).map(link) if target.linked else one

    def _unions(self, target: Union) -> st.SearchStrategy[Any]:
        make = getattr(self.module, target.name)
        boolean = isinstance(target.discriminant.type, Boolean)
        choices: list[st.SearchStrategy[Any]] = []
        for arm in target.arms:
            keys = [bool(label.value) if boolean else label.value for label in arm.labels]
            value = st.none() if arm.field is None else self.values(arm.field.type)
            choices.append(st.builds(make, st.sampled_from(keys), value))
        if target.default is not None:
            taken = {label.value for arm in target.arms for label in arm.labels}
            field = target.default.field
            other = self.values(target.discriminant.type).filter(lambda key: key not in taken)
            value = st.none() if field is None else self.values(field.type)
            choices.append(st.builds(make, other, value))
        return st.one_of(choices)


def _subjects() -> list[Subject]:
    subjects = [
        Subject(
            module.path,
            module.model(),
            importlib.import_module("nfsrdma.xdr." + module.path[:-3].replace("/", ".")),
        )
        for module in MODULES
    ]
    for path in sorted(Path("/usr/include/rpcsvc").glob("*.x")):
        subjects += _shipped(path)
    model = resolve(parse(UNUSUAL, "unusual.x"))
    module = types.ModuleType("unusual")
    exec(emit(model, "Unusual.", ["unusual.x"], "nfsrdma.xdr."), module.__dict__)
    return [*subjects, Subject("unusual", model, module)]


def _shipped(path: Path) -> list[Subject]:
    """What ``xdrgen`` makes of a specification of Debian's rpcsvc-proto, where it is installed."""

    def read(name: str, origin: str) -> tuple[str, str]:
        found = Path(origin).parent / name
        return str(found), found.read_text(encoding="latin-1")

    texts = [(str(path), path.read_text(encoding="latin-1"))]
    if path.name == "nis_callback.x":  # what it includes is C, which has the types of nis.x
        texts.insert(0, read("nis.x", str(path)))
    made = generate(texts, path.name, Parts(), read=read)
    module = types.ModuleType(path.stem)
    exec(made.text, module.__dict__)
    return [Subject(path.name, made.model, module)]


SUBJECTS = _subjects()
CASES = [
    pytest.param(subject, name, kind, id=f"{subject.name}:{name}")
    for subject in SUBJECTS
    for name, kind in subject.kinds().items()
]
quick = settings(
    max_examples=4,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize(("subject", "name", "kind"), CASES)
@given(data=st.data())
@quick
def test_agrees_with_xdrlib3_and_survives_damage(
    subject: Subject, name: str, kind: Type, data: st.DataObject
) -> None:
    value = data.draw(subject.values(kind))
    packer = xdrlib3.Packer()
    subject.pack(packer, kind, value)
    theirs = packer.get_buffer()

    ours = subject.encode(name, value)
    assert ours == theirs
    assert subject.decode(name, theirs) == value
    unpacker = xdrlib3.Unpacker(ours)
    assert subject.unpack(unpacker, kind) == value
    unpacker.done()
    assert repr(value)

    # No beginning of it is a value of its own, and one octet more is too much.
    for cut in itertools.islice(range(len(ours) - 1, -1, -1), 40):
        with pytest.raises(XdrError):
            subject.decode(name, ours[:cut])
    with pytest.raises(XdrError):
        subject.decode(name, ours + b"\0")

    # Overwritten words give another value or an error, never anything else.
    damaged = bytearray(ours)
    for _ in range(4):
        if not damaged:
            break
        at = data.draw(st.integers(0, len(damaged) // 4 - 1)) * 4
        word = data.draw(st.sampled_from([0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]))
        damaged[at : at + 4] = word.to_bytes(4, "big")
        try:
            other = subject.decode(name, bytes(damaged))
        except XdrError:
            continue
        again = subject.encode(name, other)
        assert subject.encode(name, subject.decode(name, again)) == again  # NaN is not NaN


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
@given(noise=st.binary(max_size=200))
@settings(max_examples=10, deadline=None, database=None, derandomize=True)
def test_noise_only_ever_raises_xdr_errors(subject: Subject, noise: bytes) -> None:
    for name in subject.kinds():
        try:
            value = subject.decode(name, noise)
        except XdrError:
            continue
        again = subject.encode(name, value)
        assert subject.encode(name, subject.decode(name, again)) == again


def test_a_chain_is_what_link_made() -> None:
    node = SUBJECTS[-1].module.node
    nodes = [node(b"%d" % number) for number in range(5)]
    assert list(chain(link(nodes))) == [
        link([node(b"%d" % n) for n in range(5)][start:]) for start in range(5)
    ]
