"""What is built on fsspec: universal-pathlib, dask, zarr and xarray, where they are installed."""

from __future__ import annotations

import pickle
from collections.abc import Iterator

import pytest
from tests.support.nfs_live import LiveServer

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed")


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    live = LiveServer(rdma=True)
    yield live
    live.stop()


@pytest.fixture(params=["tcp", "rdma"])
def url(request: pytest.FixtureRequest, server: LiveServer) -> str:
    found = server.url if request.param == "tcp" else server.shm_url
    return f"{found.rstrip('/')}/{request.param}"


def test_paths_of_universal_pathlib(url: str) -> None:
    upath = pytest.importorskip("upath", reason="universal-pathlib is not installed")
    top = upath.UPath(url)
    top.mkdir()
    file = top / "a b.txt"
    file.write_text("hello\n")
    assert (file.read_text(), file.stat().st_size) == ("hello\n", 6)
    assert str(file) == f"{url}/a b.txt"
    assert upath.UPath(str(file)) == file
    assert pickle.loads(pickle.dumps(file)) == file
    assert list(top.iterdir()) == list(top.glob("*.txt")) == [file]
    assert str(file.relative_to(top)) == "a b.txt"
    assert (file.name, file.suffix, file.parent) == ("a b.txt", ".txt", top)
    file.rename(top / "c")
    assert (top / "c").is_file()
    (top / "c").unlink()
    top.rmdir()
    assert not top.exists()


def test_data_frames_of_several_processes(url: str) -> None:
    frames = pytest.importorskip("dask.dataframe", reason="dask is not installed")
    import dask
    import pandas

    frame = pandas.DataFrame({"n": range(1000), "k": [n % 7 for n in range(1000)]})
    with dask.config.set(scheduler="processes", num_workers=2):
        frames.from_pandas(frame, npartitions=4).to_parquet(f"{url}/dask")
        back = frames.read_parquet(f"{url}/dask").compute()
        assert back.sort_values("n").reset_index(drop=True).equals(frame)
        frames.from_pandas(frame, npartitions=4).to_csv(f"{url}/csv/*.csv", index=False)
        sums = frames.read_csv(f"{url}/csv/*.csv").groupby("k").n.sum().compute()
    assert sums.equals(frame.groupby("k").n.sum())


def test_arrays_of_zarr(url: str) -> None:
    zarr = pytest.importorskip("zarr", reason="zarr is not installed")
    import numpy

    numbers = numpy.arange(10_000, dtype="f4").reshape(100, 100)
    options = {"auto_mkdir": True}
    array = zarr.create_array(
        f"{url}/z.zarr", shape=(100, 100), chunks=(30, 30), dtype="f4", storage_options=options
    )
    array[:] = numbers
    again = zarr.open_array(f"{url}/z.zarr", mode="r", storage_options=options)
    assert (again[:] == numbers).all()


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_data_sets_of_xarray(url: str) -> None:
    """It takes a URL with a ``+`` for a local path: a store of zarr, or ``nfsrdma://``, will do."""
    xarray = pytest.importorskip("xarray", reason="xarray is not installed")
    storage = pytest.importorskip("zarr.storage", reason="zarr is not installed")
    import numpy

    numbers = numpy.arange(2000.0).reshape(50, 40)
    data = xarray.Dataset({"t": (("x", "y"), numbers)}, coords={"x": range(50)})
    options = {"auto_mkdir": True}
    store = storage.FsspecStore.from_url(f"{url}/x.zarr", storage_options=options)
    data.to_zarr(store, mode="w")
    assert xarray.open_zarr(store).load().identical(data)
    if url.startswith("nfs+rdma"):
        short = f"{url.replace('nfs+rdma', 'nfsrdma')}/x.zarr"
        assert xarray.open_zarr(short, storage_options=options).load().identical(data)
    assert fsspec.open(f"{url}/x.zarr/zarr.json").fs.isfile(
        f"/{url.rpartition('/')[2]}/x.zarr/zarr.json"
    )
