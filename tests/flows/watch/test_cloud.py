"""Looks at Cloud Monitoring into one side of a sample: what was told, what was not, and a minute without requests."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gonogo.flows.watch.cloud import idle, side_sample
from gonogo.model.evidence import Cause, Seen, Unseen

REQUESTS = Seen(
    data={
        "series": [
            {"labels": {"response_code_class": "2xx"}, "sum": 58.0},
            {"labels": {"response_code_class": "5xx"}, "sum": 2.0},
        ]
    }
)
LATENCY = Seen(data={"buckets": [[0.0, 100.0, 60]]})
GAUGE = Seen(data={"mean": 0.5})
NO_POINT = Unseen(cause=Cause.NO_DATA, detail="no point in 1m")
LATE = Unseen(cause=Cause.TIMEOUT, detail="no answer in 10 s")


def outcomes(
    requests: Seen | Unseen = REQUESTS, latency: Seen | Unseen = LATENCY, gauge: Seen | Unseen = GAUGE
) -> Mapping[str, Seen | Unseen]:
    return {"requests": requests, "latency": latency, "memory": gauge, "cpu": gauge}


def test_what_was_told_is_counted() -> None:
    side = side_sample(outcomes())
    assert (side.requests, side.errors, side.successes) == (60, 2, 58)
    assert side.gauges == {"memory": 0.5, "cpu": 0.5}


def test_a_minute_without_requests_of_a_side_that_lives_is_idle_and_seen() -> None:
    side = side_sample(idle(outcomes(NO_POINT, NO_POINT)))
    assert (side.requests, side.errors, side.successes, side.latency) == (0, 0, 0, ())
    assert not side.unseen


@pytest.mark.parametrize(
    "given",
    [
        outcomes(NO_POINT, NO_POINT, NO_POINT),  # no instance was seen either
        outcomes(LATE, NO_POINT),  # not a complete answer
        outcomes(NO_POINT, LATENCY),  # latencies of requests that were not counted yet
        outcomes(LATE, LATE),
    ],
    ids=["no-instance", "timeout", "requests-late", "both-late"],
)
def test_anything_else_is_not_seen(given: Mapping[str, Seen | Unseen]) -> None:
    side = side_sample(idle(given))
    assert side.requests is None
    assert "requests" in side.unseen
