"""Bursts, one client or one status taking over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from gonogo.judges.bursts import Bursts
from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
START = datetime.fromisoformat("2026-11-20T00:00:00Z")


def steady(hours: int = 12, each: int = 3) -> list[dict[str, Any]]:
    """Three requests each minute by many clients."""
    return [
        {
            "t": (START + timedelta(minutes=m, seconds=s)).isoformat(),
            "user_id": f"u{(m * 7 + s) % 40}",
            "status_code": 200,
        }
        for m in range(hours * 60)
        for s in range(each)
    ]


def extra(n: int, *, at: int, over: int, user: str | None = None, status: int = 200) -> list[dict[str, Any]]:
    """`n` requests more, from minute `at` on, within `over` seconds."""
    begin = START + timedelta(minutes=at)
    return [
        {
            "t": (begin + timedelta(seconds=over * k / n)).isoformat(),
            "user_id": user or f"v{k % 41}",
            "status_code": status,
        }
        for k in range(n)
    ]


@pytest.mark.parametrize(
    ("entries", "verdict", "text"),
    [
        (steady(), PASS, "nothing stands out (n=2160"),
        (steady() + extra(60, at=300, over=120), PASS, "nothing stands out"),
        (steady() + extra(61, at=300, over=120), FAIL, "burst: 76 entries in 5m from 2026-11-20 05:00 UTC, median 15"),
        (steady() + extra(600, at=300, over=120, user="bad"), FAIL, "client bad takes over: 600 of 780"),
        (steady() + extra(360, at=480, over=7200, user="scan", status=404), FAIL, "status 404 takes over: 180 of 360"),
        (steady() + extra(70, at=300, over=3600, status=500), PASS, "nothing"),
        (steady() + extra(78, at=300, over=3600, status=500), FAIL, "status 500 takes over: 78 of 258"),
        (steady(1, 1) + extra(19, at=0, over=60, user="few"), PASS, "nothing"),
        (steady(1, 1) + extra(26, at=0, over=3600, user="few"), FAIL, "client few takes over: 26 of 86"),
        (extra(50, at=0, over=60), PASS, "nothing"),
        (extra(50, at=0, over=60, user="alone"), PASS, "nothing"),
        ([], HOLD, "n=0/1"),
        ([{"t": "soon"}], HOLD, "has no time 't'"),
        (["text"], HOLD, "has no time 't'"),
    ],
)
def test_bursts(judge: Ask, entries: list[Any], verdict: Verdict, text: str) -> None:
    """A healthy mix passes; each of the three signs fails just beyond its limit."""
    finding = judge("bursts", {"e": entries}, value="e")
    assert finding.verdict is verdict
    assert text in finding.reason


def test_sparse_entries(judge: Ask) -> None:
    """Windows without entries count: twenty entries in one window of a quiet day are a burst."""
    quiet = [{"t": (START + timedelta(hours=h)).isoformat()} for h in range(12)]
    assert judge("bursts", {"e": quiet + extra(18, at=61, over=60)}, value="e").verdict is PASS
    finding = judge("bursts", {"e": quiet + extra(19, at=61, over=60)}, value="e")
    assert finding.verdict is FAIL
    assert "20 entries in 5m" in finding.reason
    assert "median 0" in finding.reason


def test_entries_that_a_healthy_system_lacks(judge: Ask) -> None:
    """With min_samples 0, no entry at all is no suspicion."""
    assert judge("bursts", {"e": []}, value="e", min_samples=0).verdict is PASS


def test_entries_without_clients_or_statuses(judge: Ask) -> None:
    """Empty ids are no client, text is no status."""
    entries = [{**entry, "user_id": "", "status_code": "500"} for entry in steady(1)]
    assert judge("bursts", {"e": entries}, value="e").verdict is PASS


def test_edges_of_a_burst(judge: Ask) -> None:
    """Three windows are needed; with half of them empty the median is the mean of the middle two."""
    assert judge("bursts", {"e": extra(1, at=0, over=1) + extra(100, at=5, over=60)}, value="e").verdict is PASS
    three = extra(1, at=0, over=1) + extra(1, at=5, over=1) + extra(100, at=10, over=60)
    assert "burst: 100 entries" in judge("bursts", {"e": three}, value="e").reason
    four = extra(20, at=0, over=60) + extra(200, at=15, over=60)
    assert (
        "burst: 200 entries in 5m from 2026-11-20 00:15 UTC, median 10"
        in judge("bursts", {"e": four}, value="e").reason
    )


@pytest.mark.parametrize(("n", "of", "verdict"), [(19, 21, PASS), (20, 21, FAIL), (30, 70, PASS), (31, 70, FAIL)])
def test_edges_of_taking_over(judge: Ask, n: int, of: int, verdict: Verdict) -> None:
    """From twenty entries on, and more than three in ten; told once where all lie within one hour."""
    entries = extra(of, at=0, over=3000) + extra(n, at=0, over=3000, user="one")
    finding = judge("bursts", {"e": entries}, value="e")
    assert finding.verdict is verdict
    assert len(finding.details) == (verdict is FAIL)
    failing = extra(of, at=0, over=3000) + extra(n, at=0, over=3000, status=500)
    assert judge("bursts", {"e": failing}, value="e").verdict is verdict
    assert finding.observed == (finding.details[0] if finding.details else "nothing stands out")


@pytest.mark.parametrize(
    "options",
    [
        {"factor": 1},
        {"share": 0},
        {"share": 1.1},
        {"min_count": 0},
        {"pace": -1},
        {"window": timedelta(0)},
        {"stretch": timedelta(0)},
    ],
)
def test_refuses_options(options: dict[str, Any]) -> None:
    """Options under which everything or nothing stands out are refused."""
    with pytest.raises(ValueError, match="bursts needs"):
        Bursts(value="e", **options)
