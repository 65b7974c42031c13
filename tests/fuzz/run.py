"""Coverage-guided fuzzing of the dissector: ``make fuzz SECONDS=600``.

Each target has its share of the time, in a process of its own, so that a crash of one is told and
the others go on. What was found new is merged into the kept corpus, smallest first, and what breaks
the dissector is written to ``build/fuzz/crash-*`` with the command that replays it.

Needs atheris: ``pip install nfsrdma[fuzz]``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.corpus import keep, kept
from tests.fuzz.seeds import SEEDS
from tests.fuzz.targets import TARGETS

OUT = Path("build/fuzz")
TIMEOUT_SECONDS = 20
"""For one input. A target takes a few milliseconds."""
MEMORY_MIB = 1024
LONGEST = {"file": 8192, "frames": 8192, "expression": 256}
BUDGET = 200_000
"""Octets of a target's corpus before compression."""


def child(arguments: list[str]) -> None:
    """A fuzzer's process: instrument the dissector, then let libFuzzer have the command line."""
    import atheris

    name, *rest = arguments
    with atheris.instrument_imports(include=["nfsrdma.dissector", "nfsrdma.xdr"]):
        import importlib

        for module in [m for m in sys.modules if m.startswith(("nfsrdma", "tests.fuzz"))]:
            del sys.modules[module]
        targets = importlib.import_module("tests.fuzz.targets")
    target = targets.TARGETS[name]
    # To merge, libFuzzer starts itself again by its first argument.
    script = OUT / f"{name}.sh"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.fuzz.run --child {name} "$@"\n')
    script.chmod(0o755)
    atheris.Setup([str(script), *rest], target)
    atheris.Fuzz()


def _libfuzzer(name: str, *arguments: str) -> int:
    command = [
        *(sys.executable, "-m", "tests.fuzz.run", "--child", name),
        *(f"-timeout={TIMEOUT_SECONDS}", f"-rss_limit_mb={MEMORY_MIB}"),
        *(f"-max_len={LONGEST.get(name, 4096)}", "-len_control=0", "-verbosity=1"),
        *(f"-artifact_prefix={OUT}/crash-{name}-", *arguments),
    ]
    log = OUT / f"{name}.log"
    with log.open("ab") as output:
        return subprocess.run(command, stdout=output, stderr=output, check=False).returncode


def _write(folder: Path, inputs: list[bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, octets in enumerate(inputs):
        (folder / f"{index:05}").write_bytes(octets)


def fuzz(name: str, seconds: int) -> bool:
    """Fuzz one target; whether nothing broke."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write(folder / "work", list(SEEDS[name]()) + kept(name))
        failed = _libfuzzer(name, f"-max_total_time={seconds}", str(folder / "work"))
        (folder / "least").mkdir()
        _libfuzzer(name, "-merge=1", str(folder / "least"), str(folder / "work"))
        found = sorted((path.read_bytes() for path in (folder / "least").iterdir()), key=len)
    room = BUDGET
    chosen = []
    for octets in found:
        room -= len(octets)
        if room < 0:
            break
        chosen.append(octets)
    if chosen:
        keep(name, chosen)
    print(f"{name}: {len(chosen)} of {len(found)} inputs kept{', BROKEN' if failed else ''}")
    return not failed


def main() -> int:
    """The command."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2:])
        return 0
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60, help="of all targets together")
    parser.add_argument("--target", choices=sorted(TARGETS), action="append")
    parser.add_argument(
        "--replay", type=Path, help="one input of --target, as build/fuzz/crash-..."
    )
    options = parser.parse_args()
    names = options.target or list(TARGETS)
    if options.replay is not None:
        TARGETS[names[0]](options.replay.read_bytes())
        return 0
    OUT.mkdir(parents=True, exist_ok=True)
    good = [fuzz(name, max(1, options.seconds // len(names))) for name in names]
    for crash in sorted(OUT.glob("crash-*")):
        target = crash.name.split("-")[1]
        print(f"replay: python -m tests.fuzz.run --target {target} --replay {crash}")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
