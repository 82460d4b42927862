"""Which waiver counts, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from gonogo.gate.waivers import valid_waiver
from gonogo.model.verdict import Waiver


def waiver(until: datetime, **changed: str) -> Waiver:
    """A waiver of c0 in ion-canary for v1.2.3."""
    names = {
        "id": "c0",
        "environment": "ion-canary",
        "release": "v1.2.3",
        "owner": "Mina",
        "reason": "known",
        **changed,
    }
    return Waiver(until=until, **names)


@pytest.mark.parametrize(
    ("left", "expired"), [(timedelta(seconds=1), False), (timedelta(0), True), (timedelta(seconds=-1), True)]
)
def test_expiry(now: datetime, left: timedelta, expired: bool) -> None:
    """A waiver counts up to its end, not at it."""
    one = waiver(now + left)
    assert valid_waiver([one], "c0", "ion-canary", "v1.2.3", now) == (one, expired)


@pytest.mark.parametrize("changed", [{"id": "c1"}, {"environment": "ion-prod"}, {"release": "v1.2.2"}])
def test_bound(now: datetime, changed: dict[str, str]) -> None:
    """Row 91: the waiver of another item, environment or release is none."""
    other = waiver(now + timedelta(days=1), **changed)
    assert valid_waiver([other], "c0", "ion-canary", "v1.2.3", now) == (None, False)
    assert valid_waiver([], "c0", "ion-canary", "v1.2.3", now) == (None, False)


def test_the_last_end_counts(now: datetime) -> None:
    """An old waiver does not shadow a newer one."""
    old, new = waiver(now - timedelta(days=1)), waiver(now + timedelta(days=1))
    for order in ([old, new], [new, old]):
        assert valid_waiver(order, "c0", "ion-canary", "v1.2.3", now) == (new, False)
