"""The ``nfsrdma`` command."""


def main() -> None:
    """Run the command line."""
