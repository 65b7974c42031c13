"""Extended attributes by path (RFC 8276), under the names that Linux gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from nfsrdma.xdr.nfs4 import types as t

from .attributes import LINK_TYPE
from .compound import Compound
from .names import Names
from .operations.by_handle import require_version_2
from .paths import Path, to_octets, to_text
from .results import Result
from .xattr_names import PREFIX, option_of, wire_name

R = TypeVar("R")


class ExtendedAttributes(Names):
    """A client that reads and changes extended attributes."""

    async def getxattr(
        self, path: Path, name: str | bytes, *, follow_symlinks: bool = True
    ) -> bytes:
        """Return the value of an extended attribute; ENODATA if there is none of that name."""
        key = wire_name(name, path)

        def tail(compound: Compound) -> Result[bytes]:
            return compound.getxattr(key)

        return await self._run(path, "GETXATTR", tail, follow=follow_symlinks)

    async def setxattr(
        self,
        path: Path,
        name: str | bytes,
        value: bytes,
        flags: int = 0,
        *,
        follow_symlinks: bool = True,
    ) -> None:
        """Set an extended attribute.

        ``flags`` may be ``os.XATTR_CREATE`` (EEXIST if it is there) or ``os.XATTR_REPLACE``
        (ENODATA if it is not).
        """
        key, option = wire_name(name, path), option_of(flags)

        def tail(compound: Compound) -> Result[t.change_info4]:
            return compound.setxattr(option, key, value)

        again = option != t.SETXATTR4_CREATE
        await self._run(path, "SETXATTR", tail, follow=follow_symlinks, idempotent=again)

    async def removexattr(
        self, path: Path, name: str | bytes, *, follow_symlinks: bool = True
    ) -> None:
        """Remove an extended attribute; ENODATA if there is none of that name."""
        key = wire_name(name, path)

        def tail(compound: Compound) -> Result[t.change_info4]:
            return compound.removexattr(key)

        await self._run(path, "REMOVEXATTR", tail, follow=follow_symlinks, idempotent=False)

    async def listxattr(self, path: Path = "", *, follow_symlinks: bool = True) -> list[str]:
        """Return the names of all extended attributes, in no particular order."""
        found = await self.resolver.find(path, follow=follow_symlinks)
        names = await self.operations.listxattrs(found.handle, lambda: to_text(to_octets(path)))
        return [to_text(PREFIX + name) for name in names]

    async def _run(
        self,
        path: Path,
        name: str,
        tail: Callable[[Compound], Result[R]],
        *,
        follow: bool,
        idempotent: bool = True,
    ) -> R:
        def checked(compound: Compound) -> Result[R]:
            if follow:
                compound.verify(t.OP_NVERIFY, LINK_TYPE)  # a link is followed
            return tail(compound)

        require_version_2(self.resolver.caller, lambda: to_text(to_octets(path)))
        result, _ = await self.resolver.run(
            path, name, checked, follow=follow, idempotent=idempotent
        )
        return result.value
