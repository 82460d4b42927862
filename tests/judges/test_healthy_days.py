"""Simulated days of a healthy service: nights, mornings, few users, warm-ups, collections of garbage."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
START = datetime.fromisoformat("2026-11-19T21:00:00Z")
PERSONAS = ("Lua", "Elro", "Riri", "Nana")
AS_ION: dict[str, dict[str, Any]] = {  # the options of checks/ion/postdeploy.yaml
    "bursts": {"value": "e", "min_count": 60, "pace": 120},
    "even": {"value": "e", "factor": 1.5},
    "trend": {"value": "e", "tolerance": 0.3, "surely": 2},
}


def day(hour: float) -> float:
    """0 at three in the morning, 1 at three in the afternoon."""
    return 0.5 - 0.5 * math.cos(2 * math.pi * (hour - 3) / 24)


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def chats(seed: int, *, busy: float, quiet: float, users: int, begins: int) -> list[dict[str, Any]]:
    """Twelve hours of conversations from the hour `begins` on: `busy` and `quiet` requests an hour, in sessions."""
    rng = random.Random(seed)  # noqa: S311
    names, weights = [f"u{n}" for n in range(users)], [1 / (n + 1) ** 0.8 for n in range(users)]
    until: dict[str, float] = {}
    entries: list[dict[str, Any]] = []
    now = 0.0
    while True:
        hourly = (quiet + (busy - quiet) * day(begins + now / 3600)) / 6
        now += rng.expovariate(hourly / 3600)
        if now > 12 * 3600:
            return entries
        user = rng.choices(names, weights)[0]
        if until.get(user, 0) > now:
            continue
        sent = now
        for _ in range(1 + int(rng.expovariate(1 / 5))):
            status = 200 if rng.random() > 0.01 else rng.choice([400, 404, 500])
            entries.append({"t": at(sent), "user_id": user, "status_code": status})
            sent += rng.uniform(10, 60)
        until[user] = sent


@pytest.mark.parametrize("begins", [21, 9, 3])
@pytest.mark.parametrize(("busy", "quiet", "users"), [(2000, 20, 500), (600, 5, 200), (60, 1, 20), (20, 1, 8)], ids=str)
def test_healthy_traffic_has_no_bursts(judge: Ask, busy: float, quiet: float, users: int, begins: int) -> None:
    """Neither a morning nor the only user who is awake is suspicious."""
    for seed in range(5):
        entries = chats(seed, busy=busy, quiet=quiet, users=users, begins=begins)
        finding = judge("bursts", {"e": entries}, **AS_ION["bursts"])
        assert finding.verdict is not FAIL, finding.reason


def test_bursts_stand_out_of_a_healthy_night(judge: Ask) -> None:
    """Six hundred requests in two minutes, and a script that asks all hour."""
    night = chats(1, busy=120, quiet=5, users=40, begins=21)
    burst = [{"t": at(6 * 3600 + n / 5), "user_id": f"v{n}", "status_code": 200} for n in range(600)]
    assert "burst: " in judge("bursts", {"e": night + burst}, **AS_ION["bursts"]).reason
    script = [{"t": at(6 * 3600 + 10 * n), "user_id": "script", "status_code": 200} for n in range(360)]
    finding = judge("bursts", {"e": night + script}, **AS_ION["bursts"])
    assert (finding.verdict, "client script takes over" in finding.reason) == (FAIL, True)


def answers(seed: int, each: int, slow: float = 1) -> list[dict[str, Any]]:
    rng = random.Random(seed)  # noqa: S311
    return [
        {"persona_used": name, "process_time_ms": 420 * 2 ** rng.gauss(0, 0.75) * (slow if name == "Nana" else 1)}
        for name in PERSONAS
        for _ in range(each)
    ]


def test_few_answers_are_not_uneven(judge: Ask) -> None:
    """Medians of ten answers differ by half easily: no NO-GO on them, and GO on many."""
    few = [judge("even", {"e": answers(seed, 10)}, **AS_ION["even"]).verdict for seed in range(100)]
    assert few.count(FAIL) <= 1
    assert {judge("even", {"e": answers(seed, 60)}, **AS_ION["even"]).verdict for seed in range(50)} == {PASS}
    slow = [judge("even", {"e": answers(seed, 40, slow=3)}, **AS_ION["even"]).verdict for seed in range(50)]
    assert set(slow) == {FAIL}


def memory(seed: int, shape: Callable[[float], float]) -> list[dict[str, Any]]:
    """Twelve hours of a shape, with noise that lasts for a while."""
    rng = random.Random(seed)  # noqa: S311
    noise, points = 0.0, []
    for n in range(144):
        noise = 0.9 * noise + rng.gauss(0, 0.003)
        points.append({"t": at(300 * n), "value": shape(n / 12) + noise})
    return points


@pytest.mark.parametrize(
    ("shape", "allowed"),
    [
        (lambda _: 0.3, {PASS}),
        (lambda h: 0.3 + 0.12 * (1 - math.exp(-h / 2)), {PASS, HOLD}),
        (lambda h: 0.3 + 0.1 * ((h / 3 + 0.4) % 1), {PASS}),
        (lambda h: 0.3 + 0.15 * ((h / 9 + 0.7) % 1), {PASS}),
        (lambda h: 0.3 * (1 + 0.2 * day(h + 9)), {PASS}),
        (lambda h: 0.3 * (1 + 0.2 * day(h + 21)), {PASS, HOLD}),
        (lambda h: 0.29 + 0.165 * h / 12, {FAIL}),
        (lambda h: 0.3 + 0.15 * h / 12 + 0.03 * ((h * 2) % 1), {FAIL}),
    ],
    ids=["flat", "warm-up", "saw", "long-saw", "afternoon", "night-to-morning", "leak", "leak-with-saw"],
)
def test_memory(judge: Ask, shape: Callable[[float], float], allowed: set[Verdict]) -> None:
    """A leak fails; what fills caches, is collected or follows the traffic does not."""
    found = [judge("trend", {"e": memory(seed, shape)}, **AS_ION["trend"]).verdict for seed in range(15)]
    assert set(found) <= allowed, found
