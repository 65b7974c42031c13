"""From tokens to a syntax tree: the grammar of RFC 4506, Section 6.3, by recursive descent.

Beyond the letter of the grammar it takes what the RFCs themselves write: ``struct name`` and
``enum name`` as references to a type (RFC 5531, RFC 8166), a bare ``unsigned`` (RFC 5662), and
the ``program`` definitions of RFC 5531, Section 12.2. And it takes what rpcgen takes: C's small
integers, enumerators without a value, and procedures whose arguments have names, whose list of
arguments is empty, or that take and return strings and pointers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .ast import (
    Arm,
    Constant,
    Declaration,
    Definition,
    EnumBody,
    EnumMember,
    Form,
    Primitive,
    Procedure,
    Program,
    Specification,
    StructBody,
    Typedef,
    TypeName,
    TypeSpecifier,
    UnionBody,
    Value,
    Version,
)
from .errors import Position, SpecificationError
from .lexer import END, IDENTIFIER, NUMBER, TEXT, Token, tokenize
from .names import global_name

_SIMPLE = {
    word: Primitive(word) for word in ("int", "hyper", "float", "double", "quadruple", "bool")
}
MAX_NESTING = 64
"""How deep anonymous types may nest: a text cannot overflow the parser's stack."""


_SMALL = frozenset({"char", "short", "long"})
"""Integers of C that rpcgen takes after ``unsigned``; ``resolver.PREDEFINED`` has their types."""


def parse(
    text: str, source: str = "<text>", places: Sequence[tuple[str, int]] | None = None
) -> Specification:
    """Return the syntax tree of a specification.

    ``places`` is that of ``lexer.tokenize``. Errors: ``SpecificationError`` at the first token
    that does not fit.
    """
    return _Parser(text, source, places).specification()


class _Parser:
    def __init__(
        self, text: str, source: str, places: Sequence[tuple[str, int]] | None = None
    ) -> None:
        self._tokens = list(tokenize(text, source, places))
        self._index = 0
        self._depth = 0

    # --- Tokens ---

    @property
    def _token(self) -> Token:
        return self._tokens[self._index]

    def _advance(self) -> Token:
        token = self._token
        self._index += 1
        return token

    def _fail(self, wanted: str) -> SpecificationError:
        token = self._token
        return SpecificationError(token.position, f"{wanted} expected, not {token}")

    def _at(self, *texts: str) -> bool:
        return self._token.text in texts

    def _accept(self, text: str) -> bool:
        if self._token.text != text:
            return False
        self._index += 1
        return True

    def _expect(self, text: str) -> Position:
        if self._token.text != text:
            raise self._fail(f"'{text}'")
        return self._advance().position

    def _identifier(self) -> Token:
        if self._token.kind != IDENTIFIER:
            raise self._fail("a name")
        return self._advance()

    def _global(self) -> Token:
        """Take the name of something that the whole specification can see."""
        token = self._identifier()
        return replace(token, text=global_name(token.text))

    def _value(self) -> Value:
        token = self._token
        if token.kind == NUMBER:
            self._index += 1
            return Value(token.position, token.text, token.value)
        if token.kind == IDENTIFIER:
            self._index += 1
            return Value(token.position, global_name(token.text))
        raise self._fail("a number or the name of a constant")

    # --- Definitions ---

    def specification(self) -> Specification:
        definitions: list[Definition] = []
        while self._token.kind != END:
            definitions.append(self._definition())
            self._expect(";")
        return Specification(tuple(definitions))

    def _definition(self) -> Definition:
        word, comment = self._token.text, self._token.comment
        if word == "const":
            self._advance()
            name = self._global()
            self._expect("=")
            if self._token.kind == TEXT:
                return Constant(name.position, name.text, self._advance().text[1:-1])
            return Constant(name.position, name.text, self._value())
        if word == "typedef":
            position = self._advance().position
            declaration = self._declaration()
            if declaration is None:
                raise SpecificationError(position, "a typedef of void")
            return Typedef(replace(declaration, name=global_name(declaration.name)), comment)
        if word in ("enum", "struct", "union"):
            self._advance()
            name = self._global()
            return Typedef(Declaration(name.position, name.text, self._body(word)), comment)
        if word == "program":
            return self._program()
        raise self._fail("a definition")

    def _program(self) -> Program:
        self._advance()
        name = self._global()
        self._expect("{")
        versions: list[Version] = []
        while not self._accept("}"):
            versions.append(self._version())
            self._expect(";")
        self._expect("=")
        return Program(name.position, name.text, tuple(versions), self._value())

    def _version(self) -> Version:
        self._expect("version")
        name = self._global()
        self._expect("{")
        procedures: list[Procedure] = []
        while not self._accept("}"):
            procedures.append(self._procedure())
            self._expect(";")
        self._expect("=")
        return Version(name.position, name.text, tuple(procedures), self._value())

    def _procedure(self) -> Procedure:
        comment = self._token.comment
        result = None if self._accept("void") else self._parameter(named=False)
        name = self._global()
        self._expect("(")
        arguments: list[Declaration] = []
        if not self._accept(")"):
            if not self._accept("void"):
                arguments.append(self._parameter())
                while self._accept(","):
                    arguments.append(self._parameter())
            self._expect(")")
        self._expect("=")
        number = self._value()
        return Procedure(name.position, name.text, result, tuple(arguments), number, comment)

    def _parameter(self, *, named: bool = True) -> Declaration:
        """Parse the result of a procedure, or one argument, whose name may be missing."""
        position = self._token.position
        if self._at("opaque"):
            raise SpecificationError(position, "opaque needs a typedef to be passed on")
        if self._accept("string"):
            specifier: TypeSpecifier = Primitive.STRING
        else:
            specifier = self._type_specifier()
        form = Form.OPTIONAL if self._accept("*") else Form.PLAIN
        name = ""
        if named and self._token.kind == IDENTIFIER:
            name = self._advance().text
        size = None
        if specifier is Primitive.STRING:
            if form is Form.OPTIONAL:
                raise SpecificationError(position, "a pointer to a string needs a typedef")
            form = Form.VARIABLE
            if self._accept("<"):
                size = None if self._at(">") else self._value()
                self._expect(">")
        elif self._at("<", "["):
            raise self._fail("a typedef of the array, by name,")
        if named and not name and self._token.kind == IDENTIFIER:
            name = self._advance().text
        return Declaration(position, name, specifier, form, size)

    # --- Declarations and types ---

    def _declaration(self) -> Declaration | None:
        """Parse one declaration without its semicolon; return ``None`` for void."""
        if self._accept("void"):
            return None
        if self._at("opaque", "string"):
            kind = Primitive(self._advance().text)
            name = self._identifier()
            if not self._at("<") and (kind is Primitive.STRING or not self._at("[")):
                raise self._fail("'<'" if kind is Primitive.STRING else "'[' or '<'")
            return self._sized(name, kind)
        specifier = self._type_specifier()
        if self._accept("*"):
            name = self._identifier()
            return Declaration(name.position, name.text, specifier, Form.OPTIONAL)
        return self._sized(self._identifier(), specifier)

    def _sized(self, name: Token, specifier: TypeSpecifier) -> Declaration:
        form, size = Form.PLAIN, None
        if self._accept("["):
            form, size = Form.FIXED, self._value()
            self._expect("]")
        elif self._accept("<"):
            form = Form.VARIABLE
            if not self._at(">"):
                size = self._value()
            self._expect(">")
        return Declaration(name.position, name.text, specifier, form, size)

    def _type_specifier(self) -> TypeSpecifier:
        token = self._token
        if token.kind == IDENTIFIER:
            self._advance()
            return TypeName(token.position, global_name(token.text))
        if token.text == "unsigned":
            self._advance()
            if self._at(*_SMALL):
                return TypeName(token.position, f"unsigned {self._advance().text}")
            if self._accept("hyper"):
                return Primitive.UNSIGNED_HYPER
            self._accept("int")
            return Primitive.UNSIGNED_INT
        if token.text in _SIMPLE:
            self._advance()
            return _SIMPLE[token.text]
        if token.text in ("enum", "struct", "union"):
            self._advance()
            if self._token.kind == IDENTIFIER:
                name = self._global()
                return TypeName(name.position, name.text)
            return self._body(token.text)
        raise self._fail("a type")

    def _body(self, word: str) -> EnumBody | StructBody | UnionBody:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise SpecificationError(self._token.position, "types nest too deep")
        try:
            if word == "enum":
                return self._enum_body()
            return self._struct_body() if word == "struct" else self._union_body()
        finally:
            self._depth -= 1

    def _enum_body(self) -> EnumBody:
        position = self._expect("{")
        members: list[EnumMember] = []
        while True:
            name = self._global()
            if self._accept("="):
                value = self._value()
            elif members:
                last = members[-1].value
                value = replace(last, position=name.position, more=last.more + 1)
            else:
                value = Value(name.position, "0", 0)
            members.append(EnumMember(name.position, name.text, value))
            if not self._accept(","):
                break
        self._expect("}")
        return EnumBody(position, tuple(members))

    def _struct_body(self) -> StructBody:
        position = self._expect("{")
        fields: list[Declaration] = []
        while not fields or not self._at("}"):
            start = self._token.position
            declaration = self._declaration()
            if declaration is None:
                raise SpecificationError(start, "void has no place in a structure")
            fields.append(declaration)
            self._expect(";")
        self._expect("}")
        return StructBody(position, tuple(fields))

    def _union_body(self) -> UnionBody:
        position = self._expect("switch")
        self._expect("(")
        start = self._token.position
        discriminant = self._declaration()
        if discriminant is None:
            raise SpecificationError(start, "void cannot tell arms apart")
        self._expect(")")
        self._expect("{")
        arms: list[Arm] = []
        while self._at("case"):
            start = self._token.position
            labels: list[Value] = []
            while self._accept("case"):
                labels.append(self._value())
                self._expect(":")
            arms.append(Arm(start, tuple(labels), self._declaration()))
            self._expect(";")
        if not arms:
            raise self._fail("'case'")
        default = None
        if self._at("default"):
            start = self._advance().position
            self._expect(":")
            default = Arm(start, (), self._declaration())
            self._expect(";")
        self._expect("}")
        return UnionBody(position, discriminant, tuple(arms), default)
