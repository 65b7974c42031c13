"""A back end over fsspec: object stores, archives and web servers, exported read-only.

fsspec (https://filesystem-spec.readthedocs.io) knows names, sizes and octets, and promises neither
inodes, nor atomic renames, nor locks. So an object *is* its name here: what replaces it has the
same file handle. Nothing is written: a store without renames and partial writes could not keep what
NFS promises about either, and EROFS says so.

- ``names`` makes identities, cookies and numbers of names, which outlive the server;
- ``info`` reads what fsspec tells of an object;
- ``calls`` has all that blocks, and runs on threads;
- ``listings`` keeps directories for a while, within bounds;
- ``filesystem`` is the back end.
"""

from .filesystem import FsspecFileSystem
from .opening import UrlRefused, open_url

__all__ = ["FsspecFileSystem", "UrlRefused", "open_url"]
