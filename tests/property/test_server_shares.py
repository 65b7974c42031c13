"""The counts of share reservations against a look at every open."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nfsrdma.server.state.client import Client
from nfsrdma.server.state.limits import StateLimits
from nfsrdma.server.state.principal import Principal
from nfsrdma.server.state.stateid import StateTable

MODES = [(access, deny) for access in range(1, 4) for deny in range(4)]

steps = st.lists(
    st.tuples(
        st.sampled_from(["open", "change", "close"]), st.integers(0, 4), st.sampled_from(MODES)
    ),
    max_size=30,
)


class _Handle:
    wire = b"handle"


@settings(max_examples=150, deadline=None)
@given(steps)
def test_same_as_one_by_one(todo: list[tuple[str, int, tuple[int, int]]]) -> None:
    table = StateTable(StateLimits(), random.Random(1), lambda work: work())
    client = Client(1, b"me", b"verifier", Principal(1, 0, ("here", None)), 0.0)
    handle: Any = _Handle()
    opens: dict[int, Any] = {}
    for what, owner, (access, deny) in todo:
        if what == "close" or owner not in opens:
            if owner in opens:
                table.close(opens.pop(owner))
        else:
            opens[owner].set_modes(access, deny)
        if what == "open" and owner not in opens:
            opens[owner] = table.add_open(client, b"%d" % owner, handle)
            opens[owner].set_modes(access, deny)
        file = table.file(handle)
        assert (file is None) == (not opens)
        for wanted, denied in MODES:
            expected = [
                state for state in opens.values() if state.deny & wanted or state.access & denied
            ]
            if file is not None:
                assert file.rules_out(wanted, denied) == bool(expected)
                assert {id(state) for state in file.conflicts(wanted, denied)} == {
                    id(state) for state in expected
                }
    table.drop_client(client)
    assert not len(table)
