"""``make lab-shell``: a person at a guest's console, with soft-RoCE up. ``-c`` runs one command."""

from __future__ import annotations

import argparse
import sys
import tempfile
import termios
from pathlib import Path

from . import packages
from .guest import Guest
from .machine import NUMBERS, Lab
from .network import HOST_NUMBER, ipv4, ipv6

_WELCOME = """\
A guest boots; its shell appears here in about a quarter of a minute. The end of the shell is the
end of the lab, and Ctrl-A X pulls the plug.

    {guest4}  {guest6}   the guest: rxe0 on eth0, the host's files with a tmpfs on top
    {host4}   {host6}    this host, in the lab's network namespace; to run something there:
    {enter}

The folder {output} is /lab in the guest.
"""


def main() -> int:
    """Run a shell or a command in a guest; returns its exit status."""
    parser = argparse.ArgumentParser(prog="lab-shell", description=__doc__)
    parser.add_argument("-c", dest="command", help="run this in a guest instead of a shell")
    parser.add_argument("--output", type=Path, help="folder that becomes /lab in the guest")
    arguments = parser.parse_args()
    problems = packages.obstacles()
    for problem in problems:
        print(f"lab: {problem}", file=sys.stderr)
    if problems:
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="nfsrdma-lab-") as scratch,
        Lab(arguments.output or Path(scratch)) as lab,
    ):
        if arguments.command is not None:
            return _run(lab, arguments.command)
        _shell(lab)
    return 0


def _run(lab: Lab, command: str) -> int:
    result = lab.guest("alpha").run(command, check=False, timeout=600.0)
    sys.stdout.write(result.stdout)
    sys.stderr.write(result.stderr)
    return 1 if result.code is None else result.code


def _shell(lab: Lab) -> None:
    number = NUMBERS["alpha"]
    welcome = _WELCOME.format(
        guest4=ipv4(number),
        guest6=ipv6(number),
        host4=ipv4(HOST_NUMBER),
        host6=ipv6(HOST_NUMBER),
        enter=" ".join([*lab.network.enter, "bash"]),
        output=lab.output,
    )
    print(welcome, flush=True)
    settings = termios.tcgetattr(sys.stdin)
    try:
        with Guest(lab.network, "alpha", number, lab.files, lab.output, terminal=True) as guest:
            guest.wait_off()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, settings)


if __name__ == "__main__":
    sys.exit(main())
