"""The two faces of the client: they match, they are documented, and their types hold."""

from __future__ import annotations

import inspect
import io
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import FunctionType

import pytest

import nfsrdma.client as nfs
from nfsrdma.client import aio
from nfsrdma.client.api import emit

ROOT = Path(__file__).resolve().parents[2]

FACES = (
    (nfs.Mount, aio.AsyncMount),
    (nfs.NfsFile, aio.AsyncFile),
    (nfs.Scan, aio.AsyncScan),
)
ONLY_BLOCKING = {"interrupt"}
"""A task of asyncio is cancelled instead."""

SAME = {
    "AsyncFile": "NfsFile",
    "AsyncIterator": "Iterator",
    "AsyncMount": "Mount",
    "AsyncScan": "Scan",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
}


def in_blocking_words(text: str) -> str:
    return re.sub(r"\w+", lambda word: SAME.get(word[0], word[0]), text)


def members(kind: type) -> dict[str, object]:
    """What our own classes give to ``kind``, by name; private names are left out."""
    found: dict[str, object] = {}
    for each in reversed(kind.__mro__):
        if each.__module__.startswith("nfsrdma."):
            found.update(vars(each))
    return {
        name: value
        for name, value in found.items()
        if isinstance(value, FunctionType | property)
        and (not name.startswith("_") or in_blocking_words(name) in SAME.values())
    }


def functions() -> Iterator[tuple[str, FunctionType]]:
    """Every public function and method of both faces."""
    yield "mount", nfs.mount
    yield "aio.mount", aio.mount
    for face in FACES:
        for kind in face:
            for name, value in members(kind).items():
                if isinstance(value, property):
                    assert isinstance(value.fget, FunctionType)
                    value = value.fget
                assert isinstance(value, FunctionType)
                yield f"{kind.__name__}.{name}", value


def signature_of(value: object) -> str:
    if isinstance(value, property):
        value = value.fget
    assert isinstance(value, FunctionType)
    return in_blocking_words(str(inspect.signature(value)))


def test_the_blocking_face_is_emitted_afresh(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert emit.main(["--check"]) == 0
    for source in emit.EMITTED:
        (tmp_path / f"{source}.py").write_text(emit.source_text(source))
    monkeypatch.setattr(emit, "HERE", tmp_path)
    stale = tmp_path / "blocking.py"
    stale.write_text("")
    assert emit.main(["--check"]) == 1
    assert stale.read_text() == ""
    assert emit.main([]) == 0
    assert emit.main(["--check"]) == 0
    assert "wrote" in capsys.readouterr().out
    assert emit.main(["--what"]) == 2


def test_what_the_tables_of_emission_do_not_know_is_an_error() -> None:
    source = emit.source_text("aio_file")
    with pytest.raises(emit.EmitError, match="does not have"):
        emit.blocking("aio_file", source.replace("class AsyncFile:", "class AsyncFile(object):"))
    with pytest.raises(emit.EmitError, match="'asyncio' is left"):
        emit.blocking(
            "aio_file", source.replace("import warnings\n", "import warnings\nimport asyncio\n")
        )


@pytest.mark.parametrize(("blocking", "asynchronous"), FACES)
def test_both_faces_have_the_same_names_and_signatures(blocking: type, asynchronous: type) -> None:
    ours, theirs = members(blocking), members(asynchronous)
    assert set(ours) - ONLY_BLOCKING == set(map(in_blocking_words, theirs))
    for name, value in theirs.items():
        other = ours[in_blocking_words(name)]
        assert type(value) is type(other)
        assert signature_of(other) == signature_of(value), name


def test_what_takes_a_call_is_a_coroutine_in_the_one_and_not_in_the_other() -> None:
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction)
    ours, theirs = members(nfs.Mount), members(aio.AsyncMount)
    assert not [name for name, value in ours.items() if any(kind(value) for kind in kinds)]
    plain = {name for name, value in theirs.items() if not any(kind(value) for kind in kinds)}
    assert plain == {"client", "closed", "connection_counters", "scandir", "stats"}


def test_open_files_are_raw_files_of_python() -> None:
    assert issubclass(nfs.NfsFile, io.RawIOBase)
    theirs = {name for name in dir(io.RawIOBase) if not name.startswith("_")}
    by_lines = {"fileno", "isatty", "readline", "readlines", "writelines"}
    assert theirs - by_lines <= set(members(aio.AsyncFile))


def test_mount_has_every_option_by_name() -> None:
    for face in (nfs.mount, aio.mount):
        parameters = dict(inspect.signature(face).parameters)
        url = parameters.pop("url")
        assert url.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        assert list(parameters) == [field.name for field in fields(nfs.MountOptions)]
        for field in fields(nfs.MountOptions):
            parameter = parameters[field.name]
            assert parameter.kind is inspect.Parameter.KEYWORD_ONLY
            assert parameter.default is field.default
            assert parameter.annotation == field.type
        shown = pydoc.render_doc(face, renderer=pydoc.plaintext)
        for name in parameters:
            assert f"``{name}``" in shown, name
    with pytest.raises(TypeError, match=r"mount\(\) got an unexpected keyword argument 'tiemout'"):
        nfs.mount("nfs+tcp://nowhere.invalid/", tiemout=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("name", "function"), [pytest.param(*each, id=each[0]) for each in functions()]
)
def test_each_public_method_is_documented_and_typed(name: str, function: FunctionType) -> None:
    text = inspect.getdoc(function)
    assert text, f"{name} has no docstring"
    assert text[0].isupper()
    assert text.splitlines()[0].endswith((".", ":"))
    signature = inspect.signature(function)
    told = [each.annotation for each in signature.parameters.values() if each.name != "self"]
    for annotation in (*told, signature.return_annotation):
        assert annotation is not inspect.Parameter.empty, name
        assert not re.search(r"\bAny\b", str(annotation)), f"{name}: {annotation}"


def test_every_public_name_of_the_package_exists_and_is_documented() -> None:
    for room in (nfs, aio):
        assert room.__doc__
        for name in room.__all__:
            assert getattr(room, name).__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'aoi'"):
        nfs.aoi  # noqa: B018


USER = '''
"""A program of a user, as strict as mypy can be."""

from array import array
from pathlib import PurePosixPath

import nfsrdma.client as nfs
from nfsrdma.client import aio


def blocking(url: str) -> int:
    octets = 0
    with nfs.mount(url, timeout=3, provider="soft", groups=(1, 2)) as fs, fs.open("f") as file:
        buffer = array("B", bytes(10))
        octets += file.readinto(buffer) + file.write(memoryview(b"x")) + len(file.read(1))
        octets += fs.write_bytes(PurePosixPath("a/b"), buffer)
        with fs.scandir("a") as entries:
            for entry in entries:
                octets += entry.stat().st_size
        for path, directories, names in fs.walk():
            octets += len(fs.stat(path).owner) + len(directories) + len(names)
        with fs.open("t", "w", encoding="utf-8") as text, fs.open("b", "rb", 512) as buffered:
            octets += text.write("x") + len(buffered.read(1))
        allowed: bool = fs.access("f", 4)
        octets += len(fs.glob("*")) + allowed
        moment: float = fs.ping()
        reveal_type(fs)
        reveal_type(fs.get("a", "b", recursive=True))
    return octets + int(moment)


async def later(url: str) -> int:
    fs = await aio.mount(url)
    octets = len(await fs.read_bytes("f"))
    await fs.close()
    async with aio.mount(url, wsize=4096) as fs, await fs.open("f", "r+b") as file:
        octets += await file.readinto(bytearray(1)) + await file.write(b"x")
        async with fs.scandir() as entries:
            async for entry in entries:
                octets += entry.stat().st_size
        async for _, _, names in fs.walk():
            octets += len(names)
        reveal_type(fs)
    return octets


nfs.mount("nfs://h/", tiemout=3)
nfs.mount("nfs://h/", 3)
aio.mount("nfs://h/", timeout="3")
'''


def test_a_users_program_is_type_checked(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    program = tmp_path / "program.py"
    program.write_text(USER)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"]
    checked = subprocess.run(
        [*command, f"--cache-dir={tmp_path}", str(program)],
        env={"MYPYPATH": str(ROOT / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line.partition(": ")[2] for line in checked.stdout.splitlines()]
    errors = [line for line in said if line.startswith("error")]
    revealed = re.findall(r'Revealed type is "([\w.]+)"', checked.stdout)
    assert [name.rpartition(".")[2] for name in revealed] == ["Mount", "Progress", "AsyncMount"]
    assert [re.findall(r"\[([\w-]+)\]$", line)[0] for line in errors] == [
        "call-arg",
        "call-arg",
        "arg-type",
    ], checked.stdout + checked.stderr
