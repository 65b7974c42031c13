"""Stores and back ends of other packages, and the options that choose them."""

from __future__ import annotations

import time
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import click
import pytest

from nfsrdma.cli import serve_state
from nfsrdma.cli.serve_backends import open_place
from nfsrdma.cli.serve_options import Kept
from nfsrdma.server.edge import plugins
from nfsrdma.server.edge.plugins import NoPlugin, has_backend, open_backend, open_store
from nfsrdma.server.state.recovery import MemoryRecoveryStore
from nfsrdma.server.vfs.memory import MemoryFileSystem


def make_store(url: str) -> MemoryRecoveryStore:
    if "bad" in url:
        raise ConnectionError("no cluster answers")
    return MemoryRecoveryStore(len(url))


def make_backend(url: str) -> MemoryFileSystem:
    return MemoryFileSystem(time.time_ns, instance=len(url))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    made = EntryPoints(
        (
            EntryPoint("rados", f"{__name__}:make_store", plugins.STORES),
            EntryPoint("cephfs", f"{__name__}:make_backend", plugins.BACKENDS),
        )
    )
    monkeypatch.setattr(plugins, "entry_points", lambda **how: made.select(**how))
    makers: dict[str, Any] = {"make_store": make_store, "make_backend": make_backend}
    monkeypatch.setattr(EntryPoint, "load", lambda point: makers[point.attr])


def test_a_store_of_another_package() -> None:
    assert open_store("rados://pool/x").start()[0] == len("rados://pool/x")
    store, said = serve_state.keep_elsewhere("rados://user:secret@pool/x")
    assert isinstance(store, MemoryRecoveryStore)
    assert said == "state is kept in rados://pool/x"


def test_a_store_that_is_not_there_is_told() -> None:
    with pytest.raises(NoPlugin, match=r"knows etcd: \(known are: rados\)"):
        open_store("etcd://host")
    for url, said in (("etcd://host", "known are: rados"), ("rados://bad", "no cluster answers")):
        with pytest.raises(click.ClickException, match=said):
            serve_state.keep_elsewhere(url)


def test_a_back_end_of_another_package() -> None:
    assert has_backend("cephfs://fs/")
    assert not has_backend("s3://bucket")
    assert isinstance(open_backend("cephfs://fs/"), MemoryFileSystem)
    assert isinstance(open_place("cephfs://fs/"), MemoryFileSystem)


def test_the_older_options_by_a_url() -> None:
    def kept(**how: Any) -> Kept:
        return Kept(90.0, None, **{"state_dir": None, "ephemeral": False, **how})

    assert kept(state="memory:").resolved.ephemeral
    assert kept(state="file:/var/x").resolved.state_dir == "/var/x"
    assert kept(state="file:///var/x").resolved.state_dir == "/var/x"
    assert kept(state="rados://pool").resolved.state == "rados://pool"
    assert kept(state_dir="/x").resolved == kept(state_dir="/x")
    for other in ({"state_dir": "/x"}, {"ephemeral": True}):
        with pytest.raises(click.UsageError):
            kept(state="memory:", **other).check()
