"""What is written down of operations: failures in the log, changes in the audit and its file."""

from __future__ import annotations

import json
import logging
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import click
import pytest
from tests.support.nfs import (
    GETFH,
    PUTROOTFH,
    SAVEFH,
    Peer,
    Session,
    close,
    link,
    lookup,
    make_server,
    open_,
    putfh,
    remove,
    rename,
    setattr_,
    symlink,
)

from nfsrdma.cli import serve_log
from nfsrdma.cli.serve_options import Seen
from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.server.edge.audit import AuditFile
from nfsrdma.server.records import Records
from nfsrdma.server.vfs.local import LocalFileSystem
from nfsrdma.xdr.nfs4 import types as t

Entries = list[dict[str, Any]]


def watched(fs: Any = None, **who: Any) -> tuple[Session, Entries]:
    server = make_server(fs=fs)
    noted: Entries = []
    session = Peer(server, **who).session()
    server.be_watched(Records(time.monotonic, noted.append))
    return session, noted


@pytest.mark.parametrize("local", [True, False], ids=["local", "memory"])
def test_changes_are_noted(tmp_path: Path, local: bool) -> None:
    session, noted = watched(LocalFileSystem(str(tmp_path)) if local else None)
    directory = session.mkdir(b"d")
    stateid, handle = session.create(b"f")
    session.ok(putfh(handle), setattr_({t.FATTR4_MODE: 0o600, t.FATTR4_SIZE: 5}, stateid))
    session.ok(putfh(handle), SAVEFH, putfh(directory), link(b"hard"))
    session.ok(putfh(handle), close(stateid))
    session.ok(PUTROOTFH, SAVEFH, putfh(directory), rename(b"f", b"g\xff"))
    session.ok(PUTROOTFH, symlink(b"s", b"/etc/passwd"))
    session.fails(t.NFS4ERR_NOTEMPTY, PUTROOTFH, remove(b"d"))
    session.ok(putfh(directory), remove(b"g\xff"))
    session.ok(PUTROOTFH, lookup(b"d"))  # no change
    did = [(each["operation"], each["status"]) for each in noted]
    assert did == [
        ("CREATE", "NFS4_OK"),
        ("OPEN", "NFS4_OK"),
        ("SETATTR", "NFS4_OK"),
        ("LINK", "NFS4_OK"),
        ("RENAME", "NFS4_OK"),
        ("CREATE", "NFS4_OK"),
        ("REMOVE", "NFS4ERR_NOTEMPTY"),
        ("REMOVE", "NFS4_OK"),
    ]
    assert {(each["peer"], each["uid"], each["gid"]) for each in noted} == {("127.0.0.1", 0, 0)}
    assert noted[1]["create"] is True
    assert sorted(noted[2]["set"]) == ["mode", "size"]
    if local:
        paths = [(each["path"], each.get("to")) for each in noted]
        assert paths[:2] == [("/d", None), ("/f", None)]
        assert paths[3:5] == [("/f", "/d/hard"), ("/f", "/d/g\\xff")]
        assert paths[6:] == [("/d", None), ("/d/g\\xff", None)]
    else:
        assert all(each["path"].startswith("/#") for each in noted)
    json.dumps(noted)


def test_what_failed_is_logged_by_whose_fault_it_is(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nfsrdma.server.operations")
    session, noted = watched(credentials=Credentials.sys(1000, 1000))
    session.fails(t.NFS4ERR_NOENT, PUTROOTFH, lookup(b"nothing"))
    session.fails(t.NFS4ERR_SYMLINK, PUTROOTFH, symlink(b"l", b"x"), open_(b"l"))
    for _ in range(100):
        session.fails(t.NFS4ERR_INVAL, PUTROOTFH, lookup(b""))
    logged = [record for record in caplog.records if "operations" in record.name]
    assert [record.levelname for record in logged] == ["INFO"] * len(logged)
    texts = [record.getMessage() for record in logged]
    assert sum("LOOKUP failed with NFS4ERR_INVAL" in text for text in texts) == 1, "not a hundred"
    assert not any("NOENT" in text for text in texts)
    assert "uid 1000" in texts[-1]
    assert serve_log.fields_of(logged[-1])["peer"] == "127.0.0.1"
    assert [each["operation"] for each in noted] == ["CREATE", "OPEN"]


class Full(LocalFileSystem):
    """A disk that is full."""

    def create(self, *arguments: Any, **options: Any) -> Any:
        raise OSError(28, "No space left on device")


def test_trouble_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    session, _ = watched(Full(str(tmp_path)))
    session.fails(t.NFS4ERR_NOSPC, PUTROOTFH, open_(b"f", create=t.UNCHECKED4), GETFH)
    (record,) = (each for each in caplog.records if "operations" in each.name)
    assert record.levelno == logging.WARNING
    assert record.getMessage().endswith("OPEN failed with NFS4ERR_NOSPC: uid 0, /f")


# --- The file ---


def lines_of(path: Path) -> Entries:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_file_is_its_owners_and_is_rotated(tmp_path: Path) -> None:
    path = tmp_path / "audit"
    for life in range(2):
        audit = AuditFile(path, size=1000, kept=2, now=lambda: "then")
        for number in range(20):
            audit.note({"life": life, "number": number, "path": "x" * 60})
            while audit._waiting:  # so that they are not written as one
                time.sleep(0.001)
        audit.close()
        audit.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["audit", "audit.1", "audit.2"]
    assert {each.stat().st_mode & 0o777 for each in tmp_path.iterdir()} == {0o600}
    assert all(each.stat().st_size <= 1000 for each in tmp_path.iterdir())
    found = [line for name in ("audit.2", "audit.1", "audit") for line in lines_of(tmp_path / name)]
    order = [(each["life"], each["number"]) for each in found]
    assert order == sorted(order)
    assert found[-1] == {"time": "then", "life": 1, "number": 19, "path": "x" * 60}


def test_a_full_disk_is_said_once_and_what_is_missing_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "audit"
    audit = AuditFile(path)
    full = threading.Event()
    full.set()
    write = AuditFile._write

    def maybe(self: AuditFile, octets: bytes) -> None:
        if full.is_set():
            raise OSError(28, "No space left on device")
        write(self, octets)

    monkeypatch.setattr(AuditFile, "_write", maybe)
    for number in range(5):
        audit.note({"number": number})
        while audit._waiting or (audit._missing <= number and number < 5):
            time.sleep(0.001)
    full.clear()
    audit.note({"number": 5})
    audit.close()
    missing, last = lines_of(path)
    assert (missing["missing"], last["number"]) == (5, 5)
    assert sum("the audit cannot be written" in each.message for each in caplog.records) == 1


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("elsewhere")
    for path in (tmp_path / "link", tmp_path / "nowhere" / "audit", tmp_path):
        with pytest.raises(OSError):
            AuditFile(path)
    assert not (tmp_path / "elsewhere").exists()


def test_the_audit_is_not_for_clients(tmp_path: Path) -> None:
    seen = Seen(audit=str(tmp_path / "export" / ".." / "export" / "audit"))
    with pytest.raises(click.UsageError, match="is exported"):
        seen.check([None, str(tmp_path / "export")])
    seen.check([str(tmp_path / "exp"), str(tmp_path / "export" / "audit" / "other")])


# --- The log ---


def record(text: str = "a peer left", **fields: Any) -> logging.LogRecord:
    made = logging.LogRecord("nfsrdma.x", logging.WARNING, "", 1, text, (), None)
    made.created = 1.5
    made.fields = fields
    return made


def test_a_line_of_json() -> None:
    assert json.loads(serve_log.JsonFormatter().format(record(peer="10.0.0.1"))) == {
        "time": "1970-01-01T00:00:01.500+00:00",
        "level": "warning",
        "message": "a peer left",
        "logger": "nfsrdma.x",
        "peer": "10.0.0.1",
    }
    try:
        raise ValueError("fault")
    except ValueError:
        failed = record()
        failed.exc_info = sys.exc_info()
    line = serve_log.JsonFormatter().format(failed)
    assert "\n" not in line
    assert "ValueError: fault" in json.loads(line)["exception"]


def test_fields_for_the_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(tmp_path / "journal")
    handler = serve_log.JournalHandler(place)
    handler.emit(record("it goes elsewhere"))
    assert capsys.readouterr().err == "<4>it goes elsewhere\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(place)
        journal.settimeout(10)
        handler.emit(record("two\nlines", peer="10.0.0.1", user=7))
        sent = journal.recv(1 << 16)
    handler.close()
    assert sent == (
        b"MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY=4\nSYSLOG_IDENTIFIER=nfsrdma\n"
        b"LOGGER=nfsrdma.x\nNFSRDMA_PEER=10.0.0.1\nNFSRDMA_USER=7\n"
    )


def test_which_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    assert serve_log.chosen_format(None) == "text"
    assert serve_log.chosen_format("json") == "json"
    with (tmp_path / "stream").open("w") as stream:
        status = (tmp_path / "stream").stat()
        monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
        assert serve_log.chosen_format(None) == "text"
        monkeypatch.setattr(sys, "stderr", stream)
        assert serve_log.chosen_format(None) == "journal"
    monkeypatch.setenv("JOURNAL_STREAM", "nonsense")
    assert serve_log.chosen_format(None) == "text"
