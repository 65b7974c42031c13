"""The last touches to a module that is written for others: its imports, its blank lines."""

from __future__ import annotations

import re
import textwrap

from .writer import WIDTH

_FROM: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("abc", ("abstractmethod",)),
    ("collections.abc", ("Mapping",)),
    ("enum", ("IntEnum",)),
    ("struct", ("Struct", "pack")),
    ("typing", ("Any", "Final", "TypeAlias")),
    ("", ()),
    ("nfsrdma.rpcrdma.rpc", ("stub as rpc",)),
    ("nfsrdma.xdr.codec", ("Decoder", "Encoder")),
    (
        "nfsrdma.xdr.runtime",
        (
            "MISSING",
            "PAD",
            "LinkedStruct",
            "StructError",
            "no_arm",
            "not_boolean",
            "too_long",
            "unencodable",
            "wrong_arm",
            "wrong_length",
        ),
    ),
    ("nfsrdma.xdr.runtime", ("Struct as XdrStruct",)),
    ("nfsrdma.xdr.runtime", ("Union as XdrUnion",)),
)
"""What a module may import; an empty name stands for an empty line."""

_WORDS = re.compile(r'"(?:[^"\\]|\\.)*"|#.*|(?<!\.)\b[A-Za-z_]\w*\b')
_UNPACKED = re.compile(r"\s*([\w, ]+) = (dec\.unpack\(\w+\))")
_MAX_TITLE = 80
_MOST_LINES = 40
"""The most lines of a comment that becomes a docstring."""


def imports(lines: list[str]) -> list[str]:
    """Return the import statements for the names that ``lines`` use."""
    used: set[str] = set()
    in_docstring = False
    for line in lines:
        marks = line.count('"""')
        if not marks and not in_docstring:
            used.update(_words(line))
        in_docstring ^= marks == 1
    groups: list[list[list[str]]] = [[]]
    for module, names in _FROM:
        if not module:
            groups.append([])
            continue
        wanted = [name for name in names if name.split()[-1] in used]
        if wanted:
            groups[-1].append(_import(module, wanted))
    for group in groups:
        group.sort(key=_order)
    found = [[line for statement in group for line in statement] for group in groups]
    return [line for group in found if group for line in ("", *group)][1:]


def _import(module: str, names: list[str]) -> list[str]:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= WIDTH:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]


def _order(statement: list[str]) -> tuple[str, int, str]:
    """Return the usual key for imports: by module, then constants, classes, the rest by name."""
    _, module, _, name, *_ = " ".join(statement).replace("(", "").replace(",", " ").split()
    return module, 0 if name.isupper() else 1 if name[0].isupper() else 2, name


def _words(line: str) -> list[str]:
    """Return the names in a line. Types in quotes are names as well."""
    words: list[str] = []
    for found in _WORDS.finditer(line):
        text = found[0]
        if text[0] == '"':
            words += re.findall(r"\w+", text) if "TypeAlias" in line else []
        elif text[0] != "#":
            words.append(text)
    return words


def printable(text: str) -> str:
    """Return ``text`` as it may stand in a comment or a docstring: harmless, and on one line."""
    text = "".join(letter if letter.isprintable() else "?" for letter in text[: 4 * _MAX_TITLE])
    return text.replace("\\", "/").replace('"', "'")


def docstring(depth: int, first: str, comment: str) -> list[str]:
    """Return the lines of a docstring: ``first``, if it is not empty, then a comment's text."""
    indent = "    " * depth
    body = _prose(comment, WIDTH - len(indent)) if "xdrgen:" not in comment else []
    if not first and not body:
        return []
    lines = [first, "", *body] if first and body else [first] if first else body
    room = WIDTH - len(indent) - 6
    if len(lines) == 1 and len(lines[0]) <= room:
        return [f'{indent}"""{lines[0]}"""']
    if len(lines[0]) > room + 3:
        lines = ["", *lines]
    return [
        f'{indent}"""{lines[0]}',
        *(f"{indent}{line}".rstrip() for line in lines[1:]),
        f'{indent}"""',
    ]


def _prose(comment: str, width: int) -> list[str]:
    """Return the text of a comment, without its signs, on lines of its own paragraphs."""
    text = comment.removeprefix("/*").removesuffix("*/").removeprefix("//")
    lines = [printable(line.strip().lstrip("*").strip()) for line in text.split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    if not lines or len(lines) > _MOST_LINES:
        return []
    return [piece for line in lines for piece in (textwrap.wrap(line, width) or [""])]


def tidied(lines: list[str]) -> list[str]:
    """Return the lines with the empty lines between them that are usual, none of them too long."""
    text = "\n".join(lines).rstrip("\n")
    text = re.sub(r"\n{4,}", "\n\n\n", text)
    # Above and below a top-level definition there are two empty lines.
    text = re.sub(r"\n+(\n\n\n(?:class|def|@))", r"\1", text)
    text = re.sub(r"(\n(?:    .*|\)|\}))\n{1,2}(?=[A-Za-z_#])", r"\1\n\n\n", text)
    return [piece for line in text.split("\n") for piece in wrapped(line)]


def wrapped(line: str) -> list[str]:
    """Return a statement on as many lines as it takes."""
    if len(line) <= WIDTH or line.lstrip()[:1] in ('"', "#"):
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    assigned = _UNPACKED.fullmatch(line)
    if assigned is not None:
        names, source = assigned.groups()
        opening = f"{indent}{names} = dec.unpack("
        if len(opening) <= WIDTH:
            return [opening, f"{indent}    {source[len('dec.unpack(') : -1]}", f"{indent})"]
        if len(indent) + len(names) + len(" = (") <= WIDTH:
            return [f"{indent}{names} = (", f"{indent}    {source}", f"{indent})"]
        return [
            f"{indent}(",
            *(f"{indent}    {name}," for name in names.split(", ")),
            f"{indent}) = {source}",
        ]
    found = _last_brackets(line)
    if found is None:
        return [line]
    start, end = found
    items = _items(line[start + 1 : end])
    head, tail = line[: start + 1], f"{indent}{line[end:]}"
    body = f"{indent}    {', '.join(items)}"
    if len(body) <= WIDTH:
        return [head, body, tail]
    pieces = [piece for item in items for piece in wrapped(f"{indent}    {item},")]
    return [head, *pieces, tail]


def _last_brackets(line: str) -> tuple[int, int] | None:
    """Where the last brackets of a line open and close, if there is something in them."""
    end = max(line.rfind(bracket) for bracket in ")]}")
    depth = 0
    for start in range(end, -1, -1):
        depth += (line[start] in ")]}") - (line[start] in "([{")
        if not depth:
            return (start, end) if end > start + 1 else None
    return None


def _items(text: str) -> list[str]:
    """Return what commas separate, outside of brackets."""
    items, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and not depth:
            items.append(text[start:at].strip())
            start = at + 1
    items.append(text[start:].strip())
    return [item for item in items if item]
