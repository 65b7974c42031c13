"""``nfsrdma serve --config`` and ``--exports-file``: what they say, and what is wrong in them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from nfsrdma.cli import hosts
from nfsrdma.cli.config_exports import exports_of, limits_of
from nfsrdma.cli.config_file import ConfigError, Document, read_document, read_documents
from nfsrdma.cli.exports_file import read_exports
from nfsrdma.cli.serve import serve
from nfsrdma.cli.serve_config import keys_of
from nfsrdma.cli.serve_exports import ExportOptions, WantedExport, open_exports
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.vfs.export import Squash
from nfsrdma.xdr.rpc import AUTH_SYS


@pytest.fixture
def here(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    return tmp_path


def run(here: Path, text: str, *arguments: str, name: str = "server.toml") -> Result:
    path = here / name
    path.write_text(text.replace("HERE", str(here)))
    return CliRunner().invoke(serve, ["--config", str(path), *arguments])


# --- Where a value is ---

_TEXT = '''\
# a comment
listen = [
    "127.0.0.1",  # one
    "::1",
]

text = """
port = 1
"""
port = 2

[limits]
clients = 5

[[export]]
path = "/a"
[[export]]
# another
path = "/b"
sub.key = 3
'''


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("listen",), 2),
        (("text",), 7),
        (("port",), 10),
        (("limits",), 12),
        (("limits", "clients"), 13),
        (("export", 0), 15),
        (("export", 0, "path"), 16),
        (("export", 1), 17),
        (("export", 1, "path"), 19),
        (("export", 1, "sub", "key"), 20),
        (("export", 2), 1),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_value_has_a_line(keys: tuple[str | int, ...], line: int, end: str) -> None:
    text = _TEXT.replace("\n", end)
    document = Document("x.toml", text, tomllib.loads(text))
    assert document.line_of(*keys) == line


# --- Options ---

_VALUES = {
    "listen": '["127.0.0.1", "::1"]',
    "provider": '"shm"',
    "device": '"mlx5_0"',
    "pcap": '"/x.pcapng"',
    "allow": '["10.0.0.0/8", "localhost"]',
    "allow-users": '["root"]',
    "state-dir": '"/state"',
    "state": '"memory:"',
    "id-domain": '"example.org"',
    "minor-versions": "[1, 2]",
    "refer": '["x=files2:/x"]',
    "replica": '["x=files2:/x"]',
    "exports-file": '["/etc/exports"]',
    "metrics": '"127.0.0.1:9100"',
    "log-format": '"json"',
}


def test_each_option_has_a_key(here: Path) -> None:
    # Each is read, by its own type: whatever options come.
    for key, option in keys_of(serve).items():
        value = "true" if option.is_flag else _VALUES.get(key, "5")
        if value == "5" and option.type.name not in ("integer range", "float range"):
            value = '"x"'
        (here / "one.toml").write_text(f"{key} = {value}\n")
        context = click.Context(serve)
        callback = next(each for each in serve.params if each.name == "config").callback
        assert callback is not None
        callback(context, serve.params[0], (str(here / "one.toml"),))
        assert list(context.default_map or ()) == [option.name], key


def test_what_is_printed_says_the_same_again(here: Path) -> None:
    text = """
        listen = ["127.0.0.1", "127.0.0.2"]
        tcp = 2049
        minor-versions = [1, 2]
        allow-users = "any"
        refer = ["far=files2.example:/far"]
        [limits]
        memory = "512 MiB"
        unconfirmed = 7
        [[export]]
        path = "HERE/a"
        name = "/x/a"
        squash = "root"
        anonuid = 1000
        allow = ["10.0.0.0/8", "::/0"]
        allow-read-only = ["192.0.2.0/24"]
        replicas = ["files3.example:/a"]
        [[export]]
        path = "HERE/b"
        read-only = true
        security = ["sys"]
        fsid = 17
        [[export]]
        name = "scratch"
        memory = true
    """
    first = run(here, text, "--print-config", "--lease", "30")
    assert first.exit_code == 0, first.output
    said = tomllib.loads(first.output)
    assert said["lease"] == 30
    assert said["limits"]["memory"] == 512 << 20
    assert said["limits"]["unconfirmed"] == 7
    assert [each["name"] for each in said["export"]] == ["/x/a", "/b", "/scratch", "/far"]
    again = run(here, first.output, "--print-config")
    assert tomllib.loads(again.output) == said


def test_the_command_line_goes_before_the_file(here: Path) -> None:
    text = 'lease = 30\ntcp = 1\n[[export]]\npath = "HERE/a"'
    said = tomllib.loads(run(here, text, "--print-config", "--lease", "40").output)
    assert (said["lease"], said["tcp"]) == (40, 1)
    assert said["export"][0]["name"] == "/a", "one alone keeps its name when others come"


def test_who_locks_of_clients_are_kept_against(here: Path) -> None:
    text = '[[export]]\npath = "HERE/a"\n[[export]]\npath = "HERE/b"\nlocal-locks = LOCKS'
    for given, option, expected in (
        ("true", "--no-local-locks", [False, True]),
        ("false", "--local-locks", [True, False]),
    ):
        said = run(here, text.replace("LOCKS", given), "--print-config", option)
        assert said.exit_code == 0, said.output
        table = tomllib.loads(said.output)
        assert [each["local-locks"] for each in table["export"]] == expected
    word = run(here, "", "--print-config", f"{here}/a:no_local_locks")
    assert tomllib.loads(word.output)["export"][0]["local-locks"] is False


def test_later_files_win_and_exports_add_up(here: Path) -> None:
    extra = here / "server.toml.d"
    extra.mkdir()
    (extra / "20.toml").write_text(f'lease = 50\n[[export]]\npath = "{here}/b"')
    (extra / "10.toml").write_text("lease = 40\n[limits]\nclients = 9")
    (extra / ".30.toml").write_text("nonsense")
    (extra / "30.toml~").write_text("nonsense")
    result = run(here, '[[export]]\npath = "HERE/a"\n[limits]\ncopies = 3', "--print-config")
    said = tomllib.loads(result.output)
    assert said["lease"] == 50
    assert (said["limits"]["clients"], said["limits"]["copies"]) == (9, 3)
    assert [each["name"] for each in said["export"]] == ["/a", "/b"]
    assert [document.path for document in read_documents(str(extra))] == [
        str(extra / "10.toml"),
        str(extra / "20.toml"),
    ]


def test_a_good_file_is_called_good(here: Path) -> None:
    result = run(here, '[[export]]\npath = "HERE/a"', "--check-config")
    assert (result.exit_code, result.output) == (0, "would serve 1 export\n")


_EXPORT = '\n[[export]]\npath = "HERE/a"\n'


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("lease = \n", 1, "this is no TOML"),
        ("[[export]]\npath = 'x", 2, "this is no TOML"),
        ("lease = 5\nlaese = 6", 2, "did you mean lease?"),
        ("\nexports = 6", 2, "did you mean export?"),
        ("\nzzzzz = 6", 2, "known are"),
        ("lease = true", 1, "lease: is to be a number"),
        ("lease = 0", 1, "lease: 0.0 is not in the range 1<=x<=3600"),
        ('\n\nport = "20049"', 3, "port: is to be a number"),
        ("port = [1]", 1, "port: is to be one value"),
        ('provider = "sfot"', 1, "'soft', 'verbs', 'shm', 'none'"),
        ('read-only = "yes"', 1, "read-only: is to be true or false"),
        ("listen = [1.5]", 1, "listen: is to be a text in quotes"),
        ("listen = { a = 1 }", 1, "listen: is to be a text in quotes"),
        ('allow = ["*.example.org"]', 1, "a pattern"),
        ('allow = ["10.0.0.300"]', 1, "nor a name of a host"),
        ('minor-versions = "3"', 1, "a list of 0, 1 and 2"),
        ("[export]\npath = '/x'", 1, "write [[export]]"),
        ("export = [3]", 1, "export: is to be a table"),
        ("[[export]]\nname = 'x'", 1, "an export has one of"),
        ("[[export]]\nmemory = true", 1, "takes a name"),
        ("[[export]]\npath = 'srv'", 2, "export.path: 'srv' is to begin with a slash"),
        ("[[export]]\npath = '/srv'\nname = '/a/../b'", 3, "is no name for an export"),
        (_EXPORT + "squash = 'some'", 4, "'some' is none of remote-root, root, all, none"),
        (_EXPORT + "readonly = true", 4, "did you mean read-only?"),
        (_EXPORT + "read-only = 1", 4, "export.read-only: is to be true or false"),
        (_EXPORT + "fsid = 0", 4, "is to be a number from 1 to 4294967295"),
        (_EXPORT + "anonuid = true", 4, "is to be a number from 1 to"),
        (_EXPORT + "allow = ['@netgroup']", 4, "a pattern"),
        (_EXPORT + "allow = [3]", 4, "is to be a list of texts in quotes"),
        (_EXPORT + "security = ['krb5p']", 4, "this server has no Kerberos (krb5p)"),
        (_EXPORT + "security = []", 4, "is to name one of"),
        (_EXPORT + "replicas = ['x']", 4, "is no SERVER:/PATH"),
        (_EXPORT + _EXPORT, 5, "there is an export /a at"),
        ("[[export]]\npath = 'HERE/none'", 1, "No such file or directory"),
        ("[limits]\nmemroy = 5", 2, "did you mean memory?"),
        ("[limits]\nmemory = '5 MB'", 2, "is no size such as"),
        ("[limits]\nclients = 0", 2, "is to be a number from 1"),
        ("limits = 3", 1, "limits: is to be a table"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(here: Path, text: str, line: int, said: str) -> None:
    result = run(here, text, "--check-config")
    assert result.exit_code, result.output
    output = re.sub(r"\s+", " ", result.output)
    assert f"server.toml:{line}: " in output
    assert said in output


def test_exports_that_cannot_be_together(here: Path) -> None:
    nested = f'[[export]]\npath = "{here}/a"\nname = "x"\n[[export]]\npath = "{here}/b"\n'
    for name in ("x/y", ""):
        result = run(here, f'{nested}name = "{name}"', "--check-config")
        assert "is in another's way" in result.output
    same = nested.replace('name = "x"', "fsid = 3") + "fsid = 3"
    assert "the number (fsid) of /" in run(here, same, "--check-config").output


def test_files_that_are_none(here: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_document(str(here / "none.toml"))
    with pytest.raises(ConfigError, match="is no file"):
        read_document("/dev/null")
    (here / "binary").write_bytes(b"a = 1\nb = '\xff'")
    with pytest.raises(ConfigError, match=r"binary:2: is not UTF-8"):
        read_document(str(here / "binary"))
    (here / "open").write_text("a = 1")
    (here / "open").chmod(0o666)
    with pytest.raises(ConfigError, match="everybody may write"):
        read_document(str(here / "open"))
    (here / "long").write_text("#" * (1 << 20) + "\n")
    with pytest.raises(ConfigError, match="longer than"):
        read_document(str(here / "long"))
    (here / "deep").write_text("a = " + "[" * 100_000)
    with pytest.raises(ConfigError, match="nested"):
        read_document(str(here / "deep"))


def test_limits() -> None:
    usual = StateLimits.affordable(1000)
    text = '[limits]\nmemory = "1 GiB"\nstates-per-client = 5\nunconfirmed = 6'
    state, memory = limits_of([Document("x", text, tomllib.loads(text))], usual)
    assert memory == 1 << 30
    assert (state.states_per_client, state.clients.unconfirmed, state.states) == (5, 6, 1000)
    assert limits_of([], usual) == (usual, None)


# --- Names of hosts ---


def test_hosts_are_admitted_by_the_addresses_that_they_have(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def told(name: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if name != "build.example":
            raise OSError("Name or service not known")
        addresses = ["10.1.2.3", "fd00::3", "fe80::1%eth0", "10.1.2.3"]
        return [(0, 0, 0, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(hosts.socket, "getaddrinfo", told)
    networks = ("build.example", "gone.example", "192.0.2.0/24", "any")
    assert hosts.admitted(networks) == ("10.1.2.3", "fd00::3", "192.0.2.0/24", "any")
    assert "gone.example is nobody until" in caplog.text
    (export,) = open_exports([WantedExport("", None, ExportOptions(networks=["gone.example"]))])
    assert export.for_this_host, "who is unknown admits nobody from elsewhere"


# --- exports(5) ---


def exports(here: Path, text: str, insecure: bool = False) -> list[WantedExport]:
    path = here / "exports"
    path.write_text(text)
    return read_exports(str(path), ExportOptions(), insecure)


def test_an_exports_file(here: Path) -> None:
    text = """\
# a comment
/srv/data  10.0.0.0/8(rw,no_root_squash,sec=sys) 192.0.2.0/255.255.255.0(rw,no_root_squash,sec=sys)
"/srv/with space" -ro,async *(fsid=7) # behind it
/srv/oct\\040\\303\\244l \\
    fd00::/8(all_squash,anonuid=1000,anongid=1001) \\
    build.example(all_squash,anonuid=1000,anongid=1001)
/srv/far *(refer=/export/far@files2.example+files3.example)
/srv/copy *(rw,secure,no_subtree_check,replicas=/copy@files2.example)
"""
    data, space, octal, far, copy = exports(here, text)
    assert (data.name, data.place) == ("srv/data", "/srv/data")
    assert data.options.networks == ("10.0.0.0/8", "192.0.2.0/24")
    assert (data.options.read_only, data.options.squash) == (False, Squash.NONE)
    assert data.options.flavors == {AUTH_SYS}
    assert space.place == "/srv/with space"
    assert (space.options.networks, space.options.number, space.options.sync) == (
        ("any",),
        7,
        False,
    )
    assert octal.place == "/srv/oct \N{LATIN SMALL LETTER A WITH DIAERESIS}l"
    assert octal.options.networks == ("fd00::/8", "build.example")
    assert octal.options.anonymous == (1000, 1001)
    assert octal.options.read_only, "what is not said to be writable is not"
    assert far.absent
    assert [str(each) for each in far.locations] == [
        "files2.example:/export/far",
        "files3.example:/export/far",
    ]
    assert [str(each) for each in copy.locations] == ["files2.example:/copy"]
    (mixed,) = exports(here, "/srv 10.0.0.1(rw) build.example(rw) *(ro)")
    assert mixed.options.networks == ("10.0.0.1", "build.example")
    assert mixed.options.readers == ("any",)
    assert not mixed.options.read_only
    (root,) = exports(here, "/srv *(fsid=0)")
    assert (root.name, root.place) == ("", "/srv")
    assert root.options.squash_local_root, "root_squash is of all hosts there"


def test_files_beside_an_exports_file(here: Path) -> None:
    (here / "exports.d").mkdir()
    (here / "exports.d" / "b.exports").write_text("/b *(ro)")
    (here / "exports.d" / "c.other").write_text("nonsense")
    assert [each.name for each in exports(here, "/a *(ro)")] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/a", "no host is named"),
        ("/a host (rw)", "would be for every host"),
        ("a *(ro)", "no path from the root"),
        ("/a *(ro", "a parenthesis is missing"),
        ('"/a *(ro)', "a quotation mark is missing"),
        ("/a *(ro) \\", "ends behind a backslash"),
        ("/a *(roo)", "roo is no option"),
        ("/a *(fsid=2f1a)", "a number of 32 bits"),
        ("/a *(anonuid=0)", "a number from 1"),
        ("/a *(sec=krb5)", "no Kerberos"),
        ("/a gss/krb5(ro)", "no Kerberos"),
        ("/a *.example.org(ro)", "a pattern"),
        ("/a @group(ro)", "a pattern"),
        ("/a 10.0.0.0/99(ro)", "does not appear to be"),
        ("/a *(nohide)", "write crossmnt"),
        ("/a *(insecure)", "--insecure"),
        ("/a *(xprtsec=tls)", "no TLS"),
        ("/a *(refer=x)", "/PATH@HOST"),
        ("/a 10.0.0.1(rw) *(ro,all_squash)", "ro and rw alone may differ"),
        ("/b *(ro)\n/a *(fsid=0)", "leaves no place for others"),
        ("\n/a *(ro)\n/a *(rw)", "is exported at"),
    ],
)
def test_what_an_exports_file_cannot_say(here: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        exports(here, text)
    assert said in caught.value.message
    assert re.search(r"exports:\d+: ", caught.value.message)


def test_what_the_whole_server_says_may_be_said_again(here: Path) -> None:
    assert exports(here, "/a *(insecure)", insecure=True)


def test_both_kinds_of_files(here: Path) -> None:
    (here / "exports").write_text(f"{here}/a 127.0.0.1(rw)")
    text = 'exports-file = ["HERE/exports"]\n[[export]]\npath = "HERE/b"\nname = "b"'
    said = tomllib.loads(run(here, text, "--print-config").output)
    assert [each["name"] for each in said["export"]] == ["/b", f"/{str(here).strip('/')}/a"]
    assert run(here, text, "--check-config").exit_code == 0


def test_exports_have_what_is_usual_by_default() -> None:
    usual = ExportOptions(read_only=True, networks=("192.0.2.0/24",))
    text = '[[export]]\npath = "/a"'
    (export,) = exports_of([Document("x", text, tomllib.loads(text))], usual)
    assert export.options == usual


# --- The unit ---


def test_the_unit_uses_options_that_there_are() -> None:
    unit = Path(__file__).parents[2] / "packaging" / "nfsrdma-server.service"
    commands = re.findall(r"^ExecStart(?:Pre)?=\S+ serve (.*)$", unit.read_text(), re.MULTILINE)
    assert len(commands) == 2
    known = {name for option in serve.params for name in option.opts}
    for command in commands:
        assert {word for word in command.split() if word.startswith("--")} <= known
    # systemd 257 takes CAP_SETUID from a root that is named, and every caller was refused.
    assert not re.search(r"^User=", unit.read_text(), re.MULTILINE)


def test_a_root_that_cannot_act_as_others_says_so() -> None:
    if os.geteuid() or not shutil.which("setpriv"):
        pytest.skip("for root, with setpriv(1)")
    program = "from nfsrdma.cli.serve_run import warn_of_missing_rights as w; w()"
    for without, said in (("", ""), ("-setuid", "root without CAP_SETUID cannot act as other")):
        dropped = ["setpriv", "--bounding-set", without] if without else []
        ran = subprocess.run(
            [*dropped, sys.executable, "-c", program], capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stderr.startswith(said)
        assert bool(ran.stderr) == bool(said)
