"""Where a Python buffer is in memory."""

from __future__ import annotations

import ctypes
from typing import Any


class _PyBuffer(ctypes.Structure):
    """``Py_buffer``, of CPython's stable ABI."""

    _fields_ = [
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    ]


_get_buffer: Any = ctypes.pythonapi.PyObject_GetBuffer
_get_buffer.argtypes = [ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int]
_release: Any = ctypes.pythonapi.PyBuffer_Release
_release.argtypes = [ctypes.POINTER(_PyBuffer)]
_release.restype = None


def address_of(view: memoryview) -> int:
    """Return the address of a buffer's first octet; the buffer may be read-only.

    It is valid as long as there is a view of the buffer: keep one.
    """
    if not view.readonly and len(view):
        return ctypes.addressof(ctypes.c_char.from_buffer(view))  # three times as fast
    found = _PyBuffer()
    _get_buffer(view, found, 0)
    address = found.buf or 0
    _release(found)
    return address
