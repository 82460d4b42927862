"""Plans whose place on the timeline cannot be relied on, and selections that leave an environment out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.config.checklist import load_checklists
from gonogo.config.environment import load_environment
from gonogo.flows.book import Request, open_books
from gonogo.flows.items import items_of
from gonogo.flows.planning import time_doubts
from gonogo.flows.session import look_at
from gonogo.judges import JUDGES
from gonogo.model.check import Check
from gonogo.model.errors import ConfigError
from gonogo.model.run import Plan
from gonogo.probes import PROBES

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CHECKS: Mapping[str, Check] = {check.id: check for check in load_checklists(ROOT / "checks", PROBES, JUDGES)}
HOUR = timedelta(hours=1)


def plan(*ids: str, passed: timedelta | None, at: timedelta | None = None, not_due: tuple[str, ...] = ()) -> Plan:
    """A plan of these items, made `passed` after T0."""
    return Plan(
        run_id="0" * 16,
        created=NOW,
        environment=load_environment("local", ROOT / "environments"),
        system="ion",
        phases=("canary",),
        checks=tuple(CHECKS[one] for one in ids),
        at=at if at is not None else passed,
        t0=None if passed is None else NOW - passed,
        not_due={one: CHECKS[one].at for one in not_due},
    )


def test_an_at_ahead_of_the_clock_proves_nothing() -> None:
    """A day's figures an hour after the deploy are those of the release before."""
    early = plan("ion-can-health", "ion-can-stable-24h", passed=HOUR, at=24 * HOUR)
    assert time_doubts(early, sought=True) == ("T0 was 1h ago: it is too early for ion-can-stable-24h",)
    assert time_doubts(plan("ion-can-stable-24h", passed=23 * HOUR, at=24 * HOUR), sought=True) == ()
    assert time_doubts(plan("ion-can-health", "ion-can-error-rate", passed=HOUR, at=HOUR), sought=True) == ()


def test_an_unknown_t0_is_a_doubt_where_it_was_sought() -> None:
    """Cloud Run did not tell when the release began; an --at, or a system without such a source, needs no T0."""
    (doubt,) = time_doubts(plan("ion-can-stable-24h", passed=None), sought=True)
    assert "T0 is not known" in doubt
    assert time_doubts(plan("ion-can-stable-24h", passed=None, at=24 * HOUR), sought=True) == ()
    assert time_doubts(plan("ion-can-stable-24h", passed=None), sought=False) == ()


def test_what_follows_t0_cannot_be_shown_before_it() -> None:
    """The items of a canary that have no time of their own are no GO for a canary to come."""
    (doubt,) = time_doubts(plan("ion-can-error-rate", passed=-HOUR, not_due=("ion-can-health",)), sought=False)
    assert doubt.startswith("T0 is to come, at 2026-11-20 10:00 UTC")
    before = plan("ion-pre-ci-green", passed=-HOUR, not_due=("ion-can-health",))
    assert time_doubts(before, sought=False) == ()
    assert time_doubts(plan("ion-day-p95", passed=-HOUR), sought=False) == ()


def test_an_environment_of_which_nothing_is_selected_is_refused(tmp_path: Path) -> None:
    """The GO of one environment is not that of the other that was asked for."""
    for name in ("checks", "environments"):
        (tmp_path / name).mkdir()
    item = (
        "{id: a, title: {en: a, ko: a}, probe: {http: {side: stable}}, pass: [{expect: {value: status, equals: 200}}],"
    )
    (tmp_path / "checks/shop.yaml").write_text(
        "system: shop\nphase: predeploy\ndefaults: {area: technical, owner: o, source: s}\n"
        f"items:\n  - {item} remedy: r}}\n",
        encoding="utf-8",
    )
    for name in ("one", "two"):
        (tmp_path / f"environments/{name}.yaml").write_text(
            f"name: {name}\nsystem: shop\ndescribe: d\nguards: {{live: false}}\nsides: {{stable: {{url: 'http://127.0.0.1:1'}}}}\n",
            encoding="utf-8",
        )
    books = open_books(Request(root=tmp_path, environments=("one", "two")))
    items = items_of(books)
    assert [one.key for one in items] == ["one.a", "two.a"]
    with pytest.raises(ConfigError, match="nothing of two is selected, and --env asks for it"):
        look_at(books, items, ["one.a"])
    assert not (tmp_path / "reports").exists()
