"""What the answers of foreign limiters alone tell of them."""

from __future__ import annotations

import pytest
from tests.foreign.conftest import Examine

from gonogo.model.examination import Examination
from gonogo.model.ratelimit import Algorithm, Dialect, Inferred


def told(seen: Examination) -> Inferred:
    assert seen.inferred is not None, seen.ended
    return seen.inferred


def test_nginx(nginx: str, measured: Examine) -> None:
    """`limit_req` with `nodelay` is a bucket of 1 + burst; without `limit_req_status` it rejects with 503."""
    seen = measured(nginx, {"/nodelay/named": None, "/default/named": None, "/free/named": None})
    for path, status in {"/nodelay/named": 429, "/default/named": 503}.items():
        found = told(seen[path])
        assert found.algorithm is Algorithm.TOKEN_BUCKET
        assert found.burst == 10
        assert found.refill == pytest.approx(5, rel=0.06)
        assert found.reject_status == status
        assert found.headers is Dialect.NONE
    assert told(seen["/free/named"]).algorithm is Algorithm.NONE


def test_slowapi(slowapi: str, measured: Examine) -> None:
    """Each of its strategies by its name, with the headers that it is told to send."""
    ways = {
        "/fixed/named": Algorithm.FIXED_WINDOW,
        "/moving/named": Algorithm.SLIDING_LOG,
        "/counter/named": Algorithm.SLIDING_COUNTER,
    }
    seen = measured(slowapi, dict.fromkeys(ways))
    for path, algorithm in ways.items():
        found = told(seen[path])
        assert found.algorithm is algorithm
        assert found.limit == 10
        assert found.window.total_seconds() == pytest.approx(2, rel=0.06)
        assert found.reject_status == 429
        assert found.headers is Dialect.LEGACY_EPOCH


def test_envoy(envoy: str, measured: Examine) -> None:
    """Its bucket refills steadily, however many tokens a fill is declared to bring."""
    seen = measured(envoy, {"/drip/1": None, "/fill/1": None, "/status/1": None})
    sizes = {"/drip/1": (10, 429, Dialect.NONE), "/fill/1": (10, 429, Dialect.LEGACY_DELTA)}
    for path, (burst, status, headers) in {**sizes, "/status/1": (5, 503, Dialect.NONE)}.items():
        found = told(seen[path])
        assert found.algorithm is Algorithm.TOKEN_BUCKET
        assert found.burst == burst
        assert found.refill == pytest.approx(5, rel=0.06)
        assert found.reject_status == status
        assert found.headers is headers
