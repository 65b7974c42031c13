"""The edge to rdma-core: structures, addresses, and what is said when something is missing."""

from __future__ import annotations

import ctypes
import errno
import logging
import mmap
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from tests.support.fake_adapter import Adapter, FakeError
from tests.support.fake_librdmacm import FakeLibrary, Network, two_devices

from nfsrdma.cli.group import group as cli
from nfsrdma.rpcrdma.io.addresses import address_of
from nfsrdma.rpcrdma.io.reactor import SelectReactor
from nfsrdma.rpcrdma.providers.rdmacore import VerbsDevice, bindings, completion, librdmacm
from nfsrdma.rpcrdma.providers.rdmacore import device as device_module
from nfsrdma.rpcrdma.providers.registry import open_device

# From rdma-core's headers, by a C compiler (x86-64 and every other LP64 machine).
OFFSETS = {
    (librdmacm.QpAttributes, "ah_attr"): 56,
    (librdmacm.QpAttributes, "alt_ah_attr"): 88,
    (librdmacm.QpAttributes, "pkey_index"): 120,
    (librdmacm.QpAttributes, "rate_limit"): 136,
    (librdmacm.AddressVector, "dlid"): 24,
    (librdmacm._Id, "path_rec"): 328,
    (librdmacm._Id, "ps"): 344,
    (librdmacm._Id, "port_num"): 348,
    (librdmacm._EventHead, "conn"): 24,
    (librdmacm._ConnParam, "qp_num"): 16,
    (librdmacm._DeviceHead, "name"): 24,
}


@pytest.mark.parametrize("where", OFFSETS, ids=lambda where: f"{where[0].__name__}.{where[1]}")
def test_structures_are_those_of_the_headers(where: tuple[Any, str]) -> None:
    structure, name = where
    assert getattr(structure, name).offset == OFFSETS[where]


def test_sizes_are_those_of_the_headers() -> None:
    assert ctypes.sizeof(librdmacm.AddressVector) == 32
    assert ctypes.sizeof(librdmacm._ConnParam) == 24
    assert ctypes.sizeof(librdmacm.QpAttributes) >= 144


@pytest.mark.parametrize("address", [("10.1.2.3", 20049), ("fd99::1", 1), ("::1", 65535)])
def test_addresses_there_and_back(address: tuple[str, int]) -> None:
    assert librdmacm.decode_address(librdmacm.encode_address(address).ljust(128, b"\0")) == address


def test_scoped_and_absent_addresses() -> None:
    encoded = librdmacm.encode_address(("fe80::1%lo", 7))
    assert librdmacm.decode_address(encoded) == ("fe80::1%lo", 7)
    assert librdmacm.decode_address(bytes(128)) == ("", 0)


def test_the_address_of_a_buffer() -> None:
    constant = b"constant"
    assert ctypes.string_at(address_of(memoryview(constant)[3:]), 5) == b"stant"
    array = bytearray(b"variable")
    view = memoryview(array)[4:]
    assert ctypes.string_at(address_of(view), 4) == b"able"
    del view
    array.extend(b"!")  # nothing holds it
    with mmap.mmap(-1, 4096, prot=mmap.PROT_READ) as mapped:
        assert address_of(memoryview(mapped)) % mmap.PAGESIZE == 0
    address_of(memoryview(b""))


# What is missing.


def test_without_pyverbs(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_module(name: str) -> None:
        logging.getLogger().addHandler(logging.NullHandler())
        logging.getLogger().setLevel(1)
        raise ModuleNotFoundError(f"No module named {name!r}")

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr(bindings, "import_module", no_module)
    with pytest.raises(OSError, match=r"python3-pyverbs.*site-packages.*nfsrdma") as caught:
        open_device("verbs", SelectReactor())
    assert caught.value.errno == errno.ENOSYS
    assert (root.handlers, root.level) == (handlers, level)


def test_what_pyverbs_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    modules: dict[str, Any] = {}

    def module(name: str) -> Any:
        return modules.setdefault(name, SimpleNamespace(**dict.fromkeys(_names(name), name)))

    def _names(name: str) -> tuple[str, ...]:
        return bindings._CLASSES[name.removeprefix("pyverbs.")]

    monkeypatch.setattr(bindings, "import_module", module)
    assert bindings.load().SGE == "pyverbs.wr"


def test_without_librdmacm(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str, **_: Any) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(librdmacm.ctypes, "CDLL", absent)
    with pytest.raises(OSError, match="librdmacm1"):
        librdmacm.Library()


def test_without_a_connection_manager(tmp_path: Path) -> None:
    library = FakeLibrary(Network({}), "")
    library.fail_at.add("create_channel")
    with pytest.raises(OSError, match="create_channel"):
        VerbsDevice(SelectReactor(), pyverbs=Adapter().pyverbs(), library=library)


def opened(adapter: Adapter, network: Network, **options: Any) -> VerbsDevice:
    library = FakeLibrary(network, "10.0.0.1")
    return VerbsDevice(SelectReactor(), pyverbs=adapter.pyverbs(), library=library, **options)


def test_which_device() -> None:
    adapter, network = Adapter(), Network({"10.0.0.1": "fake0", "10.0.0.2": "other0"})
    device = opened(adapter, network, address="10.0.0.1")
    assert device.name == "fake0"
    device.close()
    opened(adapter, network, device="fake0").close()
    for options, problem in [
        ({"device": "hca99"}, "no RDMA device 'hca99': there are fake0"),
        ({"address": "10.0.0.2"}, "no RDMA device 'other0'"),
        ({"address": "10.0.0.3"}, "no RDMA device has the address 10.0.0.3"),
        ({"address": "127.0.0.1"}, "no RDMA device has the address 127.0.0.1"),
    ]:
        with pytest.raises(OSError, match=problem):
            opened(adapter, network, **options)
    adapter.broken.add("Context")
    with pytest.raises(OSError, match="fake0 cannot be opened"):
        opened(adapter, network)
    assert not network.channels
    assert not +adapter.open


def test_the_first_device_or_the_one_that_is_named() -> None:
    for options, name in [({}, "fake0"), ({"device": "fake1"}, "fake1")]:
        device = opened(Adapter("fake0", "fake1"), Network({}), **options)
        assert device.name == name
        device.close()


def test_no_listening_at_the_address_of_another_device() -> None:
    adapter = Adapter("fake0", "fake1")
    network = Network({"10.0.0.1": "fake0", "10.0.0.2": "fake1"})
    device = VerbsDevice(
        SelectReactor(),
        pyverbs=adapter.pyverbs(),
        library=FakeLibrary(network, "10.0.0.2"),
        device="fake0",
    )
    with pytest.raises(OSError, match="the address is of the device fake1, and the one in use is"):
        device.listen("10.0.0.2", 20049, print)
    device.close()
    assert not network.ids


def test_the_command_line_names_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, network = Adapter("fake0", "fake1"), Network({"10.0.0.1": "fake1"})
    monkeypatch.setattr(device_module, "load", adapter.pyverbs)
    monkeypatch.setattr(device_module, "Library", lambda: FakeLibrary(network, "10.0.0.1"))
    url = "nfs+rdma://10.0.0.1/"
    verbs = ["--provider", "verbs"]
    for arguments in (
        ["serve", "--memory", *verbs, "--device", "hca99"],
        ["ping", *verbs, "--device", "hca99", url],
        ["ls", f"{url}?provider=verbs&device=hca99"],
    ):
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 1, result.output
        (line,) = result.output.splitlines()
        assert "no RDMA device 'hca99': there are fake0, fake1" in line
    # A device that exists: they get further.
    result = CliRunner().invoke(
        cli, ["serve", "--memory", *verbs, "--allow", "any", "--listen", "10.0.0.1"]
    )
    assert "the address is of the device fake1, and the one in use is fake0" in result.output
    result = CliRunner().invoke(cli, ["ping", "--timeout", "0.2", *verbs, "--device", "fake1", url])
    assert "connection refused" in result.output
    assert not +adapter.open


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["serve", "--memory", "--provider", "soft", "--device", "x"], 1, "here is soft"),
        (["serve", "--memory", "--device", "x"], 1, "cannot serve RDMA"),
        (["serve", "--provider", "none", "--tcp", "0", "--device", "x"], 2, "none has no device"),
        (["ls", "--provider", "soft", "--device", "x", "nfs+rdma://127.0.0.1/"], 2, "here is soft"),
        (["ls", "--device", "x", "nfs://127.0.0.1/"], 2, "only with nfs+rdma://"),
    ],
)
def test_a_device_where_there_is_none(arguments: list[str], status: int, says: str) -> None:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == status
    assert says in result.output


def test_without_a_device() -> None:
    def refuse() -> None:
        raise FakeError("Failed to get devices list", errno.ENOSYS)

    for nothing in (refuse, list):
        adapter, network = Adapter(), Network({})
        pyverbs = adapter.pyverbs()
        object.__setattr__(pyverbs, "get_device_list", nothing)
        with pytest.raises(OSError, match="rdma link add") as caught:
            VerbsDevice(SelectReactor(), pyverbs=pyverbs, library=FakeLibrary(network, ""))
        assert caught.value.errno == errno.ENODEV
        assert not network.channels


def test_a_device_that_cannot_be_queried(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise FakeError("Failed to query device", errno.EIO)

    monkeypatch.setattr("tests.support.fake_adapter.Context.query_port", refuse)
    adapter = Adapter()
    with pytest.raises(OSError, match="fake0 cannot be queried"):
        opened(adapter, Network({}))
    assert not +adapter.open


def test_options_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="no option turbo"):
        open_device("verbs", SelectReactor(), turbo=True)
    with pytest.raises(OSError, match="do not pass through here"):
        open_device("verbs", SelectReactor(), pcap=tmp_path / "file")


def test_limits() -> None:
    reactor = SelectReactor()
    made = two_devices(reactor, windows=False)
    limits = made.a.limits
    assert (limits.max_qp_wr, limits.max_sge, limits.max_rd_atomic) == (16384, 16, 16)
    assert not limits.remote_invalidation
    made.a.close()
    made.b.close()
    made.close()


def test_no_protection_domain() -> None:
    adapter = Adapter()
    device = opened(adapter, Network({}))
    adapter.broken.add("PD")
    with pytest.raises(OSError, match="fake0: no PD"):
        device.create_pd()
    device.close()


# Descriptors of completion channels.


def test_the_descriptor_of_a_channel_that_does_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def make() -> Any:
        if not taken:  # another thread is quicker
            taken.append(os.open("/dev/null", os.O_RDONLY))
        made = os.eventfd(0)
        return SimpleNamespace(descriptor=made, close=lambda: os.close(made))

    monkeypatch.setattr(completion, "_CHANNEL_FILE", "anon_inode:[eventfd]")
    channel, descriptor = completion.open_channel(make)
    assert descriptor == channel.descriptor
    assert not os.get_blocking(descriptor)
    channel.close()
    os.close(taken[0])


def test_a_descriptor_that_cannot_be_found() -> None:
    closed: list[None] = []
    with pytest.raises(OSError, match="cannot be found"):
        completion.open_channel(lambda: SimpleNamespace(close=lambda: closed.append(None)))
    assert len(closed) > 1
