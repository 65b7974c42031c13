"""The tests, a module for each section. Importing this enters them in ``case.CASES``."""

from . import headers, read_chunks, reply_chunks, write_chunks

__all__ = ["headers", "read_chunks", "reply_chunks", "write_chunks"]
