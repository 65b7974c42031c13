"""Real Linux peers on one machine: guests with soft-RoCE on a private network.

A lab is a network namespace with a bridge (`network`), up to two virtual machines on it that run
the distribution's own kernel (`packages`, `initramfs`, `guest`), and this host as a third peer on
the bridge (`host`). `machine.Lab` puts them together, the recipes (`nfs`, `tools`, `netem`,
`kernel`) drive what Linux brings along, `report` keeps what came of it. `run` and `captures` are
the commands behind ``make interop`` and ``make interop-captures``.

Nothing here is part of the installed distribution, and nothing is left behind: every process of a
lab lives in one PID namespace whose first process ends when the program that made the lab does.
"""
