"""Looking at the port before the reactor sleeps."""

from __future__ import annotations

import pytest

from nfsrdma.rpcrdma.providers.lookout import Lookout
from nfsrdma.rpcrdma.software.patience import BOTH_WAKE_S


class Port:
    """A port at which something comes, or not, whenever it is looked at."""

    def __init__(self) -> None:
        self.comes = True
        self.able = True
        self.looked: list[float] = []
        self.turns = self.others = 0
        self.lookout = Lookout(self.receive, lambda: self.able, self.turn, self.see)

    def receive(self, seconds: float) -> bool:
        self.looked.append(seconds)
        if self.comes:
            self.lookout.heard()
        return self.comes

    def turn(self) -> None:
        self.turns += 1

    def see(self) -> None:
        self.others += 1


@pytest.fixture
def port() -> Port:
    return Port()


def test_who_has_heard_of_nobody_sleeps(port: Port) -> None:
    assert not port.lookout(None)
    assert port.looked == []


def test_what_comes_is_followed_by_a_turn_and_the_next_look(port: Port) -> None:
    port.lookout.heard()
    for turns in range(1, 4):
        assert port.lookout(None)
        assert port.turns == turns
    assert port.looked == [BOTH_WAKE_S] * 3
    assert port.lookout.pays


def test_other_descriptors_have_their_turn(port: Port) -> None:
    port.lookout.heard()
    for _ in range(40):
        assert port.lookout(None)
    assert port.others == 2


def test_a_look_is_no_longer_than_the_sleep(port: Port) -> None:
    port.lookout.heard()
    assert port.lookout(1e-5)
    assert port.looked == [1e-5]


def test_nobody_looks_twice_in_vain(port: Port) -> None:
    port.comes = False
    port.lookout.heard()
    assert not port.lookout(None)
    assert not port.lookout(None)
    assert len(port.looked) == 1
    assert port.turns == 0


def test_where_looks_find_nothing_there_are_soon_few(port: Port) -> None:
    port.comes = False
    for _ in range(2000):
        port.lookout.heard()
        assert not port.lookout(None)
    assert not port.lookout.pays
    assert sum(port.looked) < 80 * BOTH_WAKE_S
    assert len(port.looked) < 100


def test_who_cannot_look_sleeps(port: Port) -> None:
    port.able = False
    port.lookout.heard()
    assert not port.lookout(None)
    assert port.looked == []


def test_what_an_owner_raises_is_followed_by_a_turn(port: Port) -> None:
    def fail(_: float) -> bool:
        raise RuntimeError("an owner's")

    lookout = Lookout(fail, lambda: True, port.turn, port.see)
    lookout.heard()
    with pytest.raises(RuntimeError):
        lookout(None)
    assert port.turns == 1
