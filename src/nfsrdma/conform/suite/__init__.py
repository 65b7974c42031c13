"""The tests, a module for each section. Importing this enters them in ``case.CASES``."""

from . import (
    headers,
)

__all__ = ["headers"]
