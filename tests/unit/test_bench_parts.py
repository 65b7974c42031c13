"""The bench's parts: what a file must contain, what is measured, and what is made of figures."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from nfsrdma.bench import compare, iozone, machine, plan, rows, tables, targets
from nfsrdma.bench.clients import ClientFailed
from nfsrdma.bench.conduct import Conductor, Sample, Target
from nfsrdma.bench.pattern import PERIOD, Pattern, WrongData, address_of
from nfsrdma.client import UrlError

KIB, MIB = 1 << 10, 1 << 20


# --- The pattern ---


@pytest.mark.parametrize("record", [1 * KIB, 64 * KIB, 2 * PERIOD])
@pytest.mark.parametrize("wrong", [0, 511, 1023])
def test_a_wrong_octet_is_found_where_it_is(record: int, wrong: int) -> None:
    pattern = Pattern(record, 1)
    offset, version = 7 * record, 3
    got = memoryview(bytearray(pattern.record(offset, record, version)))
    pattern.check(address_of(got), got, record, offset, version)
    got[wrong] ^= 0x40
    with pytest.raises(WrongData, match=f"offset {offset + wrong}: ") as caught:
        pattern.check(address_of(got), got, record, offset, version)
    assert caught.value.offset == offset + wrong


@pytest.mark.parametrize("shift", [1, KIB, 4 * KIB, MIB, 1 << 30])
def test_what_lands_elsewhere_is_seen(shift: int) -> None:
    pattern = Pattern(4 * KIB, 1)
    assert pattern.record(0, 4 * KIB, 1) != pattern.record(shift, 4 * KIB, 1)


def test_each_version_differs_and_so_does_each_seed() -> None:
    pattern = Pattern(KIB, 1)
    versions = {bytes(pattern.record(0, KIB, version)) for version in range(257)}
    assert len(versions) == 257
    assert Pattern(KIB, 2).record(0, KIB, 0) != pattern.record(0, KIB, 0)


# --- What is measured ---


@pytest.mark.parametrize(
    ("text", "octets"),
    [("512", 512), ("1k", KIB), ("64K", 64 * KIB), ("1m", MIB), ("2GiB", 2 << 30), ("4kb", 4096)],
)
def test_sizes(text: str, octets: int) -> None:
    assert plan.parse_size(text) == octets


@pytest.mark.parametrize("text", ["", "k", "0", "-1k", "1.5m", "1x", "4k:1k", "1k,,2k"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        plan.parse_sizes(text)


def test_ranges_double() -> None:
    assert plan.parse_sizes("1k:16m") == [KIB << shift for shift in range(15)]
    assert plan.parse_sizes("64k,4k,4k:8k") == [4 * KIB, 8 * KIB, 64 * KIB]
    assert plan.parse_counts("8,1,8") == [1, 8]
    with pytest.raises(ValueError, match="1 to 1024"):
        plan.parse_counts("0")


def test_no_record_is_longer_than_its_file_and_reading_writes_first() -> None:
    groups = plan.make_groups([KIB, MIB], [64 * KIB], [1, 8], [1], ["read", "stat"])
    assert [(group.record, group.depth, group.ops) for group in groups] == [
        (None, 1, ("stat",)),
        (None, 8, ("stat",)),
        (KIB, 1, ("write", "read")),
        (KIB, 8, ("write", "read")),
    ]


def test_the_budget_is_shared_out() -> None:
    preset = plan.PRESETS["default"]
    groups = plan.make_groups(
        plan.parse_sizes(preset.records), plan.parse_sizes(preset.sizes), [1, 8], [1], preset.ops
    )
    slice_s = plan.slice_for(groups, preset.rounds, 3, preset.budget_s)
    steps = 3 * plan.Plan(groups, preset.rounds, slice_s).steps
    assert steps * slice_s < preset.budget_s
    assert plan.SLICE_MIN_S <= slice_s <= plan.SLICE_MAX_S


# --- Figures ---

GROUP = plan.Group(64 * KIB, MIB, 1, 1, ("write", "read"))
CALLS = plan.Group(None, None, 8, 1, ("null",))


def sample(label: str, op: str, rate: float, group: plan.Group = GROUP, **more: object) -> Sample:
    octets = 100 * (group.record or 0)
    fields: dict[str, object] = {
        "cpu_client": 0.25,
        "cpu_server": 0.5,
        "rtts": tuple(float(n) for n in range(1, 101)),
    }
    fields |= more
    return Sample(label, label, "own", group, op, 100, octets, rate, **fields)  # type: ignore[arg-type]


def made(*samples: Sample) -> list[rows.Row]:
    return rows.make_rows(
        samples, clients=1, cached=False, verified=True, machine="m; load 1", when="now"
    )


def test_a_row_has_medians_spreads_and_percentiles() -> None:
    (row,) = made(*(sample("tcp", "read", rate) for rate in (100.0, 300.0, 110.0)))
    assert (row.ops_s, row.ops_s_spread) == (110.0, [100.0, 300.0])
    assert row.mb_s == pytest.approx(110 * 65536 / 1e6, rel=1e-3)
    assert (row.rtt_us_p50, row.rtt_us_p99) == (50.0, 99.0)
    octets = 3 * 100 * 65536
    assert row.cpu_s_per_gb_client == pytest.approx(0.75 / (octets / 1e9), rel=1e-3)
    assert row.cpu_s_per_gb_server == pytest.approx(1.5 / (octets / 1e9), rel=1e-3)
    assert row.rounds == 3


def test_clients_that_are_served_unevenly_are_told() -> None:
    found = made(
        *(sample("tcp", "read", 5.0, fairness=share) for share in (0.9, 0.4, 0.5)),
        sample("tcp", "write", 5.0, fairness=0.8),
        sample("shm", "read", 5.0),
    )
    assert [row.fairness for row in found] == [0.5, 0.8, None]
    told = tables.fairness(found)
    assert told == "Slowest client to fastest, at the worst: tcp 0.50 (read 64 KiB, 1 in flight)."
    assert tables.fairness(found[2:]) is None


def test_rare_round_trips_are_told_only_where_there_are_enough() -> None:
    (few,) = made(sample("tcp", "read", 5.0))
    assert (few.rtt_us_p999, few.rtt_us_p9999) == (None, None)
    rtts = (*(100.0,) * 9_990, *(1000.0,) * 9, *(9000.0,) * 2)
    (row,) = made(sample("tcp", "read", 5.0, rtts=rtts))
    assert (row.rtt_us_p99, row.rtt_us_p999, row.rtt_us_p9999) == (100.0, 1000.0, 9000.0)


def test_a_histogram_has_every_round_trip_below_its_buckets_end() -> None:
    values = [0.0, 1.0, 90.0, 100.0, 101.0, 119.0, 5e6]
    buckets = rows.histogram(values)
    assert sum(count for _, count in buckets) == len(values)
    ends = [end for end, _ in buckets]
    assert ends == sorted(ends)
    for value in values[1:]:
        end = min(end for end in ends if end >= value * 0.999)
        assert end / value < 1.2


def test_steps_are_told_as_they_come(tmp_path: Path) -> None:
    told: list[Sample] = []
    refused = Target("tcp", "tcp", "nfs+tcp://127.0.0.1:9/", start=Refusing)  # type: ignore[arg-type]
    conductor = Conductor(plan.Plan((CALLS,), 1, 0.01), [refused], lambda _: None, told.append)
    conductor.run()
    assert told == conductor.samples
    assert [(each.op, each.error) for each in told] == [("mount", "refused")]


class Refusing:
    """A client that nobody lets in."""

    def ask(self, order: object, timeout_s: float) -> object:
        raise ClientFailed("refused")

    def leave(self) -> bool:
        return True


def test_ratios_are_drawn_against_tcp() -> None:
    pytest.importorskip("matplotlib")
    from nfsrdma.bench import plots

    (kind,) = (each for each in plots.KINDS if each.name == "ratio")
    of = made(sample("tcp", "read", 100.0), sample("shm", "read", 250.0))
    figure = plots.draw(kind, of)
    assert figure is not None
    (line, one) = figure.axes[0].lines
    assert line.get_label() == "shm, 1 in flight"
    assert list(line.get_ydata()) == pytest.approx([2.5], rel=1e-3)
    assert list(one.get_ydata()) == [1.0, 1.0]
    assert plots.draw(kind, made(sample("shm", "read", 250.0))) is None


def test_a_history_tells_what_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    import history

    path, shown = tmp_path / "history.jsonl", Console(file=io.StringIO(), width=120)
    for about, rate in (("m; load 1.0", 100.0), ("other; load 1.0", 9.0), ("m; load 2.0", 50.0)):
        history.compare_and_append(path, made(sample("tcp", "read", rate)), about, shown)
    assert [entry["load"] for entry in history.read(path)] == ["load 1.0", "load 1.0", "load 2.0"]
    assert isinstance(shown.file, io.StringIO)
    assert shown.file.getvalue().count("Since ") == 1
    assert "load 1.0): 0 quicker, 1 slower." in shown.file.getvalue()
    path.write_text("[]\n")
    with pytest.raises(ValueError, match="is no history"):
        history.read(path)


def test_a_busy_machine_is_told(tmp_path: Path) -> None:
    assert machine.describe_business(None) is None
    assert machine.describe_business(0.1) is None
    assert "use 1.5 of" in (machine.describe_business(1.5) or "")
    table = tmp_path / "stat"
    table.write_text("cpu  1 2 3 4 5 6 7 8 9 10\n")
    assert machine.busy_processors(0.0, table) is None  # nothing has passed
    assert machine.busy_processors(0.0, tmp_path / "none") is None


def test_what_is_not_known_is_left_empty() -> None:
    (row,) = made(sample("peer tcp", "read", 5.0, cpu_server=None))
    assert row.cpu_s_per_gb_server is None
    (row,) = made(sample("tcp", "null", 5.0, CALLS))
    assert (row.mb_s, row.record, row.cpu_s_per_gb_client) == (None, None, None)
    assert row.ops_s == 5.0
    (row,) = made(Sample("tcp", "tcp", "own", GROUP, "write", error="no space left"))
    assert (row.error, row.mb_s, row.record) == ("no space left", None, 64 * KIB)


def test_json_goes_there_and_back_and_csv_has_the_columns(tmp_path: Path) -> None:
    before = made(sample("tcp", "read", 5.0), sample("soft", "null", 6.0, CALLS))
    (tmp_path / "a.json").write_text(rows.as_json(before))
    plainly = json.loads((tmp_path / "a.json").read_text())
    assert {
        "transport", "op", "record", "threads", "depth", "mb_s", "ops_s", "rtt_us_p50",
        "rtt_us_p99", "cpu_s_per_gb_client", "cpu_s_per_gb_server",
    } <= plainly[0].keys()  # fmt: skip
    assert rows.read_json(tmp_path / "a.json") == before
    head, first, _ = rows.as_csv(before).splitlines()
    assert head.startswith("transport,server,op,record")
    assert first.startswith("tcp,own,read,65536")
    (tmp_path / "b.json").write_text("[1]")
    with pytest.raises(ValueError, match="no output of"):
        rows.read_json(tmp_path / "b.json")


def test_iozone_prints_kib_in_quotes_and_nothing_it_has_not() -> None:
    larger = plan.Group(128 * KIB, MIB, 1, 1, ("write",))
    text = iozone.report(
        made(
            sample("tcp", "write", 16.0),
            sample("tcp", "write", 10.0, larger),
            sample("tcp", "read", 32.0),
        )
    )
    assert text == (
        '\n"Writer report"\n        "64"  "128"\n"1024"   1024 1280 \n'
        '\n"Reader report"\n        "64"\n"1024"   2048 \n'
    )


def test_iozone_files_are_one_for_each_system(tmp_path: Path) -> None:
    both = made(sample("tcp", "write", 16.0), sample("peer tcp", "write", 16.0))
    assert [path.name for path in iozone.reports(tmp_path / "o.xls", both)] == [
        "o-tcp-1.xls",
        "o-peer-tcp-1.xls",
    ]
    assert list(iozone.reports(tmp_path / "o.xls", both[:1])) == [tmp_path / "o.xls"]


def test_a_change_counts_only_beyond_the_spread() -> None:
    old = made(
        *(sample("tcp", "read", rate) for rate in (100.0, 110.0)),
        *(sample("tcp", "write", rate) for rate in (100.0, 110.0)),
        sample("soft", "read", 1.0),
    )
    new = made(
        *(sample("tcp", "read", rate) for rate in (109.0, 150.0)),
        *(sample("tcp", "write", rate) for rate in (50.0, 99.0)),
        sample("shm", "read", 1.0),
    )
    changes, gone, come = compare.compare(old, new)
    assert [(each.new.op, each.verdict) for each in changes] == [("read", ""), ("write", "slower")]
    assert [row.label for row in (*gone, *come)] == ["soft", "shm"]
    quicker, _, _ = compare.compare(new[1:2], old[1:2])
    assert quicker[0].verdict == "quicker"
    assert quicker[0].ratio == pytest.approx(105 / 74.5, rel=1e-3)


def test_tables_show_the_ratio_to_tcp_and_what_failed() -> None:
    all_rows = made(
        sample("soft", "read", 50.0),
        sample("tcp", "read", 100.0),
        Sample("soft", "soft", "own", GROUP, "write", error="no space left on device"),
        sample("tcp", "null", 9.0, CALLS),
    )
    console = Console(width=160, file=io.StringIO())
    for table in tables.all_tables(all_rows):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "x0.5" in text
    assert text.index("tcp") < text.index("soft"), "TCP is the first column"
    assert "null" in text
    (line,) = tables.problems(all_rows)
    assert "soft: write 64 KiB" in line
    assert line.endswith("no space left on device")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.125, "0.12"), (12.34, "12.3"), (999.6, "1,000"), (9999.6, "10.0k"),
     (123456.0, "123k")],
)  # fmt: skip
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert tables.number(value) == text


# --- The machine and the targets ---


def test_loopback_is_called_what_it_is() -> None:
    assert machine.describe_link("127.0.0.1", 2049) == machine.LOOPBACK
    assert "not known" in machine.describe_link("no-such-host.invalid", 2049)


def test_a_link_is_shown_with_its_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "net" / "eth9"
    folder.mkdir(parents=True)
    (folder / "speed").write_text("100000\n")
    (folder / "mtu").write_text("4200\n")
    port = tmp_path / "infiniband" / "mlx5_0" / "ports" / "1"
    port.mkdir(parents=True)
    (port / "rate").write_text("100 Gb/sec (4X EDR)\n")
    monkeypatch.setattr(machine, "_local_address", lambda host, port: "192.0.2.7")
    monkeypatch.setattr(machine, "_interface", lambda address: "eth9")
    text = machine.describe_link("192.0.2.8", 2049, tmp_path)
    assert "eth9, 100,000 Mb/s = at most 12,500 MB/s, MTU 4200" in text
    assert "mlx5_0 port 1: 100 Gb/sec (4X EDR)" in text
    (folder / "speed").write_text("-1\n")
    assert "speed not told" in machine.describe_link("192.0.2.8", 2049, tmp_path)


def test_what_this_machine_lacks_is_said(tmp_path: Path) -> None:
    assert targets.why_not("tcp") is None
    assert targets.why_not("soft") is None
    assert targets.why_not("verbs", tmp_path) == "this machine has no RDMA device"
    assert "no such provider" in (targets.why_not("pigeon") or "")


def test_urls_become_targets() -> None:
    (one,) = targets.url_targets("nfs+tcp://h:12/x?uid=5", (), prefix="peer ").targets
    assert (one.label, one.url) == ("peer tcp", "nfs+tcp://h:12/x?uid=5")
    (one,) = targets.url_targets("nfs+rdma://h/x", ()).targets
    assert (one.label, one.options) == ("rdma", {})
    (one,) = targets.url_targets("nfs+rdma://h/x?provider=soft", ()).targets
    assert (one.label, one.options) == ("soft", {"provider": "soft"})
    both = targets.url_targets("nfs+rdma://h/x", ("tcp", "soft")).targets
    assert [(each.url, each.options) for each in both] == [
        ("nfs+tcp://h/x", {}),
        ("nfs+rdma://h/x", {"provider": "soft"}),
    ]
    assert Target("tcp", "tcp", "nfs+tcp://h/").server == "nfs+tcp://h/"
    with pytest.raises(UrlError):
        targets.url_targets("http://h/", ())
