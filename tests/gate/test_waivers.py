"""valid_waiver: the one waiver that counts for an item, an environment and a release at a moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gonogo.gate.waivers import valid_waiver
from gonogo.model.verdict import Waiver

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
OURS = Waiver(
    id="ion-pre-db-backup",
    environment="ion-prod",
    release="v1.2.3",
    owner="kim",
    reason="the backup runs at noon",
    until=NOW + timedelta(hours=1),
)


@pytest.mark.parametrize(
    "other",
    [
        replace(OURS, id="ion-pre-db-backup-2"),
        replace(OURS, environment="ion-staging"),
        replace(OURS, release="v1.2.2"),
    ],
    ids=["item", "environment", "release"],
)
def test_a_waiver_of_another_item_environment_or_release_does_not_count(other: Waiver) -> None:
    """v1.2.2's waiver does not serve v1.2.3."""
    assert valid_waiver([other], OURS.id, OURS.environment, OURS.release, NOW) == (None, False)
    assert valid_waiver([other, OURS], OURS.id, OURS.environment, OURS.release, NOW) == (OURS, False)


@pytest.mark.parametrize(
    ("after", "expired"), [(timedelta(minutes=59), False), (timedelta(hours=1), True), (timedelta(days=9), True)]
)
def test_a_waiver_counts_up_to_its_end(after: timedelta, expired: bool) -> None:
    """At its end it has expired; it is still named."""
    assert valid_waiver([OURS], OURS.id, OURS.environment, OURS.release, NOW + after) == (OURS, expired)


def test_the_waiver_that_ends_last_counts() -> None:
    """A renewed waiver is found wherever it stands in the file."""
    renewed = replace(OURS, until=NOW + timedelta(days=2))
    for waivers in ([OURS, renewed], [renewed, OURS]):
        moment = NOW + timedelta(days=1)
        assert valid_waiver(waivers, OURS.id, OURS.environment, OURS.release, moment) == (renewed, False)
