"""The options of a mount: what they mean, and what is said about wrong ones."""

from __future__ import annotations

import pytest

from nfsrdma.client.fuse.options import FuseOptions, parse_options
from nfsrdma.client.nodes import UNCACHED, Lifetimes


def test_the_defaults_are_those_of_mount_nfs() -> None:
    options = parse_options(())
    assert options.hard
    assert options.lifetimes == Lifetimes(3, 60, 30, 60)
    assert not options.direct
    assert set(options.flags) == {"nosuid", "nodev"}
    assert options == parse_options(("rw,defaults,_netdev,nofail,x-systemd.automount,comment=a",))


def test_each_option_says_what_it_does() -> None:
    options = parse_options(("soft,timeo=25,rsize=4096,wsize=8192", "vers=4.1,provider=soft"))
    assert not options.hard
    mount = options.mount
    assert (mount.timeout, mount.rsize, mount.wsize) == (2.5, 4096, 8192)
    assert (mount.minor_version, mount.provider) == (1, "soft")
    assert parse_options(("timeout=2",)).mount.timeout == 2
    assert parse_options(("acregmin=90,acdirmax=5",)).lifetimes == Lifetimes(90, 90, 30, 30)
    assert parse_options(("actimeo=7",)).lifetimes == Lifetimes(7, 7, 7, 7)
    options = parse_options(("noac,nocto,fsname=x",))
    assert options.lifetimes == UNCACHED
    assert (options.direct, options.close_to_open, options.fsname) == (True, False, "x")


def test_the_last_of_two_that_contradict_each_other_counts() -> None:
    assert set(parse_options(("ro,rw,suid,dev,noexec",)).flags) == {"noexec"}
    assert set(parse_options(("rw,ro",)).flags) == {"nosuid", "nodev", "ro"}
    assert parse_options(("soft,hard",)).hard


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wsiz=1", "is wsize meant"),
        ("zzz", "there are .*acdirmax"),
        ("rsize=12", "rsize=12: a number from 1024"),
        ("timeout=0", "timeout=0: a time above 0"),
        ("timeout=x", "could not convert"),
        ("actimeo=-1", "a number of seconds"),
        ("vers=3", "vers=3: 4.1 or 4.2"),
        ("proto=udp", "rdma or tcp"),
        ("port=0", "a number from 1 to 65535"),
        ("timeo", "needs a value"),
        ("ro=1", "takes no value"),
        ("allow_other", "the credentials of the user who has mounted"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_options((text,))


def test_sources() -> None:
    assert FuseOptions().url("nfs://host/a") == "nfs://host/a"
    assert FuseOptions().url("host:/a/b") == "nfs+rdma://host/a/b"
    assert FuseOptions().url("[::1]:/") == "nfs+rdma://[::1]/"
    assert parse_options(("proto=tcp,port=99",)).url("host:/") == "nfs+tcp://host:99/"
    assert parse_options(("port=99",)).url("nfs+tcp://h/a?uid=5") == "nfs+tcp://h:99/a?uid=5"
    with pytest.raises(ValueError, match="proto=rdma contradicts"):
        parse_options(("proto=rdma",)).url("nfs+tcp://host/")
    with pytest.raises(ValueError, match="neither a URL nor host:/path"):
        FuseOptions().url("/dev/sda")
