"""Foreign limiters held against what is declared of them: kept where it is true, broken where it is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.foreign.conftest import Examine

from gonogo.judges.rate.limit import validate
from gonogo.model.errors import ExitStatus
from gonogo.model.examination import Examination
from gonogo.model.ratelimit import Algorithm, Policy, Shown

FIVE = "algorithm: token_bucket\nlimit: 5\nwindow: 1s\nburst: 10\n"
TEN = "limit: 10\nwindow: 2s\nretry_after: true\nheaders: legacy_epoch\n"
FIXED = f"algorithm: fixed_window\naligned: false\n{TEN}"


def red(seen: Examination) -> set[str]:
    return {result.id for result in seen.results if result.verdict is Shown.FAIL}


def green(seen: Examination) -> set[str]:
    return {result.id for result in seen.results if result.verdict is Shown.PASS}


def test_nginx_keeps_what_it_is_configured_to(nginx: str, examined: Examine) -> None:
    kept = {
        "/nodelay/kept": FIVE,
        "/default/kept": f"{FIVE}reject_status: 503\n",
        "/queue/kept": FIVE.replace("token", "leaky"),
        "/free/kept": "algorithm: none\n",
    }
    seen = examined(nginx, kept)
    for path, found in seen.items():
        assert red(found) == set(), (path, found.results)
        assert found.status is ExitStatus.GO
        assert green(found) >= ({"P2"} if "none" in kept[path] else {"P1", "P2", "P3", "P4", "P13"})


def test_nginx_otherwise_declared(nginx: str, examined: Examine) -> None:
    """Half the rate, twice the rate, a burst that is off by one, another status, promises that nobody keeps."""
    broken = {
        "/nodelay/half": (FIVE.replace("1s", "2s"), "P1"),
        "/nodelay/twice": (FIVE.replace("1s", "500ms"), "P2"),
        "/nodelay/less": (FIVE.replace("10", "9"), "P1"),
        "/nodelay/more": (FIVE.replace("10", "12"), "P2"),
        "/default/status": (FIVE, "P4"),
        "/nodelay/promise": (f"{FIVE}retry_after: true\n", "P5"),
        "/queue/less": (FIVE.replace("token", "leaky").replace("10", "5"), "P1"),
        "/raw/spelling": (FIVE, "P18"),
        "/free/limited": (FIVE, "P3"),
        "/nodelay/none": ("algorithm: none\n", "P2"),
    }
    seen = examined(nginx, {path: policy for path, (policy, _) in broken.items()})
    for path, (_, breaks) in broken.items():
        assert breaks in red(seen[path]), (path, seen[path].results)
        assert seen[path].status is ExitStatus.NO_GO


def test_slowapi_keeps_what_it_is_configured_to(slowapi: str, examined: Examine) -> None:
    """Also its headers, whose reset it makes a second too late, on answers whose Date is up to two seconds old."""
    kept = {
        "/fixed/kept": FIXED,
        "/moving/kept": f"algorithm: sliding_log\n{TEN}",
        "/counter/kept": f"algorithm: sliding_counter\n{TEN}",
    }
    for path, found in examined(slowapi, kept).items():
        assert red(found) == set(), (path, found.results)
        assert green(found) >= {"P1", "P3", "P4", "P5", "P8", "P11", "P12"}


def test_slowapi_otherwise_declared(slowapi: str, examined: Examine) -> None:
    """Half and twice the limit, and headers that are switched off."""
    broken = {
        "/fixed/half": (FIXED.replace("10", "5"), {"P1", "P11"}),
        "/moving/twice": (f"algorithm: sliding_log\n{TEN}".replace("10", "20"), {"P2", "P11"}),
        "/silent/headers": (FIXED, {"P5", "P8"}),
    }
    seen = examined(slowapi, {path: policy for path, (policy, _) in broken.items()})
    for path, (_, breaks) in broken.items():
        assert red(seen[path]) >= breaks, (path, seen[path].results)


def test_envoy_keeps_what_it_is_configured_to(envoy: str, examined: Examine) -> None:
    kept = {
        "/drip/2": FIVE,
        "/fill/2": f"{FIVE}headers: legacy_delta\n",
        "/status/2": f"{FIVE}reject_status: 503\n".replace("10", "5"),
    }
    for path, found in examined(envoy, kept).items():
        assert red(found) == set(), (path, found.results)
        assert green(found) >= {"P1", "P2", "P3", "P4", "P13"}


def test_envoy_otherwise_declared(envoy: str, examined: Examine) -> None:
    """Half and twice the rate, a size that is off by one, and a Retry-After that is too short."""
    broken = {
        "/drip/3": (FIVE.replace("1s", "2s"), "P1"),
        "/drip/4": (FIVE.replace("1s", "500ms"), "P2"),
        "/fill/3": (FIVE.replace("10", "9"), "P1"),
        "/hasty/2": ("algorithm: token_bucket\nlimit: 2\nwindow: 5s\nretry_after: true\n", "P6"),
    }
    seen = examined(envoy, {path: policy for path, (policy, _) in broken.items()})
    for path, (_, breaks) in broken.items():
        assert breaks in red(seen[path]), (path, seen[path].results)


def test_a_limiter_on_one_side_alone(nginx: str, examined: Examine) -> None:
    """What one side keeps, a side without a limiter breaks: GO here, NO-GO there, and both are not alike."""
    seen = examined(nginx, {"/nodelay/side": FIVE, "/free/side": FIVE})
    assert seen["/nodelay/side"].status is ExitStatus.GO
    assert red(seen["/free/side"]) >= {"P1", "P3"}
    sides = {"/nodelay/side": "canary", "/free/side": "legacy"}
    events = [
        replace(event, side=side, endpoint="GET /chat") for path, side in sides.items() for event in seen[path].events
    ]
    policy = Policy(path="/chat", algorithm=Algorithm.TOKEN_BUCKET, limit=5, window=timedelta(seconds=1), burst=10)
    parity = [result for result in validate(events, [policy]) if result.id == "P26"]
    assert [result.verdict for result in parity] == [Shown.FAIL]
    assert "P3 holds on canary alone" in parity[0].reason
