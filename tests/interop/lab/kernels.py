"""Which kernel the guests boot: the distribution's own, or the newer one of its backports suite.

The suite is used to download one package and no more: apt gets lists and folders of its own for
it, so that neither the suite nor anything of it becomes part of the host.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: The package that depends on a suite's current kernel.
PACKAGE = "linux-image-amd64"

#: Names the kernel of the next run, by the beginning of its release.
VARIABLE = "NFSRDMA_LAB_KERNEL"

#: A source list that has but one suite. Its mirror and its keys are the host's own.
_SOURCE = "Types: deb\nURIs: {site}\nSuites: {suite}\nComponents: main\nSigned-By: {keys}\n"

_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"


class LabError(Exception):
    """The lab cannot be built or does not do what it should; the message says what to do."""


@dataclass(frozen=True)
class Kernel:
    """A kernel that guests can boot: its name, and the suffix of the suite that has it."""

    name: str
    suite: str

    def download(self, scratch: Path, folder: Path) -> None:
        """Download the kernel's package into ``folder``; raises `LabError` if it cannot be had."""
        options = self._foreign_suite(scratch) if self.suite else []
        depends = run(["apt-cache", *options, "depends", PACKAGE])
        found = re.search(r"Depends: (linux-image-(\S+))", depends)
        if found is None or not found[2].startswith(f"{self.name}."):
            raise LabError(f"{PACKAGE} of this suite is no {self.name}, but: {depends.strip()}")
        user = ["-o", "APT::Sandbox::User=root"]
        run(["apt-get", "-qq", *user, *options, "download", found[1]], cwd=folder)

    def _foreign_suite(self, scratch: Path) -> list[str]:
        """Fetch the suite's package lists below ``scratch``; return apt's options to use them."""
        site, codename = _mirror()
        suite = scratch / "suite"
        for name in ("lists/partial", "cache/archives/partial"):
            (suite / name).mkdir(parents=True)
        source = suite / "one.sources"
        text = _SOURCE.format(site=site, suite=f"{codename}-{self.suite}", keys=_KEYS)
        source.write_text(text)
        settings = {
            "Dir::Etc::sourcelist": source,
            "Dir::Etc::sourceparts": "-",
            "Dir::State::lists": suite / "lists",
            "Dir::Cache": suite / "cache",
        }
        options = [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]
        run(["apt-get", "-qq", "-o", "APT::Sandbox::User=root", *options, "update"])
        return options


#: What ``KERNEL=`` may say. The first is the distribution's own, and what runs if nothing is said.
KERNELS = (Kernel("6.1", ""), Kernel("6.12", "backports"))


def chosen() -> Kernel:
    """The kernel that ``NFSRDMA_LAB_KERNEL`` names. Raises `LabError` when there is no such."""
    name = os.environ.get(VARIABLE) or KERNELS[0].name
    for kernel in KERNELS:
        if kernel.name == name:
            return kernel
    known = ", ".join(kernel.name for kernel in KERNELS)
    raise LabError(f"the lab has no kernel {name!r}; KERNEL may be one of: {known}")


def run(argv: Sequence[str | Path], **options: object) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        command = " ".join(map(str, argv[:6]))
        raise LabError(
            f"{command}: {done.stderr.strip() or done.returncode}\n"
            "(package lists may be old or absent: apt-get update)"
        )
    return str(done.stdout)


def _mirror() -> tuple[str, str]:
    """The address of the host's mirror, and the code name of its release."""
    names = "$(REPO_URI) $(CODENAME) $(COMPONENT) $(LABEL)"
    listing = run(["apt-get", "indextargets", "--format", names, "Created-By: Packages"])
    for line in listing.splitlines():
        site, codename, component, label = line.split(" ", 3)
        if label == "Debian" and component == "main" and "-" not in codename:
            return site, codename
    raise LabError("apt's source list names no release of Debian: apt-get update")
