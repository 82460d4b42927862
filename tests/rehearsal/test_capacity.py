"""The canary that saturates: exactly so many requests a second, whoever sleeps late."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "environments" / "rehearsal"))

from capacity import SERVICE_S, WORKERS, Saturating


def test_a_burst_is_served_at_the_workers_rate() -> None:
    """300 requests at once are done after two seconds: 150 a second."""
    service = Saturating()
    done = [service.book(10.0) for _ in range(300)]
    assert done[0] == 10.0 + SERVICE_S
    assert done[-1] == pytest.approx(10.0 + 300 * SERVICE_S / WORKERS)
    assert done == sorted(done)


def test_below_its_capacity_nobody_waits() -> None:
    """Requests 7 ms apart take their time in service, and no more."""
    service = Saturating()
    for number in range(1, 100):
        assert service.book(number * 0.007) == pytest.approx(number * 0.007 + SERVICE_S)
