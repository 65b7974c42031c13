"""Which procedure a number is, of all programs that can be decoded.

The tables of the protocols beside NFS versions 3 and 4 are loaded when one of them is seen.
"""

from __future__ import annotations

from typing import Final

from .gss import ROWS
from .procedures import COMPANY, PROCEDURES, Procedure

NAMES: Final = {
    row.number: row.name for rows in (*PROCEDURES.values(), ROWS.values()) for row in rows
}
"""Operation number -> procedure name."""


def procedure_of(program: int, version: int, number: int) -> Procedure | None:
    """Return the procedure with a number, or ``None`` if it is none that can be decoded."""
    rows = PROCEDURES.get((program, version))
    if rows is None:
        if (program, version) not in COMPANY:
            return None
        _load()
        rows = PROCEDURES[program, version]
    return rows[number] if 0 <= number < len(rows) else None


def _load() -> None:
    from .sideband import TABLES

    PROCEDURES.update(TABLES)
    NAMES.update((row.number, row.name) for rows in TABLES.values() for row in rows)
