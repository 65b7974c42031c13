"""A back end that is another NFS server: our server in front, our client behind.

So a server that speaks TCP alone is reached over RDMA. The room is above both: neither server nor
client knows of it, and the server sees a ``FileSystem`` like any other.

- Handles are those of the far server, inside ours. Nothing is remembered for them.
- Callers act at the far server as themselves where the proxy may say so (it runs as root there, or
  the far server believes it), else all of them as the proxy's own user.
- Opens are passed on, one for each; unstable writes stay at the far server, whose write verifier is
  part of ours, so a restart of either makes clients write again.
- While the far server is away, calls are answered DELAY, and clients ask again.
- Byte-range locks and share reservations hold among the clients of the proxy: they are not passed
  on.
"""

from .filesystem import ProxyFileSystem
from .opening import open_proxy

__all__ = ["ProxyFileSystem", "open_proxy"]
