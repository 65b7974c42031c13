"""The ``nfsrdma`` command."""

import click

from .demo import demo
from .dissect import dissect
from .serve import serve

main = click.Group(commands={"serve": serve, "demo": demo, "dissect": dissect})
