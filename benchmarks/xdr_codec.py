"""How fast the emitted types are: a READ and a GETATTR, each as a whole RPC call and reply.

``PYTHONPATH=src python benchmarks/xdr_codec.py`` prints microseconds for every step (the best of
several rounds, one core) and what that makes in exchanges per second: "4 steps" encodes and
decodes both messages, "client" and "server" are each side's half of it. GETATTR's attributes
are turned into a ``dict`` and back.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from nfsrdma.xdr import Decoder, Encoder, rpc
from nfsrdma.xdr.nfs4 import attrs
from nfsrdma.xdr.nfs4 import types as t

ROUNDS = 15
ROUND_SECONDS = 0.02

AUTH_SYS = rpc.authsys_parms(0x12345678, b"client.example", 1000, 1000, [4, 24, 27, 1000])
STATEID = t.stateid4(1, b"stateid-else")
SESSION = b"0123456789abcdef"
STANDARD = attrs.mask_of(1, 3, 4, 8, 20, 33, 35, 36, 37, 41, 45, 47, 52, 53, 55)
TIME = t.nfstime4(1_700_000_000, 123_456_789)
ATTRIBUTES = {
    t.FATTR4_TYPE: t.NF4REG,
    t.FATTR4_CHANGE: 77,
    t.FATTR4_SIZE: 4096,
    t.FATTR4_FSID: t.fsid4(1, 2),
    t.FATTR4_FILEID: 42,
    t.FATTR4_MODE: 0o644,
    t.FATTR4_NUMLINKS: 1,
    t.FATTR4_OWNER: b"1000",
    t.FATTR4_OWNER_GROUP: b"1000",
    t.FATTR4_RAWDEV: t.specdata4(0, 0),
    t.FATTR4_SPACE_USED: 4096,
    t.FATTR4_TIME_ACCESS: TIME,
    t.FATTR4_TIME_METADATA: TIME,
    t.FATTR4_TIME_MODIFY: TIME,
    t.FATTR4_MOUNTED_ON_FILEID: 42,
}


def encode_call(operation: t.nfs_argop4) -> Encoder:
    """SEQUENCE, PUTFH and one operation, behind an RPC header with AUTH_SYS."""
    credential = Encoder()
    AUTH_SYS.encode(credential)
    enc = Encoder()
    rpc.rpc_msg(
        7,
        rpc.rpc_msg_body(
            rpc.CALL,
            rpc.call_body(
                2,
                t.NFS4_PROGRAM,
                t.NFS_V4,
                t.NFSPROC4_COMPOUND,
                rpc.opaque_auth(rpc.AUTH_SYS, credential.to_bytes()),
                rpc.opaque_auth(rpc.AUTH_NONE, b""),
            ),
        ),
    ).encode(enc)
    t.COMPOUND4args(
        b"",
        1,
        [
            t.nfs_argop4(t.OP_SEQUENCE, t.SEQUENCE4args(SESSION, 9, 0, 0, False)),
            t.nfs_argop4(t.OP_PUTFH, t.PUTFH4args(b"h" * 32)),
            operation,
        ],
    ).encode(enc)
    return enc


def decode_call(message: bytes) -> t.COMPOUND4args:
    """What a server does with it."""
    dec = Decoder(message)
    call = rpc.rpc_msg.decode(dec).body.cbody
    rpc.authsys_parms.decode(Decoder(call.cred.body))
    return t.COMPOUND4args.decode(dec)


def encode_reply(result: t.nfs_resop4) -> Encoder:
    """The results of SEQUENCE, PUTFH and one operation, behind an RPC header."""
    enc = Encoder()
    verifier = rpc.opaque_auth(rpc.AUTH_NONE, b"")
    accepted = rpc.accepted_reply(verifier, rpc.accepted_reply_reply_data(rpc.SUCCESS))
    rpc.rpc_msg(7, rpc.rpc_msg_body(rpc.REPLY, rpc.reply_body(rpc.MSG_ACCEPTED, accepted))).encode(
        enc
    )
    sequence = t.SEQUENCE4resok(SESSION, 9, 0, 63, 63, 0)
    t.COMPOUND4res(
        t.NFS4_OK,
        b"",
        [
            t.nfs_resop4(t.OP_SEQUENCE, t.SEQUENCE4res(t.NFS4_OK, sequence)),
            t.nfs_resop4(t.OP_PUTFH, t.PUTFH4res(t.NFS4_OK)),
            result,
        ],
    ).encode(enc)
    return enc


def decode_reply(message: bytes) -> t.COMPOUND4res:
    """What a client does with it."""
    dec = Decoder(message)
    rpc.rpc_msg.decode(dec)
    return t.COMPOUND4res.decode(dec)


def encode_read_reply(data: bytes) -> Encoder:
    read = t.READ4resok(False, data)
    return encode_reply(t.nfs_resop4(t.OP_READ, t.READ4res(t.NFS4_OK, read)))


def encode_getattr_reply() -> Encoder:
    resok = t.GETATTR4resok(attrs.encode_fattr4(ATTRIBUTES))
    return encode_reply(t.nfs_resop4(t.OP_GETATTR, t.GETATTR4res(t.NFS4_OK, resok)))


def decode_getattr_reply(message: bytes) -> dict[int, object]:
    results = decode_reply(message).resarray
    return attrs.decode_fattr4(results[2].opgetattr.resok4.obj_attributes)


def seconds(step: Callable[[], object]) -> float:
    """The time of one step: the best of several rounds' averages."""
    count, best = 1, float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(count):
            step()
        elapsed = time.perf_counter() - start
        best = min(best, elapsed / count)
        count = max(1, int(ROUND_SECONDS / best))
    return best


def measure(name: str, steps: list[Callable[[], object]]) -> None:
    """One line of the table; the steps are those of a call, then those of its reply."""
    times = [seconds(step) for step in steps]
    columns = [f"{time * 1e6:8.2f}" for time in times]
    encode_c, decode_c, encode_r, decode_r = times
    rates = (sum(times), encode_c + decode_r, decode_c + encode_r)
    columns += [f"{1 / rate / 1000:8.1f}k" for rate in rates]
    print(f"{name:<12}" + "".join(columns))


def main() -> None:
    """Print the table."""
    print(f"Python {sys.version.split()[0]}; microseconds a step, thousands of exchanges a second")
    heads = ("call enc", "call dec", "rep enc", "rep dec", "4 steps", "client", "server")
    print(" " * 12 + "".join(f"{head:>{8 + (place > 3)}}" for place, head in enumerate(heads)))
    data = bytes(4096)
    call = encode_call(t.nfs_argop4(t.OP_READ, t.READ4args(STATEID, 0, 4096))).to_bytes()
    reply = encode_read_reply(data).to_bytes()
    measure(
        "READ 4 KiB",
        [
            lambda: encode_call(t.nfs_argop4(t.OP_READ, t.READ4args(STATEID, 0, 4096))),
            lambda: decode_call(call),
            lambda: encode_read_reply(data),
            lambda: decode_reply(reply),
        ],
    )
    words = attrs.bitmap_from_mask(STANDARD)
    getattr_call = encode_call(t.nfs_argop4(t.OP_GETATTR, t.GETATTR4args(words))).to_bytes()
    getattr_reply = encode_getattr_reply().to_bytes()
    measure(
        "GETATTR 15",
        [
            lambda: encode_call(t.nfs_argop4(t.OP_GETATTR, t.GETATTR4args(words))),
            lambda: decode_call(getattr_call),
            encode_getattr_reply,
            lambda: decode_getattr_reply(getattr_reply),
        ],
    )


if __name__ == "__main__":
    main()
