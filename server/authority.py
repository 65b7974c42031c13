"""The one place that decides who a caller is, and whether it may call at all.

Every COMPOUND asks it first, and is executed as the caller that it names. A call is refused
(AUTH_TOOWEAK: "rejected for security reasons", RFC 5531, Section 9) before anything of it is looked
at, so that a refused peer gets neither session nor state, and nothing beyond NULL. The rules:

- A peer that no export admits is refused.
- A peer on this host is who the kernel says (``Peer.uid``): root and the server's own user may call
  for any user, all others only for themselves and with groups that they are in. A peer whose
  process cannot be found is refused.
- The claim (AUTH_SYS) of a peer on another host is believed, if its port is one that only root can
  have there. RDMA has no such ports.
- A server whose files are all opened by one user serves that user and root.
- AUTH_NONE is nobody, and is served where every caller is nobody.
- An export may take one of the two flavors only.

Root of this host is root to the exports as well (``Credentials.vouched``): it has those rights
anyway. Root of a container that shares this host's network is not. What a program of root passes on
for others (a proxy) comes from that program's socket, and so is root's: ``docs/security.md``
says what to do.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, NamedTuple

from nfsrdma.rpcrdma.complaints import Complaints
from nfsrdma.rpcrdma.rpc.auth import NOBODY, Credentials
from nfsrdma.rpcrdma.rpc.channel import UNKNOWN_USER, Channel, Peer
from nfsrdma.rpcrdma.rpc.message import AuthError
from nfsrdma.xdr.rpc import AUTH_NONE, AUTH_SYS, AUTH_TOOWEAK

from .vfs.export import Export, Squash

_log = logging.getLogger(__name__)

ROOT: Final = 0
_RESERVED: Final = range(1, 1024)
_CALLERS: Final = 64
"""Claims of one connection whose decisions are remembered."""


def no_groups(uid: int) -> frozenset[int]:
    """Return no groups: for servers that do not ask a user database."""
    return frozenset()


@dataclass(frozen=True, slots=True)
class Policy:
    """Whom a server believes.

    ``server_user`` is the user that it runs as. ``users`` are those whose calls are served: all if
    None. If it is ``insecure``, other hosts may call from any port, and peers on this host whose
    user is unknown (by an adapter of their own) are believed like those. ``groups_of`` gives the
    groups of a user of this host.
    """

    server_user: int = ROOT
    users: frozenset[int] | None = None
    insecure: bool = False
    groups_of: Callable[[int], frozenset[int]] = no_groups

    @classmethod
    def suiting(cls, exports: Sequence[Export]) -> Policy:
        """Return the strictest policy that these exports can be served by."""
        for export in exports:
            user = export.fs.acts_as
            if user is not None:
                return cls(user, frozenset((user, ROOT)))
        return cls()


class Caller(NamedTuple):
    """A caller that may call."""

    credentials: Credentials
    barred: frozenset[Export]
    """The exports that are not for it."""
    frozen: frozenset[Export]
    """The exports in which it may change nothing, whoever else may."""


class Rejection(Exception):
    """The reason why a peer may not call: one of a few texts; ``detail`` says the rest."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


_Decision = Caller | Rejection
_NO_DECISIONS: Final[dict[int, tuple[Credentials, _Decision]]] = {}


@lru_cache(maxsize=256)
def _corrected(
    claim: Credentials, gid: int, groups: tuple[int, ...], vouched: bool = False
) -> Credentials:
    # Cached, so that a caller over several connections is one object to the exports.
    return replace(claim, gid=gid, groups=groups, vouched=vouched)


class Authority:
    """Decides about callers, once for each connection and each claim made over it."""

    def __init__(
        self, exports: Sequence[Export], policy: Policy, clock: Callable[[], float]
    ) -> None:
        self._exports = tuple(exports)
        self._policy = policy
        self._complaints = Complaints(_log, clock)
        self._channels: dict[Channel, dict[int, tuple[Credentials, _Decision]]] = {}
        # The last caller: as a rule the next one is the same.
        self._channel: Channel | None = None
        self._claim: Credentials | None = None
        self._caller: Caller | None = None

    def __call__(self, channel: Channel, claim: Credentials) -> Caller:
        """Return the caller over ``channel`` that claims to be ``claim``. Raises ``AuthError``."""
        if claim is self._claim and channel is self._channel:
            assert self._caller is not None
            return self._caller
        decisions = self._channels.get(channel)
        if decisions is None:
            decisions = self._channels[channel] = {}
            channel.on_close(lambda _: self._forget(channel))
        # By identity, as the claim is kept with it: quicker than to compare all of it.
        known = decisions.get(id(claim))
        if known is None:
            if len(decisions) >= _CALLERS:
                decisions.clear()
            known = decisions[id(claim)] = claim, self._decision(channel.peer, claim)
        decision = known[1]
        if isinstance(decision, Rejection):
            self._complaints.about(channel.peer, decision.reason, decision.detail)
            raise AuthError(AUTH_TOOWEAK, decision.reason)
        self._channel, self._claim, self._caller = channel, claim, decision
        return decision

    def known(self, channel: Channel, claim: Credentials) -> Caller | None:
        """Return what calling this would, if that was decided before and the caller may call."""
        if claim is self._claim and channel is self._channel:
            return self._caller
        decision = self._channels.get(channel, _NO_DECISIONS).get(id(claim))
        if decision is None or isinstance(decision[1], Rejection):
            return None
        self._channel, self._claim, self._caller = channel, claim, decision[1]
        return decision[1]

    def replace(self, exports: Sequence[Export], policy: Policy) -> None:
        """Decide anew about everybody, by the rules of these exports and of a policy."""
        self._exports = tuple(exports)
        self._policy = policy
        self._channel = self._claim = self._caller = None
        for decisions in self._channels.values():
            decisions.clear()

    def _forget(self, channel: Channel) -> None:
        self._channels.pop(channel, None)
        if channel is self._channel:
            self._channel = self._claim = self._caller = None

    def _decision(self, peer: Peer, claim: Credentials) -> _Decision:
        try:
            return self.decide(peer, claim)
        except Rejection as rejection:
            return rejection.with_traceback(None)

    def decide(self, peer: Peer, claim: Credentials) -> Caller:
        """Decide, without a look at earlier decisions. Raises :class:`Rejection`."""
        barred = frozenset(export for export in self._exports if not export.admits(peer))
        if len(barred) == len(self._exports):
            raise Rejection("refused, as no export is for this address")
        frozen = frozenset(export for export in self._exports if export.freezes(peer))
        if claim.flavor != AUTH_SYS:
            return Caller(claim, barred | self._not_for_nobody(), frozen)
        barred |= self._not_for_flavor(AUTH_SYS)
        if len(barred) == len(self._exports):
            raise Rejection("refused, as no export for it takes its security flavor (AUTH_SYS)")
        if peer.uid == UNKNOWN_USER and not self._policy.insecure:
            raise Rejection("refused, as nobody knows whose process on this host it is")
        if peer.uid is None or peer.uid == UNKNOWN_USER:
            return Caller(self._of_another_host(peer, claim), barred, frozen)
        return Caller(self._of_this_host(peer, peer.uid, claim), barred, frozen)

    def _not_for_nobody(self) -> frozenset[Export]:
        """Return the exports that AUTH_NONE is not served."""
        anonymous = self._policy.users is None
        closed = self._not_for_flavor(AUTH_NONE) | frozenset(
            export for export in self._exports if not anonymous or export.squash is not Squash.ALL
        )
        if len(closed) == len(self._exports):
            raise Rejection("refused, as it does not say who it is (AUTH_NONE)")
        return closed

    def _not_for_flavor(self, flavor: int) -> frozenset[Export]:
        return frozenset(export for export in self._exports if flavor not in export.flavors)

    def _of_another_host(self, peer: Peer, claim: Credentials) -> Credentials:
        policy = self._policy
        # A reserved port would protect nothing of a user's own server from that user.
        reserved = policy.server_user == ROOT and not policy.insecure and peer.transport == "tcp"
        if reserved and peer.port not in _RESERVED:
            raise Rejection(
                "refused, as its port is none that only root can have (--insecure takes any)",
                f"port {peer.port}",
            )
        self._check_served(claim.uid)
        return claim

    def _of_this_host(self, peer: Peer, uid: int, claim: Credentials) -> Credentials:
        policy = self._policy
        if uid == ROOT:
            return _corrected(claim, claim.gid, claim.groups, vouched=peer.at_home)
        if uid == policy.server_user:
            return claim
        self._check_served(uid)
        if claim.uid != uid:
            raise Rejection("refused, as it claims to be somebody else", f"user {claim.uid}")
        groups = peer.groups if peer.groups is not None else policy.groups_of(uid)
        gid = claim.gid if claim.gid in groups else NOBODY
        return _corrected(claim, gid, tuple(g for g in claim.groups if g in groups))

    def _check_served(self, uid: int) -> None:
        policy = self._policy
        if policy.users is not None and uid not in policy.users:
            whose = f"as this server is user {policy.server_user}'s"
            raise Rejection(f"refused, {whose} (--allow-users takes others)", f"user {uid}")
