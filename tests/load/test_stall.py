"""A stall is told as the users of an open system would have felt it."""

from __future__ import annotations

import pytest
from loopback import SECOND, Server, arrivals, stalling, target

from gonogo.load.fleet import Fleet
from gonogo.model.load import LatencySummary, OutcomeClass


def _run() -> tuple[list[float], LatencySummary]:
    """Milliseconds that the server knows every arrival took, sorted, and what the fleet recorded."""
    with Server(stalling(0.005, every=2.5, lasts=1.0)) as server:
        found = Fleet(arrivals(200, duration=5 * SECOND, connections=400), [target(server.url)]).run()
        assert len(server.seen) == 1000
        ends = [end for _, end in sorted(server.answered)]
        truth = sorted((end - server.seen[0] - number / 200) * 1000 for number, end in enumerate(ends))
    summary = found.sides[0].outcomes[OutcomeClass.ACCEPTED]
    assert summary.count == 1000
    assert truth[949] > 700
    return truth, summary


def test_a_stall_is_not_omitted() -> None:
    """5 ms of service, a stall of 1 s: p50, p95 and p99 are what the server knows; omitted, p95 would be 5 ms.

    The server and the fleet share this machine with the other tests: how near they are is a benchmark.
    """
    truth, summary = _run()
    assert summary.p50 == pytest.approx(truth[499], abs=100)
    assert summary.p95 == pytest.approx(truth[949], rel=0.2)
    assert summary.p99 == pytest.approx(truth[989], rel=0.2)
