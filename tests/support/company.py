"""One call and its reply of each protocol beside NFS, as its specification has them."""

from __future__ import annotations

from typing import Any, NamedTuple

from nfsrdma.xdr import Encoder, rpcbind
from nfsrdma.xdr import link as linked
from nfsrdma.xdr.nfs2 import nlm as nlm3
from nfsrdma.xdr.nfs2 import types as nfs2
from nfsrdma.xdr.nfs3 import mount, nlm, sideband
from nfsrdma.xdr.nfs3 import types as nfs3


class Spoken(NamedTuple):
    """A procedure: what is asked, what is answered, what the dissector's line says of it."""

    program: int
    version: int
    procedure: int
    arguments: Any
    result: Any
    said: str
    status: int = 0
    """That of the result, -1 if it has none."""

    @property
    def name(self) -> str:
        """A name that no other one has."""
        return f"{self.program}.{self.version}.{self.procedure}-{self.said.rsplit(' ')[-1]}"


LOCK = nlm.nlm4_lock(b"host", b"handle", b"owner", 7, 4096, 100)
HOLDER = nlm.nlm4_holder(True, 9, b"other", 0, 0)
OLD_LOCK = nlm3.nlm_lock(b"host", b"handle", b"owner", 7, 4096, 100)
ACL = sideband.secattr(
    15, 2, [sideband.aclent(1, 0, 7), sideband.aclent(4, 0, 5)], 1, [sideband.aclent(0x20, 0, 4)]
)
HANDLE = sideband.acl_fh3(b"handle")
NO_ATTR = sideband.acl_attr3(False)
QUOTA = sideband.rquota(512, True, 1, 2, 3, 4, 5, 6, 7, 8)
LIMITS = sideband.sq_dqblk(1, 2, 3, 4, 5, 6, 7, 8)
FILE = bytes(range(32))
CLOCK = nfs2.timeval(1_700_000_000, 5)
FATTR = nfs2.fattr(1, 0o100644, 1, 1000, 100, 4096, 4096, 0, 8, 1, 77, CLOCK, CLOCK, CLOCK)
SATTR = nfs2.sattr(0o644, 1000, 100, 0, CLOCK, CLOCK)
PLACE = nfs2.diropargs(FILE, b"a-name")
PROGRAM = rpcbind.rpcb(100003, 4, b"tcp", b"10.0.0.2.8.1", b"superuser")
ENTRY = rpcbind.rpcb_entry(b"10.0.0.2.8.1", b"tcp", 3, b"inet", b"tcp")


def octets(value: Any) -> bytes:
    """A value as XDR has it; nothing for ``None``."""
    enc = Encoder()
    if value is not None:
        value.encode(enc)
    return enc.to_bytes()


def _attributes() -> sideband.acl_attr3:
    clock = nfs3.nfstime3(1_700_000_000, 7)
    fattr = nfs3.fattr3(1, 0o644, 1, 1000, 100, 4096, 4096, nfs3.specdata3(0, 0), 1, 77, clock,
                        clock, clock)  # fmt: skip
    return sideband.acl_attr3(True, octets(fattr))


def _old(procedure: int, arguments: Any, result: Any, said: str, status: int = 0) -> Spoken:
    return Spoken(100003, 2, procedure, arguments, result, f"NFS2 {said}", status)


def _bound(version: int, procedure: int, arguments: Any, result: Any, said: str) -> Spoken:
    return Spoken(100000, version, procedure, arguments, result, f"PORTMAP{version} {said}", -1)


_LISTING = nfs2.readdirok(
    linked([nfs2.entry(7, b"a-name", bytes(4)), nfs2.entry(8, b"b-name", b"\0\0\0\1")]), True
)
_GRANTED = nlm.nlm4_res(b"c", nlm.nlm4_stat(nlm.NLM4_GRANTED))
_OLD_HOLDER = nlm3.nlm_holder(True, 9, b"other", 0, 0)
_NO_ONE = rpcbind.rpcb_stat([0] * 13, 1, 2, None, None)
SPOKEN: tuple[Spoken, ...] = (
    Spoken(100021, 4, 1, nlm.nlm4_testargs(b"c", True, LOCK),
           nlm.nlm4_testres(b"c", nlm.nlm4_testrply(nlm.NLM4_DENIED, HOLDER)),
           "NLM4 TEST 4096+100 NLM4_DENIED", 1),
    Spoken(100021, 4, 2, nlm.nlm4_lockargs(b"c", False, True, LOCK, False, 3), _GRANTED,
           "NLM4 LOCK 4096+100 OK"),
    Spoken(100021, 4, 4, nlm.nlm4_unlockargs(b"c", LOCK),
           nlm.nlm4_res(b"c", nlm.nlm4_stat(nlm.NLM4_DENIED_GRACE_PERIOD)),
           "NLM4 UNLOCK 4096+100 NLM4_DENIED_GRACE_PERIOD", 4),
    Spoken(100021, 4, 20, nlm.nlm4_shareargs(b"c", nlm.nlm4_share(b"h", b"f", b"o", 1, 2), False),
           nlm.nlm4_shareres(b"c", nlm.NLM4_STALE_FH, 0), "NLM4 SHARE NLM4_STALE_FH", 7),
    Spoken(100021, 4, 23, nlm.nlm4_notify(b"host", 3), None, "NLM4 FREE_ALL OK", -1),
    Spoken(100021, 3, 1, nlm3.nlm_testargs(b"c", True, OLD_LOCK),
           nlm3.nlm_testres(b"c", nlm3.nlm_testrply(nlm3.LCK_DENIED, _OLD_HOLDER)),
           "NLM3 TEST 4096+100 LCK_DENIED", 1),
    Spoken(100021, 1, 2, nlm3.nlm_lockargs(b"c", True, True, OLD_LOCK, False, 3),
           nlm3.nlm_res(b"c", nlm3.nlm_stat(nlm3.LCK_BLOCKED)), "NLM1 LOCK 4096+100 LCK_BLOCKED",
           3),
    Spoken(100227, 3, 1, sideband.GETACL3args(HANDLE, 15),
           sideband.GETACL3res(0, sideband.GETACL3resok(_attributes(), ACL)),
           "NFS_ACL3 GETACL OK"),
    Spoken(100227, 3, 1, sideband.GETACL3args(HANDLE, 15), sideband.GETACL3res(70, NO_ATTR),
           "NFS_ACL3 GETACL NFS3ERR_STALE", 70),
    Spoken(100227, 3, 2, sideband.SETACL3args(HANDLE, ACL), sideband.SETACL3res(13, NO_ATTR),
           "NFS_ACL3 SETACL NFS3ERR_ACCES", 13),
    Spoken(100227, 3, 3, sideband.GETXATTRDIR3args(HANDLE, True),
           sideband.GETXATTRDIR3res(0, sideband.GETXATTRDIR3resok(HANDLE, NO_ATTR)),
           "NFS_ACL3 GETXATTRDIR OK"),
    Spoken(100227, 2, 1, nfs2.GETACL2args(FILE, 15),
           nfs2.GETACL2res(0, nfs2.GETACL2resok(
               FATTR, nfs2.secattr2(1, 1, [nfs2.aclent2(1, 0, 6)], 0, []))),
           "NFS_ACL2 GETACL OK"),
    Spoken(100227, 2, 3, nfs2.fhandleargs(FILE), nfs2.attrstat(70), "NFS_ACL2 GETATTR NFSERR_STALE",
           70),
    Spoken(100227, 2, 4, nfs2.ACCESS2args(FILE, 0x3F),
           nfs2.ACCESS2res(0, nfs2.ACCESS2resok(FATTR, 1)), "NFS_ACL2 ACCESS OK"),
    Spoken(100024, 1, 1, sideband.sm_name(b"host"), sideband.sm_stat_res(sideband.STAT_FAIL, 3),
           "STAT1 STAT_STAT host STAT_FAIL", 1),
    Spoken(100024, 1, 2,
           sideband.mon(sideband.mon_id(b"host", sideband.my_id(b"me", 100021, 4, 16)), bytes(16)),
           sideband.sm_stat_res(sideband.STAT_SUCC, 3), "STAT1 STAT_MON host OK"),
    Spoken(100024, 1, 3, sideband.mon_id(b"host", sideband.my_id(b"me", 100021, 4, 16)),
           sideband.sm_stat(3), "STAT1 STAT_UNMON OK", -1),
    Spoken(100011, 1, 1, sideband.getquota_args(b"/export", 1000),
           sideband.getquota_rslt(sideband.Q_OK, QUOTA), "RQUOTA1 RQUOTA_GETQUOTA /export OK", 1),
    Spoken(100011, 2, 1, sideband.ext_getquota_args(b"/export", 0, 1000),
           sideband.getquota_rslt(sideband.Q_NOQUOTA), "RQUOTA2 RQUOTA_GETQUOTA /export Q_NOQUOTA",
           2),
    Spoken(100011, 2, 3, sideband.ext_setquota_args(1, b"/export", 1000, 0, LIMITS),
           sideband.getquota_rslt(sideband.Q_EPERM), "RQUOTA2 RQUOTA_SETQUOTA /export Q_EPERM", 3),
    Spoken(100005, 1, 1, mount.mountargs3(b"/export"),
           nfs2.fhstatus(0, nfs2.fhandleok(FILE)), "MOUNT1 MNT /export OK"),
    Spoken(100005, 2, 7, mount.mountargs3(b"/export"),
           nfs2.ppathcnf(127, 255, 255, 255, 4096, 4096, 0, 0, [0, 0]), "MOUNT2 PATHCONF OK", -1),
    Spoken(100005, 3, 5, None,
           mount.exports3(linked([mount.exportnode(b"/a", linked([mount.groupnode(b"*")]))])),
           "MOUNT3 EXPORT OK", -1),
    _old(1, nfs2.fhandleargs(FILE), nfs2.attrstat(0, FATTR), "GETATTR OK"),
    _old(2, nfs2.sattrargs(FILE, SATTR), nfs2.attrstat(30), "SETATTR NFSERR_ROFS", 30),
    _old(4, PLACE, nfs2.diropres(0, nfs2.diropok(FILE, FATTR)), "LOOKUP a-name OK"),
    _old(5, nfs2.fhandleargs(FILE), nfs2.readlinkres(0, nfs2.readlinkok(b"to/there")),
         "READLINK OK"),
    _old(6, nfs2.readargs(FILE, 4096, 11, 0), nfs2.readres(0, nfs2.readok(FATTR, b"eleven oct.")),
         "READ 4096+11 OK"),
    _old(8, nfs2.writeargs(FILE, 0, 4096, 0, b"eleven oct."), nfs2.attrstat(0, FATTR),
         "WRITE 4096+11 OK"),
    _old(9, nfs2.createargs(PLACE, SATTR), nfs2.diropres(0, nfs2.diropok(FILE, FATTR)),
         "CREATE a-name OK"),
    _old(10, PLACE, nfs2.statres(2), "REMOVE a-name NFSERR_NOENT", 2),
    _old(11, nfs2.renameargs(PLACE, nfs2.diropargs(FILE, b"b-name")), nfs2.statres(0),
         "RENAME a-name to b-name OK"),
    _old(12, nfs2.linkargs(FILE, PLACE), nfs2.statres(17), "LINK a-name NFSERR_EXIST", 17),
    _old(13, nfs2.symlinkargs(PLACE, b"to/there", SATTR), nfs2.statres(0), "SYMLINK a-name OK"),
    _old(16, nfs2.readdirargs(FILE, bytes(4), 4096), nfs2.readdirres(0, _LISTING),
         "READDIR cookie 0 4Ki OK"),
    _old(17, nfs2.fhandleargs(FILE), nfs2.statfsres(0, nfs2.statfsok(8192, 4096, 100, 50, 40)),
         "STATFS OK"),
    _bound(2, 3, rpcbind.mapping(100003, 3, 6, 0), rpcbind.pmap_port(2049), "GETPORT 100003v3 OK"),
    _bound(2, 4, None,
           rpcbind.pmaps(linked([rpcbind.pmaplist(rpcbind.mapping(100005, 3, 17, 20048))])),
           "DUMP OK"),
    _bound(2, 5, rpcbind.call_args(100003, 3, 0, b""), rpcbind.call_result(2049, b""),
           "CALLIT 100003v3 OK"),
    _bound(3, 3, PROGRAM, rpcbind.rpcb_uaddr(b"10.0.0.2.8.1"), "GETADDR 100003v4 OK"),
    _bound(4, 4, None, rpcbind.rpcblist(linked([rpcbind.rp__list(PROGRAM)])), "DUMP OK"),
    _bound(4, 11, PROGRAM, rpcbind.rpcb_entries(linked([rpcbind.rpcb_entry_list(ENTRY)])),
           "GETADDRLIST 100003v4 OK"),
    _bound(4, 12, None, rpcbind.rpcb_stat_byvers([_NO_ONE] * 3), "GETSTAT OK"),
)  # fmt: skip
