"""What makes and ends a security context (RFC 2203, Sections 5.2.2 and 5.4), each a procedure."""

from __future__ import annotations

from typing import Final

from nfsrdma.xdr.rpc import rpc_gss_init_arg, rpc_gss_init_res

from .procedures import GSS, Procedure
from .rpc import GSS_CONTINUE, GSS_DESTROY, GSS_INIT, GSS_PROCEDURES, GssCredential

_ERRORS = (
    "BAD_MECH", "BAD_NAME", "BAD_NAMETYPE", "BAD_BINDINGS", "BAD_STATUS", "BAD_MIC", "NO_CRED",
    "NO_CONTEXT", "DEFECTIVE_TOKEN", "DEFECTIVE_CREDENTIAL", "CREDENTIALS_EXPIRED",
    "CONTEXT_EXPIRED", "FAILURE", "BAD_QOP", "UNAUTHORIZED", "UNAVAILABLE",
)  # fmt: skip
MAJOR: Final = {0: "GSS_S_COMPLETE", 1: "GSS_S_CONTINUE_NEEDED"} | {
    number << 16: f"GSS_S_{name}" for number, name in enumerate(_ERRORS, 1)
}
"""Major status codes of GSS-API (RFC 2744, Section 3.9.1)."""

ROWS: Final = {
    **{
        number: Procedure(
            GSS + number, f"RPCSEC_GSS_{GSS_PROCEDURES[number]}", rpc_gss_init_arg,
            rpc_gss_init_res, "gss_major", 0, MAJOR,
        )
        for number in (GSS_INIT, GSS_CONTINUE)
    },
    GSS_DESTROY: Procedure(GSS + GSS_DESTROY, "RPCSEC_GSS_DESTROY", None, None),
}  # fmt: skip
"""By the number in the credential."""


def control_of(credential: GssCredential | None) -> Procedure | None:
    """Return the procedure of a call that is about its security context, and not about data."""
    return ROWS.get(credential.procedure) if credential is not None else None
