"""RPC-with-TLS (RFC 9289) made readable by a key log: a capture is written anew without the TLS."""

from .decrypt import Decryption
from .keylog import KeyLog, KeyLogError

__all__ = ["Decryption", "KeyLog", "KeyLogError"]
