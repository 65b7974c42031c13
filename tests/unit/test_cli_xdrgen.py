"""``nfsrdma xdrgen``: files in and out, options, and errors with a caret."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nfsrdma.cli.xdrgen import xdrgen

GOOD = (
    "struct point { int x; int y; };\nprogram P { version V { point F(point) = 1; } = 1; } = 7;\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.x").write_text(GOOD)
    return tmp_path


def invoke(*arguments: str, status: int = 0) -> Result:
    result = CliRunner().invoke(xdrgen, arguments)
    assert result.exit_code == status, result.output
    return result


@pytest.mark.parametrize(
    ("output", "path"),
    [
        (None, "good.py"),
        ("out/", "out/good.py"),
        (".", "good.py"),
        ("deep/er/name.py", "deep/er/name.py"),
    ],
)
def test_where_the_module_goes(folder: Path, output: str | None, path: str) -> None:
    invoke("good.x", *(["-o", output] if output else []))
    written = folder / path
    assert written.read_text().startswith('"""The protocol of good.x.')
    assert "class PClient" in written.read_text()
    assert invoke("good.x", "-o", "-").output == written.read_text()


def test_a_name_that_is_no_module_becomes_one(folder: Path) -> None:
    (folder / "4-odd.x").write_text("const A = 1;")
    invoke("4-odd.x")
    assert (folder / "x4_odd.py").exists()


def test_parts(folder: Path) -> None:
    for option, parts in (("--types", ""), ("--client", "c"), ("--server", "s")):
        text = invoke("good.x", option, "-o", "-").output
        assert ("class PClient" in text, "class PServer" in text) == ("c" in parts, "s" in parts)


def test_check(folder: Path) -> None:
    assert "good.py is not fresh" in invoke("good.x", "--check", status=1).output
    assert not (folder / "good.py").exists()
    invoke("good.x")
    invoke("good.x", "--check")
    (folder / "good.x").write_text(GOOD + "const A = 1;")
    invoke("good.x", "--check", status=1)


def test_only_what_it_wrote_is_overwritten(folder: Path) -> None:
    (folder / "good.py").write_text("precious = True\n")
    assert "good.py is no output of xdrgen" in invoke("good.x", status=1).output
    assert (folder / "good.py").read_text() == "precious = True\n"
    invoke("good.x", "--force")
    (folder / "good.x").write_text(GOOD + "const A = 1;")
    invoke("good.x")
    assert "A: Final = 1" in (folder / "good.py").read_text()


def test_an_error_is_a_line_with_a_caret(folder: Path) -> None:
    (folder / "bad.x").write_text("const A = 1;\n\tstruct s { nothing\tn; };\n")
    assert invoke("bad.x", status=1).output == (
        "bad.x:2:13: error: nothing is no type\n"
        "     struct s { nothing n; };\n"
        "                ^\n"
        "    If another file defines it, name that file as well, before this one.\n"
    )
    (folder / "bad.x").write_text("const A = 1" + " " * 200 + "const")
    lines = invoke("bad.x", status=1).output.splitlines()
    assert lines[0] == "bad.x:1:212: error: ';' expected, not 'const'"
    assert lines[1].startswith("    ...")
    assert lines[1][lines[2].index("^") :] == "const"


def test_errors_in_included_files_are_shown_there(folder: Path) -> None:
    (folder / "parts").mkdir()
    (folder / "parts" / "inner.x").write_text("\nstruct s { int n }\n")
    (folder / "outer.x").write_text('#include "inner.x"\n')
    assert "cannot include inner.x" in invoke("outer.x", status=1).output
    output = invoke("outer.x", "-I", "parts", status=1).output
    assert output.startswith("parts/inner.x:2:18: error: ';' expected, not '}'\n    struct s")


def test_several_files_and_definitions(folder: Path) -> None:
    (folder / "other.x").write_text("#if MORE\nstruct line { point a; point b; };\n#endif\n")
    text = invoke("good.x", "other.x", "-D", "MORE", "-o", "-").output
    assert "class line" in text
    assert "from good.x, other.x." in text
    assert "class line" not in invoke("good.x", "other.x", "-DMORE=0", "-o", "-").output
    assert "is no name" in invoke("good.x", "-D", "1=2", status=2).output


def test_direct_placement(folder: Path) -> None:
    (folder / "bulk.x").write_text("struct s { opaque data<>; };")
    assert "enc.payload(self.data)" in invoke("bulk.x", "--ddp", "s.data", "-o", "-").output
    assert "there is no s.none" in invoke("bulk.x", "--ddp", "s.none", status=1).output


def test_what_is_left_out_is_said(folder: Path) -> None:
    (folder / "odd.x").write_text("#pragma once\n#include <sys/x.h>\nconst A = 1;")
    output = invoke("odd.x").output
    assert "odd.x:1: warning: #pragma is left out\n" in output
    assert "odd.x:2: warning: #include <sys/x.h> is left out" in output


@pytest.mark.skipif(shutil.which("cpp") is None, reason="there is no cpp")
def test_the_c_preprocessor(folder: Path) -> None:
    (folder / "c.x").write_text(
        "#define SIZE (2 + 2)\n#if SIZE * 2 == 8 && N > 4\nconst A = N;\n#endif\n"
        "struct s { opaque data<>; }; /* xdrgen: ddp s.data */\nstruct t { none x; };\n"
    )
    output = invoke("c.x", "--cpp", "-D", "N=5", status=1).output
    assert output.startswith("c.x:6:12: error: none is no type\n    struct t { none x; };\n")
    (folder / "c.x").write_text((folder / "c.x").read_text().replace("none", "int"))
    text = invoke("c.x", "--cpp", "-D", "N=5", "-o", "-").output
    assert "A: Final = 5" in text
    assert "enc.payload" in text
    assert "not understood" in invoke("c.x", status=1).output


def test_a_preprocessor_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CPP", "/nonexistent/cpp -x")
    assert "--cpp: /nonexistent/cpp: No such file" in invoke("good.x", "--cpp", status=1).output


def test_files_that_cannot_be_read(folder: Path) -> None:
    assert "none.x: No such file" in invoke("none.x", status=1).output
    assert "Is a directory" in invoke(".", status=1).output
    (folder / "latin.x").write_bytes(b"/* caf\xe9 */ const A = 1; %\xff\n%caf\xe9\n")
    invoke("latin.x", status=1)
    (folder / "latin.x").write_bytes(b"/* caf\xe9 */ const A = 1;\n%caf\xe9\n")
    assert "# %café" in invoke("latin.x", "-o", "-").output
