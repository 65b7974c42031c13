"""Capture files and streams: where frames are, and when they were seen. No octet is copied."""

from .opening import open_capture
from .reader import CaptureError, Interface, Notice, Reader

__all__ = ["CaptureError", "Interface", "Notice", "Reader", "open_capture"]
