"""A mount of the operating system: what the kernel asks over ``/dev/fuse``, answered by nodes.

From below: :mod:`.wire` has the messages of the FUSE protocol, :mod:`.operations` answers each
request with operations on :class:`~..nodes.Nodes`, and :mod:`.session` negotiates, keeps requests
in flight and decides which of them are given up. None of them touches the system. :mod:`.device`
reads and writes ``/dev/fuse`` on the client's reactor, :mod:`.mounting` mounts and unmounts, and
:mod:`.daemon` is the process behind a mount.
"""
