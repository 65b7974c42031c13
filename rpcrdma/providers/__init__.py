"""Providers of the verbs: each opens a ``verbs.Device`` on a reactor.

``soft`` is RoCEv2 over UDP sockets, ``verbs`` (in ``rdmacore``) drives adapters, ``shm`` connects
two processes of one host, and ``sim`` a whole network in virtual time, for tests. By name:

    from nfsrdma.rpcrdma.io.reactor import SelectReactor
    from nfsrdma.rpcrdma.providers import open_device

    device = open_device("soft", SelectReactor(), address="127.0.0.1", pcap="packets.pcapng")

A provider of one's own needs a class that satisfies ``verbs.Device``; the conformance suite
(``tests/conformance``) says whether it follows the rules.
"""

from .registry import DEFAULT_PROVIDER, PROVIDERS, check_provider, open_device

__all__ = ["DEFAULT_PROVIDER", "PROVIDERS", "check_provider", "open_device"]
