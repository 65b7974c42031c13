"""The ``nfsrdma`` command.

Hardly anything is imported here, so that an interrupt is ours to handle from the first moment on.
Subcommands are imported when they run, so that ``nfsrdma --help`` is there at once. Their one-line
descriptions are here, and a new subcommand has to touch :data:`COMMANDS` only.
"""

from __future__ import annotations

import sys

COMMANDS: dict[str, tuple[str, str, str]] = {
    # name: (module here, attribute, what --help says)
    "ls": ("files", "ls", "List directories."),
    "cat": ("files", "cat", "Write files to standard output."),
    "get": ("copy", "get", "Copy files or trees from a server."),
    "put": ("copy", "put", "Copy files or trees to a server."),
    "sync": ("sync", "sync", "Make a tree like another, here or at a server."),
    "stat": ("files", "stat", "Show the attributes of files."),
    "acl": ("acl", "acl", "Show or set the access control lists of files."),
    "df": ("files", "df", "Show the size of a file system, and what is left."),
    "mkdir": ("files", "mkdir", "Make directories."),
    "rm": ("files", "rm", "Remove files or trees."),
    "cp": ("files", "cp", "Copy a file within a server."),
    "mv": ("files", "mv", "Rename a file or directory."),
    "ln": ("files", "ln", "Make a hard or symbolic link."),
    "du": ("trees", "du", "Show what directories take."),
    "find": ("trees", "find", "Find files by name and type."),
    "tree": ("trees", "tree", "Draw directories with all below them."),
    "chmod": ("changes", "chmod", "Set permissions."),
    "chown": ("changes", "chown", "Set owners and groups."),
    "touch": ("changes", "touch", "Make files, or give them the current time."),
    "shell": ("shell", "shell", "Run file commands at a prompt, or from a script."),
    "mount": ("mount", "mount", "Mount an export for every program, by FUSE."),
    "umount": ("mount", "umount", "Unmount it."),
    "mountstats": ("mountstats", "mountstats", "Show what a mount has done."),
    "iostat": ("iostat", "iostat", "Show how busy mounts are, again and again."),
    "mount-helper": ("mount_helper", "mount_helper", "Have mount -t nfsrdma and fstab work."),
    "ping": ("ping", "ping", "Measure NULL round trips to a server."),
    "serve": ("serve", "serve", "Serve directories over RDMA and TCP."),
    "status": ("status", "status", "Show who uses a server of this host, and what they hold."),
    "top": ("top", "top", "Show what a server of this host is busy with, as it happens."),
    "evict": ("administer", "evict", "Put a client out of a server of this host."),
    "upgrade": (
        "administer",
        "upgrade",
        "Put a new process in the place of a server of this host.",
    ),
    "drain": ("administer", "drain", "Have a server of this host end when its clients have left."),
    "dissect": ("dissect", "dissect", "Decode a capture, and say what is wrong in it."),
    "wireshark": ("wireshark", "wireshark", "Bring findings into Wireshark's windows."),
    "bench": ("bench", "bench", "Measure files and names over RDMA and TCP, side by side."),
    "rdma-bench": ("rdma_bench", "rdma_bench", "Measure the verbs by themselves, like perftest."),
    "conform": ("conform", "conform", "Test any server, or client, against the specifications."),
    "proxy": ("proxy", "proxy", "Stand between client and server, and do what rules say."),
    "xdrgen": ("xdrgen", "xdrgen", "Write a Python module from an XDR specification."),
    "demo": ("demo", "demo", "Copy a tree in and out over RDMA and TCP, and compare."),
    "doctor": ("doctor", "doctor", "Say what this machine offers, and what is in the way."),
}


def main() -> None:
    """Run the command line, and exit: 0, 1 for an error, 2 for wrong usage, 130 on interrupt."""
    try:
        interrupts_end_it()
        from .group import run

        status = run()
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def interrupts_end_it(*, at_once: bool = True) -> None:
    """Have an interrupt end the process ``at_once``, or raise ``KeyboardInterrupt`` as usual.

    At once is for the time of imports: they leave nothing to tidy up, and an exception could get
    lost in the interpreter's own callbacks.
    """
    import os
    import signal

    def leave(*_: object) -> None:
        os._exit(130)

    now = signal.getsignal(signal.SIGINT)
    try:
        if at_once and now is signal.default_int_handler:
            signal.signal(signal.SIGINT, leave)
        elif not at_once and getattr(now, "__name__", "") == leave.__name__:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    except ValueError:
        return  # not the main thread: the interrupts are another's
