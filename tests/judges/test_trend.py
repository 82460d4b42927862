"""A rise beyond noise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.judges.trend import Trend, mann_kendall, theil_sen, thinned
from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
START = datetime.fromisoformat("2026-11-19T21:00:00Z")
series = st.lists(st.tuples(st.integers(0, 10**6), st.integers(-1000, 1000)), max_size=40)


def points(n: int, value: Callable[[int], float], every: int = 5) -> list[dict[str, Any]]:
    """`n` points, one each `every` minutes."""
    return [{"t": (START + timedelta(minutes=every * k)).isoformat(), "value": value(k)} for k in range(n)]


def noisy(seed: int, level: float, spread: float) -> Callable[[int], float]:
    """White noise around a level."""
    rng = random.Random(seed)  # noqa: S311
    values = [level + rng.uniform(-spread, spread) for _ in range(2000)]
    return lambda k: values[k]


@pytest.mark.parametrize(
    ("given_points", "verdict", "text"),
    [
        (points(144, lambda _: 0.3), PASS, "stable: +0.000"),
        (points(144, lambda k: 300 + 180 * k / 143), FAIL, "rises by"),
        (points(144, lambda k: 480 - 180 * k / 143), PASS, "stable: -"),
        (points(144, lambda k: 300 + 10 * k / 143), PASS, "stable: +0.06"),
        (points(144, lambda k: 300 if k != 70 else 900), PASS, "stable"),
        (points(1500, lambda k: 300 + 0.2 * k, every=1), FAIL, "rises by"),
        (points(10, lambda k: 300 + k), FAIL, "n=10"),
        (points(9, lambda k: 300 + k), HOLD, "n=9/10"),
        ([], HOLD, "n=0/10"),
        (points(20, lambda _: 0.0), HOLD, "cannot be measured"),
        ([{"t": START.isoformat(), "value": k} for k in range(1, 20)], HOLD, "cannot be measured"),
        ([{"t": "x", "value": 1}], HOLD, "not {t, value}"),
        ([{"t": START.isoformat(), "value": "1"}], HOLD, "not {t, value}"),
        ([{"t": START.isoformat(), "value": True}], HOLD, "not {t, value}"),
        ([3], HOLD, "not {t, value}"),
    ],
)
def test_trend(judge: Ask, given_points: list[Any], verdict: Verdict, text: str) -> None:
    """A leak fails long before its limit; a level, a fall, an outlier and a slow rise pass."""
    finding = judge("trend", {"p": given_points}, value="p", name="memory")
    assert finding.verdict is verdict
    assert text in finding.reason


def test_tolerance_is_a_limit(judge: Ask) -> None:
    """A rise of exactly the tolerance passes, one beyond it fails."""
    rising = points(145, lambda k: 1000 + k - 72)  # 288 a day around 1000
    assert judge("trend", {"p": rising}, value="p", tolerance=0.2881).verdict is PASS
    assert judge("trend", {"p": rising}, value="p", tolerance=0.2879).verdict is FAIL


def test_noise_seldom_fails(judge: Ask) -> None:
    """Of a hundred flat series of twelve hours hardly any is called rising: both tests would have to agree."""
    flat = [points(144, noisy(seed, 300, 30)) for seed in range(100)]
    failed = sum(judge("trend", {"p": series}, value="p").verdict is FAIL for series in flat)
    assert failed <= 1


def test_a_rise_in_noise_fails(judge: Ask) -> None:
    """A leak of a third in half a day is seen through noise of a tenth."""
    for seed in range(20):
        noise = noisy(seed, 0, 30)
        rising = points(144, lambda k, noise=noise: 300 + 100 * k / 143 + noise(k))
        assert judge("trend", {"p": rising}, value="p").verdict is FAIL


def test_order_does_not_matter(judge: Ask) -> None:
    """Points are put in order of time."""
    rising = points(144, lambda k: 300 + k)
    assert judge("trend", {"p": rising[::-1]}, value="p").verdict is FAIL


@given(series)
def test_estimates_of_anything(values: list[tuple[float, float]]) -> None:
    """Both estimates are finite, and turn their sign with the series'."""
    ordered = sorted(values)
    turned = [(t, -v) for t, v in ordered]
    assert math.isfinite(theil_sen(ordered))
    assert theil_sen(turned) == pytest.approx(-theil_sen(ordered))
    assert mann_kendall(turned) == pytest.approx(-mann_kendall(ordered))


@pytest.mark.parametrize(("n", "left"), [(0, 0), (1, 1), (120, 120), (121, 61), (1500, 116)])
def test_thinned(n: int, left: int) -> None:
    """At most 120 points are left, their mean is that of all."""
    given_points = [(float(k), float(k % 7)) for k in range(n)]
    assert len(thinned(given_points)) == left


def test_known_values() -> None:
    """A textbook series: S = 8 of 5 points."""
    assert theil_sen([(0, 0), (1, 2), (2, 4)]) == 2
    assert mann_kendall([(0, 1), (1, 2), (2, 3), (3, 5), (4, 4)]) == pytest.approx(7 / math.sqrt(50 / 3))
    assert mann_kendall([(0, 1), (1, 1)]) == 0
    tied = (3 * 2 * 11 - 2 * 1 * 9) / 18
    assert mann_kendall([(0, 1), (1, 1), (2, 2)]) == pytest.approx(1 / math.sqrt(tied))
    assert mann_kendall([(0, 2), (1, 1), (2, 1)]) == pytest.approx(-1 / math.sqrt(tied))


@pytest.mark.parametrize("options", [{"tolerance": -0.1}, {"tolerance": math.inf}, {"min_samples": 4}, {"surely": 0.9}])
def test_refuses_options(options: dict[str, Any]) -> None:
    """Four points are no trend."""
    with pytest.raises(ValueError, match="trend needs"):
        Trend(value="p", **options)
