"""An even open workload below the rate of a foreign limiter is never rejected by it."""

from __future__ import annotations

from datetime import timedelta

from gonogo.load.fleet import Fleet
from gonogo.model.load import OutcomeClass, Profile, Target, Workload

RATE, SECONDS = 50, 6
TRIES = 3  # the server and the fleet share this machine with the other tests: one run has to be undisturbed


def test_no_false_429(nginx: str) -> None:
    """50 arrivals a second at `limit_req rate=60r/s burst=5 nodelay`: 300 sent, 300 accepted."""
    profile = Profile(
        name="even",
        use="a test",
        workload=Workload.OPEN,
        rate=float(RATE),
        duration=timedelta(seconds=SECONDS),
        connections=20,
    )
    for run in range(TRIES):
        target = Target(side="canary", url=f"{nginx}/sixty/run{run}")
        outcomes = Fleet(profile, [target]).run().sides[0].outcomes
        counts = {kind: summary.count for kind, summary in outcomes.items() if summary.count}
        assert sum(counts.values()) == RATE * SECONDS
        if counts == {OutcomeClass.ACCEPTED: RATE * SECONDS}:
            break
    assert counts == {OutcomeClass.ACCEPTED: RATE * SECONDS}


def test_above_the_rate_it_rejects(nginx: str) -> None:
    """120 a second for two seconds: the same limiter admits its burst and its rate, and the record says so."""
    profile = Profile(
        name="fast",
        use="a test",
        workload=Workload.OPEN,
        rate=120.0,
        duration=timedelta(seconds=2),
        connections=20,
    )
    outcomes = Fleet(profile, [Target(side="canary", url=f"{nginx}/sixty/fast")]).run().sides[0].outcomes
    assert outcomes[OutcomeClass.LIMITED].count > 80
    assert outcomes[OutcomeClass.ACCEPTED].count + outcomes[OutcomeClass.LIMITED].count == 240
