"""The driver of fsspec: fsspec's own tests against a live server, and what those do not ask."""

from __future__ import annotations

import asyncio
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.nfs_live import LiveServer

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")

from fsspec.asyn import sync  # noqa: E402
from fsspec.tests import abstract  # noqa: E402

from nfsrdma.client.fsspec import NfsFileSystem, NfsRdmaFileSystem, NfsTcpFileSystem  # noqa: E402


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    live = LiveServer(rdma=True)
    yield live
    live.stop()


@pytest.fixture(params=["tcp", "rdma"], scope="module")
def nfs(request: pytest.FixtureRequest, server: LiveServer) -> Iterator[NfsFileSystem]:
    if request.param == "tcp":
        fs = NfsTcpFileSystem("127.0.0.1", server.port, auto_mkdir=True)
    else:
        fs = NfsRdmaFileSystem(
            server.shm_address, server.rdma_port, provider="shm", auto_mkdir=True
        )
    yield fs
    fs.close()


class NfsFixtures(abstract.AbstractFixtures):  # type: ignore[misc]
    """What fsspec's tests have to be told."""

    @pytest.fixture
    def fs(self, nfs: NfsFileSystem) -> NfsFileSystem:
        return nfs

    @pytest.fixture
    def fs_path(self, nfs: NfsFileSystem) -> Iterator[str]:
        nfs.makedirs("/abstract")
        yield "/abstract"
        nfs.rm("/abstract", recursive=True)

    @pytest.fixture
    def fs_join(self) -> Callable[..., str]:
        return lambda *parts: "/".join(parts)


class TestCopy(NfsFixtures, abstract.AbstractCopyTests):  # type: ignore[misc]
    """``cp`` within the server."""


class TestGet(NfsFixtures, abstract.AbstractGetTests):  # type: ignore[misc]
    """From the server."""


class TestPut(NfsFixtures, abstract.AbstractPutTests):  # type: ignore[misc]
    """To the server."""


class TestOpen(NfsFixtures, abstract.AbstractOpenTests):  # type: ignore[misc]
    """Opening."""


class TestPipe(NfsFixtures, abstract.AbstractPipeTests):  # type: ignore[misc]
    """Whole files."""


# --- What fsspec's tests do not ask ---


@pytest.fixture
def url(server: LiveServer) -> str:
    return f"nfs+tcp://127.0.0.1:{server.port}"


@pytest.fixture
def plain(server: LiveServer) -> Iterator[NfsFileSystem]:
    """A file system without options, below a directory of its own."""
    fs = NfsTcpFileSystem("127.0.0.1", server.port)
    fs.mkdir("/plain")
    yield fs
    fs.rm("/plain", recursive=True)


def test_urls_name_the_server_and_the_path() -> None:
    split = fsspec.core.url_to_fs
    fs, path = split("nfs+rdma://nowhere.invalid:2049/a//b%20c?d#e/")
    assert (type(fs), path) == (NfsRdmaFileSystem, "/a//b%20c?d#e")
    assert fs.unstrip_protocol(path) == "nfs+rdma://nowhere.invalid:2049/a//b%20c?d#e"
    fs, path = split("nfsrdma://nowhere.invalid")
    assert (type(fs), path) == (NfsRdmaFileSystem, "/")
    fs = fsspec.filesystem("nfs+tcp", host="::1", port=2049)
    assert fs.unstrip_protocol("x") == "nfs+tcp://[::1]/x"
    assert fs._strip_protocol("nfs+tcp://[::1]/") == "/"
    options = NfsTcpFileSystem._get_kwargs_from_urls("nfs+tcp://[fe80::1%25lo]:99/x")
    assert options == {"host": "fe80::1%lo", "port": 99}
    assert NfsTcpFileSystem(**options).unstrip_protocol("x") == "nfs+tcp://[fe80::1%25lo]:99/x"
    assert NfsTcpFileSystem._get_kwargs_from_urls("/x") == {}
    with pytest.raises(TypeError):
        fsspec.filesystem("nfs+rdma")


def test_info_says_what_a_local_file_system_says(plain: NfsFileSystem) -> None:
    plain.mkdirs("/plain/d/e")
    plain.pipe_file("/plain/f", b"four")
    client = sync(plain.loop, plain.mounted)
    sync(plain.loop, client.symlink, "f", "/plain/to-file")
    sync(plain.loop, client.symlink, "d", "/plain/to-directory")
    sync(plain.loop, client.symlink, "gone", "/plain/to-nothing")
    listed = {info["name"]: info for info in plain.ls("/plain")}
    kinds = {name.rpartition("/")[2]: info["type"] for name, info in listed.items()}
    assert kinds == {
        "d": "directory",
        "f": "file",
        "to-file": "file",
        "to-directory": "link",
        "to-nothing": "link",
    }
    assert listed["/plain/to-file"]["destination"] == "f"
    assert listed["/plain/to-file"]["size"] == listed["/plain/f"]["size"] == 4
    assert sorted(plain.ls("/plain", detail=False)) == sorted(listed)
    assert plain.ls("/plain/f") == [plain.info("/plain/f")]
    assert plain.isdir("/plain/to-directory")
    assert not plain.exists("/plain/to-nothing")
    assert not plain.exists("/plain/f/below")
    assert plain.lexists("/plain/to-nothing")
    assert not plain.lexists("/plain/f/below")
    assert plain.find("/plain") == sorted(set(listed) - {"/plain/d"})
    assert plain.glob("/plain/*/e") == ["/plain/d/e"]
    assert plain.du("/plain/f") == 4
    with pytest.raises(FileNotFoundError):
        plain.info("/plain/none")
    with pytest.raises(FileNotFoundError):
        plain.ls("/plain/none")


def test_what_has_changed_has_another_key(plain: NfsFileSystem) -> None:
    plain.pipe_file("/plain/f", b"one")
    key, number = plain.ukey("/plain/f"), plain.checksum("/plain/f")
    assert (plain.ukey("/plain/f"), plain.checksum("/plain/f")) == (key, number)
    plain.pipe_file("/plain/f", b"two")
    assert plain.ukey("/plain/f") != key
    assert plain.checksum("/plain/f") != number
    before = plain.modified("/plain/f")
    assert before.tzinfo is not None
    assert plain.created("/plain/f") >= before
    plain.touch("/plain/f", truncate=False)
    assert plain.cat_file("/plain/f") == b"two"
    assert plain.modified("/plain/f") >= before
    plain.touch("/plain/f")
    assert plain.cat_file("/plain/f") == b""


def test_files_open_in_every_mode(plain: NfsFileSystem) -> None:
    path = "/plain/f"
    with plain.open(path, "wb") as file:
        assert file.write(b"0123456789") == 10
        file.flush()
        assert plain.cat_file(path) == b"0123456789"  # flushed is at the server
    with plain.open(path, "rb", block_size=4) as file:
        assert file.size == 10
        assert (file.read(3), file.seek(-2, 2), file.read()) == (b"012", 8, b"89")
    with plain.open(path, "r+b") as file:
        file.seek(2)
        file.write(b"--")
        file.seek(0)
        assert file.read() == b"01--456789"
    with plain.open(path, "ab") as file:
        file.write(b"+")
    with plain.open(path, "w+b") as file:
        file.write(b"text")
        file.truncate(2)
        file.seek(0)
        assert file.read() == b"te"
    with plain.open(path, "wt", encoding="utf-16") as file:
        file.write("Grüße\n")
    with plain.open(path, "rt", encoding="utf-16") as file:
        assert list(file) == ["Grüße\n"]
    with plain.open(path + ".gz", "wb", compression="gzip") as file:
        file.write(b"pressed")
    with plain.open(path + ".gz", "rb", compression="infer") as file:
        assert file.read() == b"pressed"
    with pytest.raises(FileExistsError):
        plain.open(path, "xb")
    with pytest.raises(FileNotFoundError):
        plain.open("/plain/none/f", "wb")
    with pytest.raises(IsADirectoryError):
        plain.open("/plain", "rb")


def test_ranges_are_slices(plain: NfsFileSystem) -> None:
    data = bytes(range(256)) * 8192  # 2 MiB
    plain.pipe({"/plain/a": data, "/plain/b": b"short"})
    for start, end in ((None, None), (3, 9), (-5, None), (0, -1), (9, 3), (5, 1 << 62)):
        assert plain.cat_file("/plain/a", start=start, end=end) == data[start:end]
        assert plain.cat_file("/plain/b", start=start, end=end) == b"short"[start:end]
    paths = ["/plain/a", "/plain/b", "/plain/a", "/plain/none"]
    found = plain.cat_ranges(paths, [0, 1, -3, 0], [4, 3, None, 1])
    assert plain.cat_ranges(["/plain/b"], 0, 2, max_gap=64) == [b"sh"]
    assert found[:3] == [data[:4], b"ho", data[-3:]]
    assert isinstance(found[3], FileNotFoundError)
    assert plain.cat_ranges(["/plain/b"] * 2, 0, 2) == [b"sh", b"sh"]
    with pytest.raises(FileNotFoundError):
        plain.cat_ranges(paths, 0, 1, on_error="raise")
    with pytest.raises(ValueError, match="as many"):
        plain.cat_ranges(paths, [0], 1)


def test_names_are_moved_and_removed(plain: NfsFileSystem) -> None:
    plain.mkdirs("/plain/d/e")
    plain.pipe({"/plain/f": b"f", "/plain/d/g": b"g", "/plain/h1": b"1", "/plain/h2": b"2"})
    inode = plain.info("/plain/f")["ino"]
    plain.mv("/plain/f", "/plain/k")
    assert plain.info("/plain/k")["ino"] == inode  # renamed, not copied
    plain.mv("/plain/k", "/plain/d")
    assert plain.info("/plain/d/k")["ino"] == inode
    plain.mv("/plain/d", "/plain/m", recursive=True)
    plain.mv("/plain/h*", "/plain/m/")
    assert plain.find("/plain", withdirs=True) == [
        f"/plain{name}" for name in ("", "/m", "/m/e", "/m/g", "/m/h1", "/m/h2", "/m/k")
    ]
    with pytest.raises(FileNotFoundError):
        plain.mv("/plain/k", "/plain/none/k")
    with pytest.raises(OSError, match="empty"):
        plain.rm("/plain/m")
    plain.rm("/plain/m/h*")
    plain.rm(["/plain/m/g", "/plain/m/e"])
    assert plain.ls("/plain/m", detail=False) == ["/plain/m/k"]
    plain.rm("/plain/m", recursive=True)
    with pytest.raises(FileNotFoundError):
        plain.rm("/plain/m")
    plain.mkdir("/plain/m", create_parents=False)
    plain.rmdir("/plain/m")
    with pytest.raises(FileNotFoundError):
        plain.mkdir("/plain/x/y", create_parents=False)
    with pytest.raises(FileExistsError):
        plain.mkdir("/plain")


def test_a_transaction_is_whole_or_not_there(plain: NfsFileSystem) -> None:
    with plain.transaction:
        with plain.open("/plain/f", "wb") as file:
            file.write(b"whole")
        assert not plain.exists("/plain/f")
    assert plain.cat_file("/plain/f") == b"whole"

    def fail() -> None:
        with plain.transaction:
            with plain.open("/plain/f", "wb") as file:
                file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert plain.cat_file("/plain/f") == b"whole"
    assert plain.ls("/plain", detail=False) == ["/plain/f"]


def test_copies_tell_how_far_they_are(plain: NfsFileSystem, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(bytes(3 << 20))
    callback = fsspec.callbacks.Callback()
    plain.put_file(str(tmp_path / "f"), "/plain/f", callback=callback)
    assert (callback.size, callback.value) == (3 << 20, 3 << 20)
    callback = fsspec.callbacks.Callback()
    plain.get_file("/plain/f", str(tmp_path / "new/g"), callback=callback)
    assert (callback.size, callback.value) == (3 << 20, 3 << 20)
    assert (tmp_path / "new/g").read_bytes() == bytes(3 << 20)
    with pytest.raises(FileExistsError):
        plain.put_file(str(tmp_path / "f"), "/plain/f", mode="create")


def test_what_is_pickled_are_the_options(plain: NfsFileSystem, url: str) -> None:
    plain.pipe_file("/plain/f", b"here")
    assert pickle.loads(pickle.dumps(plain)) is plain  # as fsspec keeps its instances
    opened = pickle.dumps(fsspec.open(f"{url}/plain/f"))
    program = "import pickle, sys\nwith pickle.load(sys.stdin.buffer) as file: print(file.read())\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        input=opened,
        capture_output=True,
        check=False,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.stdout, done.stderr) == (b"b'here'\n", b"")


def test_after_closing_it_mounts_again(plain: NfsFileSystem) -> None:
    plain.pipe_file("/plain/f", b"here")
    plain.close()
    plain.close()
    assert plain.cat_file("/plain/f") == b"here"


def test_a_server_that_is_away_is_an_error_each_time() -> None:
    fs = NfsTcpFileSystem("127.0.0.1", 1, skip_instance_cache=True)
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            fs.ls("/")


def test_its_coroutines_run_on_the_callers_loop(plain: NfsFileSystem, server: LiveServer) -> None:
    plain.pipe_file("/plain/f", b"here")

    async def use() -> None:
        fs = NfsTcpFileSystem("127.0.0.1", server.port, asynchronous=True, skip_instance_cache=True)
        try:
            found = await asyncio.gather(*[fs._cat_file("/plain/f") for _ in range(20)])
            assert found == [b"here"] * 20
            assert [where async for where, _, _ in fs._walk("/plain")] == ["/plain"]
            async with await fs.open_async("/plain/g", "w+b") as file:
                await file.write(b"new")
                await file.seek(0)
                assert await file.read() == b"new"
        finally:
            await fs._close()

    asyncio.run(use())
    asyncio.run(use())


def test_the_sample_of_the_documentation_runs(
    server: LiveServer, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[2] / "docs/howto/use.md").read_text()
    (sample,) = re.findall(r"```python\n(import fsspec\n.*?)```", page, re.DOTALL)
    sample = sample.replace("nfs+rdma://server/", server.shm_url)
    sample = sample.replace(
        'host="server"', f'host="{server.shm_address}", port={server.rdma_port}'
    )
    exec(sample, {})
    printed = capsys.readouterr().out
    assert printed == "/home/letters/first.txt 12\n/home/letters/second.txt 10\n"


def test_a_dataset_goes_there_and_back(plain: NfsFileSystem, url: str) -> None:
    dataset = pytest.importorskip("pyarrow.dataset", reason="pyarrow is not installed")
    import pyarrow
    import pyarrow.parquet

    days = pyarrow.array([1, 1, 2], pyarrow.int32())
    table = pyarrow.table({"day": days, "heat": [3.5, None, 4.5], "name": ["a", "ü", ""]})
    dataset.write_dataset(
        table, "/plain/set", format="parquet", partitioning=["day"], filesystem=plain
    )
    assert len(plain.glob("/plain/set/*/*.parquet")) == 2
    found = dataset.dataset("/plain/set", partitioning=["day"], filesystem=plain).to_table()
    assert found.select(table.column_names).sort_by("name") == table.sort_by("name")
    with fsspec.open(f"{url}/plain/one.parquet", "wb") as file:
        pyarrow.parquet.write_table(table, file)
    with fsspec.open(f"{url}/plain/one.parquet") as file:
        assert pyarrow.parquet.read_table(file) == table


def test_data_frames_go_there_and_back_by_url(plain: NfsFileSystem, url: str) -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pandas.DataFrame({"n": [1, 2], "text": ["a", "ü"]})
    frame.to_csv(f"{url}/plain/t.csv", index=False)
    assert pandas.read_csv(f"{url}/plain/t.csv").equals(frame)
    frame.to_parquet(f"{url}/plain/t.parquet")
    assert pandas.read_parquet(f"{url}/plain/t.parquet").equals(frame)
