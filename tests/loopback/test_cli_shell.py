"""``nfsrdma shell``: the file commands on one mount, from scripts and at a terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import select
import signal
import stat
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.nfs_live import LiveServer

import nfsrdma.client as nfs
from nfsrdma.cli import COMMANDS, main
from nfsrdma.cli.shell_line import Completer
from nfsrdma.cli.shell_session import BUILT_IN, REMOTE, Session
from nfsrdma.cli.shell_words import is_wild, literal, pattern, quoted, split_words

NO_UTF8 = "caf\udce9"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    server = LiveServer(path=str(tmp_path_factory.mktemp("export")))
    yield server
    server.stop()


@pytest.fixture
def top(server: LiveServer) -> Path:
    """The exported directory, empty."""
    assert server.path is not None
    top = Path(server.path)
    for path in sorted(top.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    return top


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of this machine that the tests are in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


Shell = Callable[..., tuple[str, str]]


@pytest.fixture
def shell(
    server: LiveServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> Shell:
    """Run lines in this process; return standard output and standard error."""

    def shell(*lines: str, status: int = 0, below: str = "", options: str = "") -> tuple[str, str]:
        text = "\n".join(lines).encode("utf-8", "surrogateescape")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
        monkeypatch.setattr(
            sys, "argv", ["nfsrdma", "shell", *options.split(), f"{server.url}{below}"]
        )
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capfd.readouterr()
        assert (caught.value.code, "Traceback" in err) == (status, False), err
        return out, err

    return shell


# --- Words ---


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ls -l  a", ["ls", "-l", "a"]),
        ("'a b' c\\ d \"e'f\\\" g\"", ["a b", "c d", "e'f\" g"]),
        ("a#b # the rest", ["a#b"]),
        ("''", [""]),
        ("  # nothing", []),
        ('"a\\b"', ["a\\b"]),
    ],
)
def test_lines_are_split_as_a_shell_does(line: str, words: list[str]) -> None:
    assert [word.text for word in split_words(line)] == words


def test_only_what_is_not_quoted_is_a_pattern() -> None:
    wild, plain, mixed = (word.text for word in split_words("a*[b]? 'a*?[' '*'*"))
    assert (is_wild(wild), is_wild(plain), is_wild(mixed)) == (True, False, True)
    assert (pattern(wild), literal(plain), pattern(mixed)) == ("a*[b]?", "a*?[", "[*]*")


@pytest.mark.parametrize("line", ["'a", '"a', "a\\", "a\0", "a\ufdd0"])
def test_lines_that_do_not_end_are_errors(line: str) -> None:
    with pytest.raises(ValueError):
        split_words(line)


@pytest.mark.parametrize(
    "name", ["a b", "it's", 'a"b', "a\\b", "*?[x]", "#a", "~", "!a", "ö", "a;b", "<&|>"]
)
def test_a_quoted_name_is_one_word_that_means_it(name: str) -> None:
    (word,) = split_words(quoted(name))
    assert (word.text, is_wild(word.text)) == (name, False)


@pytest.mark.parametrize(
    "line", ["rm a > b", "rm a>b", "ls; rm b", "ls && rm b", "ls | rm b", "rm <b"]
)
def test_what_shells_do_is_not_taken_for_names(shell: Shell, top: Path, line: str) -> None:
    for name in "ab":
        (top / name).write_text(name)
    out, err = shell(line, status=2)
    assert (out, len(err.splitlines())) == ("", 1)
    assert "one command a line" in err
    assert sorted(each.name for each in top.iterdir()) == ["a", "b"]


def test_where_one_is_and_what_is_above_is_not_removed(shell: Shell, top: Path) -> None:
    (top / "d/e").mkdir(parents=True)
    for word in (".", "..", "./", "e/..", "e/../.", "../.."):
        _, err = shell("cd d", f"rm -rf {word}", status=2)
        assert "neither . nor .. is removed" in err
    assert (top / "d/e").is_dir()
    shell("cd d", "rm -r ../d/e")
    assert list((top / "d").iterdir()) == []


# --- From a script ---


def test_every_command_of_files_is_there() -> None:
    modules = {"files", "copy", "sync", "acl", "trees", "changes", "ping"}
    assert set(REMOTE) == {name for name, (module, _, _) in COMMANDS.items() if module in modules}


def test_a_script_of_everything(shell: Shell, top: Path, here: Path) -> None:
    (here / "a.txt").write_text("one")
    (here / "b b.txt").write_text("two")
    out, err = shell(
        "# a comment",
        "",
        "mkdir -p d/e",
        "put *.txt d",
        "cd d",
        "pwd",
        "ls",
        "cat 'b b.txt' a.txt",
        "cp a.txt e/c.txt",
        "mv a.txt ..",
        "ln b\\ b.txt hard",
        "ln -s b\\ b.txt soft",
        "touch new",
        "chmod 600 new",
        f"chown {os.getuid()} new",
        "stat new",
        "find . -name *.txt",
        "cd ..",
        "get d/e/c.txt",
        "get d/hard got",
        "rm d/new",
        "ls -R",
        "tree d",
        "du -s d",
        "df",
        "ping -c 1",
        "exit",
        "mkdir never",
    )
    assert err == ""
    assert out.startswith("/d\na.txt\nb b.txt\ne\ntwoone")
    assert "mode:     -rw-------" in out
    assert (here / "c.txt").read_text() == "one"
    assert (here / "got").read_text() == "two"
    assert (top / "a.txt").read_text() == "one"
    assert os.readlink(top / "d/soft") == "b b.txt"
    assert (top / "d/hard").stat().st_nlink == 2
    assert not (top / "d/new").exists()
    assert not (top / "never").exists()
    assert "/d/e/c.txt" in out
    assert "NULL calls" in out


def test_patterns_are_of_the_server_unless_quoted(shell: Shell, top: Path) -> None:
    for name in ("a1", "a2", "b1", "a*", "a?b", ".a"):
        (top / name).write_text(f"<{name}>")
    assert shell("cat a?")[0] == "<a*><a1><a2>"
    assert shell("cat 'a*' a\\?b")[0] == "<a*><a?b>"
    assert shell("rm a[12] b*")[0] == ""
    assert sorted(each.name for each in top.iterdir()) == [".a", "a*", "a?b"]
    _, err = shell("cat n*", status=1)
    assert "/n*: no such file" in err


def test_names_of_any_octets(shell: Shell, top: Path, here: Path) -> None:
    for name in (NO_UTF8, "a%41", "q?x=1", "h#1", "-dash"):
        (here / name).write_text(name[:1])
        out, err = shell(f"put -- {quoted(name)}", f"cat -- {quoted(name)}")
        assert (out, err) == (name[:1], "")
        assert (top / name).read_text() == name[:1]


def test_errors_are_one_line_each_and_keep_nothing(shell: Shell, top: Path) -> None:
    out, err = shell(
        "ls none",
        "nonsense",
        "ls --nonsense",
        "cat",
        "cd none",
        "cat 'open",
        "mv a",
        "ls --timeout 3",
        "pwd more",
        "cd a b",
        "mkdir made",
        "ls",
        status=2,
    )
    assert out == "made\n"
    lines = err.splitlines()
    assert len(lines) == 10
    assert all(line.startswith("nfsrdma: ") for line in lines)
    assert "--timeout is an option of the shell itself" in lines[7]
    out, err = shell("cat none", "ls", status=1, options="-e")
    assert (out, len(err.splitlines())) == ("", 1)


def test_the_first_directory_is_that_of_the_url(shell: Shell, top: Path) -> None:
    (top / "d/e").mkdir(parents=True)
    (top / "file").touch()
    assert shell("pwd", "cd e", "pwd", "cd", "pwd", "cd /", "cd -", below="d")[0] == (
        "/d\n/d/e\n/d\n/d\n"
    )
    assert "not a directory" in shell("pwd", status=1, below="file")[1]
    assert "no such file" in shell("pwd", status=1, below="none")[1]


def test_lines_may_be_arguments(server: LiveServer, top: Path) -> None:
    command = [sys.executable, "-m", "nfsrdma", "shell", server.url]
    ran = subprocess.run(
        [*command, "-c", "mkdir x", "-c", "ls"], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "x\n", "")


def test_only_one_mount_is_made(server: LiveServer, shell: Shell, top: Path) -> None:
    before = len(server.channels)
    shell("ls", "mkdir a", "ls", "rm -r a", "cp x y", status=1)
    assert len(server.channels) == before + 1


def test_sync_names_the_server_by_a_colon(shell: Shell, top: Path, here: Path) -> None:
    (here / "tree").mkdir()
    (here / "tree/f").write_text("f")
    shell("mkdir t", "sync -q tree :t", "sync -q :t back")
    assert (top / "t/f").read_text() == (here / "back/f").read_text() == "f"


def test_commands_of_this_machine(
    shell: Shell, top: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "sub").mkdir()
    monkeypatch.setenv("SHELL", "/bin/sh")
    out, _ = shell("lcd sub", "lpwd", "!echo $((6 * 7))", "!exit 3", "help", "help ls", status=3)
    assert out.startswith(f"{here}/sub\n42\n")
    for name in (*REMOTE, *BUILT_IN):
        assert f"\n{name} " in out
    assert "Usage: ls" in out
    assert "local disk: none: No such file" in shell("lcd none", status=1)[1]


# --- At a terminal ---


class Terminal:
    """The shell at a terminal of its own."""

    def __init__(self, server: LiveServer, state: Path) -> None:
        environment = {**os.environ, "XDG_STATE_HOME": str(state), "TERM": "dumb", "INPUTRC": "/"}
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 200, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nfsrdma", "shell", server.url],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self._ours = ours
        self._seen = ""

    def expect(self, text: str) -> str:
        """Wait for a text, and return what came before it."""
        end = time.monotonic() + 30
        while text not in self._seen:
            ready, _, _ = select.select([self._ours], [], [], max(0, end - time.monotonic()))
            assert ready, f"{text!r} did not come after {self._seen!r}"
            try:
                self._seen += os.read(self._ours, 4096).decode()
            except OSError:
                raise AssertionError(f"ended without {text!r}: {self._seen!r}") from None
        before, _, self._seen = self._seen.partition(text)
        return before

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def interrupt(self) -> None:
        """Type Ctrl-C once it waits for keys: readline forgets one between prompt and wait."""
        state = Path(f"/proc/{self.process.pid}/stat")
        for _ in range(300):
            if state.read_text().rpartition(")")[2].split()[0] == "S":
                break
            time.sleep(0.01)
        self.type("\x03")

    def end(self) -> int:
        status = self.process.wait(30)
        os.close(self._ours)
        return status


@pytest.fixture
def terminal(server: LiveServer, top: Path, tmp_path: Path) -> Iterator[Callable[[], Terminal]]:
    made: list[Terminal] = []

    def begin() -> Terminal:
        made.append(Terminal(server, tmp_path / "state"))
        return made[-1]

    yield begin
    for each in made:
        if each.process.poll() is None:
            each.process.kill()
            each.process.wait()


def test_names_and_commands_are_completed(terminal: Callable[[], Terminal], top: Path) -> None:
    (top / "directory").mkdir()
    (top / "directory/some file").write_text("its contents")
    (top / "directory/\x1b[2Jevil").touch()
    shell = terminal()
    shell.expect("/> ")
    shell.type("ca\tdir\tsome\t\n")
    shell.expect("its contents")
    shell.expect("/> ")
    shell.type("cat directory/\t\n")  # a name that the terminal would obey is not offered
    assert "some\\ file" in shell.expect("its contents")
    shell.type("cd d\t\n")
    shell.expect("/directory> ")
    shell.type("exit\n")
    assert shell.end() == 0


def test_lines_are_remembered(terminal: Callable[[], Terminal], top: Path, tmp_path: Path) -> None:
    shell = terminal()
    shell.expect("/> ")
    shell.type("mkdir once\n")
    shell.expect("/> ")
    shell.type("\x04")  # Ctrl-D
    assert shell.end() == 0
    history = tmp_path / "state/nfsrdma/shell_history"
    assert "mkdir once" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    shell = terminal()
    shell.expect("/> ")
    shell.type("\x10\n")  # Ctrl-P: the line before
    assert "once: it exists already" in shell.expect("already") + "already"
    shell.expect("/> ")
    shell.type("quit\n")
    assert shell.end() == 0
    assert history.read_text() == "mkdir once\nquit\n"  # what is done again at once counts once


def test_an_interrupt_ends_the_command_and_not_the_shell(
    terminal: Callable[[], Terminal], top: Path
) -> None:
    shell = terminal()
    shell.expect("/> ")
    shell.type("half a li")
    shell.expect("half a li")
    shell.interrupt()
    shell.expect("/> ")
    shell.type("ping -c 1000000 -i 0.01\n")
    shell.expect("0.01\r\n")
    time.sleep(0.5)
    shell.process.send_signal(signal.SIGINT)
    shell.expect("NULL calls")
    shell.expect("/> ")
    shell.type("mkdir after\n")
    shell.expect("/> ")
    assert (top / "after").is_dir()
    shell.type("\x04")
    assert shell.end() == 0


def test_what_completes_a_line(server: LiveServer, top: Path, here: Path) -> None:
    (top / "d").mkdir()
    for name in ("aa", "a b", ".hidden", "a\nb"):
        (top / name).touch()
    (here / "local").touch()
    with nfs.mount(server.url) as fs:
        completer = Completer(Session(server.url, fs, ""))

        def after(line: str, begin: int | None = None) -> list[str]:
            return completer.candidates(line, line.rfind(" ") + 1 if begin is None else begin)

        assert after("l") == ["lcd ", "ln ", "lpwd ", "ls "]
        assert after("cat ") == ["a\\ b ", "aa ", "d/"]
        assert after("cat .") == [".hidden "]
        assert after("cat a\\ ", 6) == ["\\ b "] or after("cat a\\ ", 7) == ["b "]
        assert after("cd ") == ["d/"]
        assert after("put l") == ["local "]
        assert after("put local ") == ["local ", "a\\ b ", "aa ", "d/"]
        assert after("get a") == ["a\\ b ", "aa "]
        assert after("sync :d") == [":d/"]
        assert "--timeout " in after("ls --t")
        assert after("help l") == ["lcd ", "ln ", "lpwd ", "ls "]
        assert after("cat none/") == []
        assert after("nonsense ") == []
