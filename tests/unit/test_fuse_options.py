"""The options of a mount: what they mean, and what is said about wrong ones."""

from __future__ import annotations

import errno

import pytest

from nfsrdma.client.fuse.choices import Choices
from nfsrdma.client.fuse.options import FuseOptions, parse_options
from nfsrdma.client.nodes import UNCACHED, Lifetimes
from nfsrdma.client.url import parse_url


def test_the_defaults_are_those_of_mount_nfs() -> None:
    options = parse_options(())
    assert options.hard
    assert options.lifetimes == Lifetimes(3, 60, 30, 60)
    assert options.choices == Choices()
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
    assert parse_options(("delegations",)).mount.delegations
    options = parse_options(("noac,nocto,fsname=x",))
    assert options.lifetimes == UNCACHED
    assert options.choices == Choices(direct=True, close_to_open=False)
    assert options.fsname == "x"
    assert parse_options(("noac,ac",)).lifetimes == Lifetimes()


def test_what_happens_when_the_server_is_away() -> None:
    def of(text: str) -> tuple[bool, int | None, float | None]:
        options = parse_options((text,))
        return options.hard, options.choices.unreachable, options.mount.timeout

    assert of("hard,timeo=20,retrans=3") == (True, None, 2)
    assert of("soft,timeo=20,retrans=3") == (False, errno.EIO, 8)
    assert of("softerr,retrans=1") == (False, errno.ETIMEDOUT, 10)
    assert of("soft,hard") == (True, None, None)
    assert parse_options(()).patience_s == 0
    assert parse_options(("retry=2",)).patience_s == 120
    assert parse_options(("bg",)).patience_s == 600_000
    assert not parse_options(("bg,retry=1,fg",)).background


def test_names_and_locks() -> None:
    times = parse_options(("lookupcache=pos,actimeo=1",)).lifetimes
    assert times == Lifetimes(1, 1, 1, 1, names=True, missing=False)
    assert not parse_options(("lookupcache=none",)).lifetimes.names
    assert parse_options(("lookupcache=none,lookupcache=all",)).lifetimes == Lifetimes()
    for text, wanted in (
        ("nolock", (False, False)),
        ("local_lock=posix", (False, True)),
        ("local_lock=flock", (True, False)),
        ("nolock,lock", (True, True)),
    ):
        choices = parse_options((text,)).choices
        assert (choices.posix_locks, choices.flocks) == wanted
    choices = parse_options(("wb,nordirplus",)).choices
    assert (choices.write_back, choices.read_plus) == (True, False)


def test_who_the_server_is_told_to_serve() -> None:
    options = parse_options(("uid=5,gid=6,sec=sys,nconnect=4,max_connect=2",))
    assert (options.mount.uid, options.mount.gid, options.mount.nconnect) == (5, 6, 4)
    options = parse_options(("allow_other",))
    assert options.allow_other
    assert options.default_permissions, "nobody else judges who opens a FIFO"
    assert not parse_options(("allow_other,nodefault_permissions",)).default_permissions
    assert not parse_options(()).default_permissions
    with pytest.raises(ValueError, match="all users would have the rights"):
        parse_options(("allow_other,uid=5",))


def test_mount_may_ask_to_ignore_what_is_not_known() -> None:
    options = parse_options(("zzz=1,soft,dog",), sloppy=True)
    assert not options.hard
    with pytest.raises(ValueError, match="rsize"):
        parse_options(("rsize=x",), sloppy=True)


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
        ("timeout=x", "timeout=x: a number of seconds"),
        ("actimeo=-1", "a number of seconds"),
        ("vers=3", "vers=3: 4.1 or 4.2"),
        ("uid=-1", "a number from 0"),
        ("proto=udp", "rdma or tcp"),
        ("port=0", "a number from 1 to 65535"),
        ("timeo", "needs a value"),
        ("ro=1", "takes no value"),
        ("sec=krb5", "only sys"),
        ("lookupcache=x", "one of all, pos"),
        ("local_lock=x", "one of none, all"),
        ("nconnect=17", "from 1 to 16"),
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
    # In host:/path every octet of the path is one of a name, as for mount.nfs.
    for name in ("100%", "a%20b", "h#x", "q?y", "a b", "l:/b", "caf\udce9"):
        parsed = parse_url(FuseOptions().url(f"host:/d/{name}"))
        assert parsed.host == "host"
        assert b"/".join(parsed.path) == f"d/{name}".encode("utf-8", "surrogateescape")
    with pytest.raises(ValueError, match="proto=rdma contradicts"):
        parse_options(("proto=rdma",)).url("nfs+tcp://host/")
    with pytest.raises(ValueError, match="neither a URL nor host:/path"):
        FuseOptions().url("/dev/sda")


def test_all_that_mount_8_passes_on_is_known() -> None:
    """Its options that do not depend on the file system reach helpers as they are."""
    off = "ro,nosuid,nodev,noexec,sync,dirsync,noatime,nodiratime,strictatime,lazytime,nosymfollow"
    on = "rw,suid,dev,exec,async,atime,diratime,nostrictatime,nolazytime,symfollow,norelatime,loud"
    assert set(parse_options((f"{off},silent,relatime,mand,iversion",)).flags) == {
        *off.split(","),
        *("silent", "relatime"),
    }
    assert set(parse_options((off, "silent", on)).flags) == {"dirsync"}
    assert parse_options(("allow_suid,allow_dev",)).flags == ()


def test_what_mount_8_has_moved_to_the_front_is_not_allowed_again() -> None:
    """A line of fstab has ``allow_suid``, and ``mount -o nosuid`` asks for less."""
    assert parse_options(("nosuid,allow_suid,allow_dev",)).flags == ("nosuid",)
    assert parse_options(("allow_suid,allow_dev", "nodev")).flags == ("nodev",)
    assert parse_options(("nosuid,suid,allow_dev,allow_suid",)).flags == ()
