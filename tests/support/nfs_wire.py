"""Compounds over a real channel: what ``tests.support.nfs`` does without one."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tests.support.nfs import Op, create_session, encode_compound, exchange_id, reclaim_complete

from nfsrdma.rpcrdma.rpc.auth import Credentials
from nfsrdma.rpcrdma.rpc.channel import Channel
from nfsrdma.rpcrdma.rpc.client import RpcClient
from nfsrdma.rpcrdma.task import Future
from nfsrdma.xdr.nfs4 import types as t

T = TypeVar("T")


class WireSession:
    """A client with one session; ``wait`` turns a reactor until a future is done."""

    def __init__(
        self, channel: Channel, wait: Callable[[Future[Any]], Any], owner: bytes = b"wire"
    ) -> None:
        self.channel = channel
        self._wait = wait
        self._rpc = RpcClient(random.Random(owner), Credentials.sys(0, 0))
        self.seqid = 0
        client = self.send([exchange_id(owner)]).resarray[0].value.value
        created = (
            self.send([create_session(client.eir_clientid, 1, request=2 << 20, response=2 << 20)])
            .resarray[0]
            .value.value
        )
        self.id = created.csr_sessionid
        self.run([reclaim_complete()])

    def start(self, ops: Sequence[Op], max_reply: int, sinks: Sequence[memoryview]) -> Future[Any]:
        return self._rpc.call(
            self.channel,
            100003,
            4,
            1,
            lambda enc: encode_compound(enc, ops),
            max_reply=max_reply,
            sinks=sinks,
        )

    def send(
        self, ops: Sequence[Op], max_reply: int = 4096, sinks: Sequence[memoryview] = ()
    ) -> t.COMPOUND4res:
        return t.COMPOUND4res.decode(self._wait(self.start(ops, max_reply, sinks)))

    def run(self, ops: Sequence[Op], **how: Any) -> list[Any]:
        """A compound in the session; the values of its results, which have to be successes."""
        self.seqid += 1
        sequence: Op = (t.OP_SEQUENCE, t.SEQUENCE4args(self.id, self.seqid, 0, 0, False))
        result = self.send([sequence, *ops], **how)
        assert result.status == t.NFS4_OK, result
        return [getattr(each.value, "value", each.value) for each in result.resarray]
