"""``python -m nfsrdma`` is the ``nfsrdma`` command."""

from nfsrdma.cli import main

if __name__ == "__main__":
    main()
