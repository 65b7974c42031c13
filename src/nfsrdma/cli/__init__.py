"""The ``nfsrdma`` command."""
import click
from .serve import serve
from .demo import demo
main=click.Group(commands={"serve":serve,"demo":demo})
