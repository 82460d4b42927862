"""Arrivals and shares."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import SECOND, arrivals, closed

from gonogo.load.schedule import NS, Share, part, schedule, users
from gonogo.model.errors import ConfigError


def test_a_constant_rate_is_even() -> None:
    """50 a second for 10 s are 500 arrivals, one every 20 ms from the start on."""
    plan = schedule(arrivals(50, duration=10 * SECOND), Share())
    assert plan.mine == 500
    assert [plan.due(number) for number in (0, 1, 499)] == [0, 20_000_000, 9_980_000_000]
    assert plan.span == 10 * NS


def test_a_ramp_grows() -> None:
    """With a ramp of 2 s to 100 a second the first two seconds hold 100 arrivals, the third one 100 more."""
    plan = schedule(arrivals(100, duration=3 * SECOND, ramp=2 * SECOND), Share())
    due = [plan.due(number) for number in range(plan.mine)]
    assert plan.mine == 200
    assert sum(each < 2 * NS for each in due) == 100
    assert sum(each < NS for each in due) == 25
    assert due == sorted(due)


def test_requests_cap_the_duration() -> None:
    """With both given, the smaller number of arrivals counts."""
    assert schedule(arrivals(50, duration=10 * SECOND, requests=7), Share()).mine == 7
    assert schedule(arrivals(50, duration=SECOND, requests=700), Share()).mine == 50


@given(st.integers(1, 60), st.integers(1, 7), st.floats(1, 1000))
def test_workers_send_the_same_arrivals(requests: int, workers: int, rate: float) -> None:
    """The arrivals of all workers together are those of one."""
    profile = arrivals(rate, requests=requests)
    plans = [schedule(profile, Share(index=index, of=workers)) for index in range(workers)]
    alone = schedule(profile, Share())
    assert sorted(plan.due(n) for plan in plans for n in range(plan.mine)) == [alone.due(n) for n in range(requests)]


@given(st.integers(1, 90), st.integers(1, 5), st.floats(1, 1000), st.floats(0, 3))
def test_arrivals_in_order_are_the_arrivals(requests: int, workers: int, rate: float, ramp: float) -> None:
    """One after the other they are due when each of them says it is."""
    profile = arrivals(rate, requests=requests, ramp=ramp * SECOND)
    for index in range(workers):
        plan = schedule(profile, Share(index=index, of=workers))
        assert list(plan.dues()) == [plan.due(number) for number in range(plan.mine)]


@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 7))
def test_the_cap_is_shared_without_rest(requests: int, connections: int, workers: int) -> None:
    """Users and requests of all workers add up; nobody without a user is given a request."""
    profile = closed(requests=requests, connections=connections)
    shares = [users(profile, Share(index=index, of=workers)) for index in range(workers)]
    assert sum(mine for mine, _ in shares) == connections
    assert sum(cap or 0 for _, cap in shares) == requests
    assert all(mine or not cap for mine, cap in shares)
    assert part(7, Share(index=0, of=3)) == 3


@pytest.mark.parametrize("rate", [None, 0.0, -1.0, float("inf"), float("nan")])
def test_an_open_profile_needs_a_rate(rate: float | None) -> None:
    """An open profile without a finite rate above 0 is refused."""
    with pytest.raises(ConfigError, match="needs a rate"):
        schedule(arrivals(1, requests=1).__class__(name="x", use="", workload="open", requests=1, rate=rate), Share())


def test_a_profile_ends() -> None:
    """A profile that has neither requests nor duration is refused."""
    with pytest.raises(ConfigError, match="would not end"):
        schedule(arrivals(5), Share())
    with pytest.raises(ConfigError, match="would not end"):
        users(closed(delay=timedelta(seconds=1)), Share())
