"""Headers of rate limits in every dialect, and whatever else a server may send."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.judges.rate.headers import read_headers
from gonogo.model.ratelimit import Dialect

NOW = 1_790_000_000.0
DATE = ("Date", "Mon, 21 Sep 2026 14:13:20 GMT")  # the same instant

SAID = [
    ({"RateLimit-Policy": '"default";q=100;w=60', "RateLimit": '"default";r=50;t=30'}, Dialect.DRAFT, 100, 50, 30, 60),
    ({"RateLimit-Policy": "default;q=100;w=60", "RateLimit": "default;r=50;t=30"}, Dialect.DRAFT, 100, 50, 30, 60),
    (
        {"RateLimit": "limit=100, remaining=50, reset=30", "RateLimit-Policy": "100;w=60"},
        Dialect.DRAFT,
        100,
        50,
        30,
        60,
    ),
    (
        {
            "RateLimit-Policy": '"day";q=9000;w=86400, "burst";q=5;w=1',
            "RateLimit": '"day";r=8000;t=99, "burst";r=2;t=1',
        },
        Dialect.DRAFT,
        5,
        2,
        1,
        1,
    ),
    ({"RateLimit": '"a,b;c";r=1'}, Dialect.DRAFT, None, 1, None, None),
    (
        {"RateLimit-Limit": "100, 100;w=10", "RateLimit-Remaining": "7", "RateLimit-Reset": "4"},
        Dialect.DRAFT_OLD,
        100,
        7,
        4,
        10,
    ),
    (
        {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "59", "X-RateLimit-Reset": "1790000030"},
        Dialect.LEGACY_EPOCH,
        60,
        59,
        30,
        None,
    ),
    ({"x-rate-limit-limit": "60", "x-rate-limit-reset": "30"}, Dialect.LEGACY_DELTA, 60, None, 30, None),
    ({"X-RateLimit-Reset": "1790000030000"}, Dialect.LEGACY_EPOCH_MS, None, None, 30, None),
    ({"X-RateLimit-Reset": "1790000030.25"}, Dialect.LEGACY_EPOCH, None, None, 30, None),
    ({"X-RateLimit-Reset": "29.75"}, Dialect.LEGACY_DELTA, None, None, 29.75, None),
    ({"X-RateLimit-Reset": "Mon, 21 Sep 2026 14:13:50 GMT"}, Dialect.LEGACY_DATE, None, None, 30, None),
    ({"X-RateLimit-Reset": "1m2s"}, Dialect.LEGACY_DELTA, None, None, 62, None),
    ({"X-RateLimit-Reset-After": "3.5"}, Dialect.LEGACY_DELTA, None, None, 3.5, None),
    ({"Content-Type": "text/plain"}, Dialect.NONE, None, None, None, None),
]


@pytest.mark.parametrize(("headers", "dialect", "limit", "remaining", "reset", "window"), SAID)
def test_dialects(
    *,
    headers: dict[str, str],
    dialect: Dialect,
    limit: int | None,
    remaining: int | None,
    reset: float | None,
    window: float | None,
) -> None:
    for extra, now in (([DATE], None), ([], NOW)):
        said = read_headers([*headers.items(), *extra], now=now)
        assert (said.dialect, said.limit, said.remaining, said.window) == (dialect, limit, remaining, window)
        assert said.wrong == ()
        if reset is None:
            assert said.reset is None
        else:
            assert said.reset is not None
            assert said.reset[0] <= reset <= said.reset[1]
            assert said.reset[1] - said.reset[0] <= 4


def test_an_instant_needs_a_clock() -> None:
    said = read_headers([("X-RateLimit-Reset", "1790000030")])
    assert (said.dialect, said.reset) == (Dialect.LEGACY_EPOCH, None)


@pytest.mark.parametrize(
    ("text", "seconds", "wrong"),
    [
        ("30", 30, False),
        ("0", 0, False),
        ("Mon, 21 Sep 2026 14:13:50 GMT", 30, False),
        ("Monday, 21-Sep-26 14:13:50 GMT", 30, False),
        ("1.5", 1.5, True),
        ("-1484742195", None, True),
        ("soon", None, True),
        ("", None, True),
        ("30s", None, True),
        ("Mon, 99 Sep 2026 14:13:50 GMT", None, True),
    ],
)
def test_retry_after(text: str, seconds: float | None, wrong: bool) -> None:
    said = read_headers([("Retry-After", text), DATE])
    assert bool(said.wrong) is wrong
    assert said.retry_after_text == text
    if seconds is None:
        assert said.retry_after is None
    else:
        assert said.retry_after is not None
        assert said.retry_after[0] <= seconds <= said.retry_after[1]


@pytest.mark.parametrize(
    ("headers", "text"),
    [
        ([("X-RateLimit-Remaining", "-1")], "remaining -1 is negative"),
        ([("X-RateLimit-Remaining", "4.5")], "remaining '4.5' is no integer"),
        ([("RateLimit-Limit", "5"), ("RateLimit-Remaining", "6")], "remaining 6 is above the limit 5"),
        ([("Retry-After", "1"), ("Retry-After", "2")], "retry-after is sent 2 times"),
        ([("RateLimit", '"d";r=x')], "r 'x' is no integer"),
        ([("RateLimit-Reset", "1790000030")], "ratelimit-reset 1790000030 is an instant"),
        ([("X-RateLimit-Reset", "-3")], "reset -3 is negative"),
    ],
)
def test_what_is_wrong(headers: list[tuple[str, str]], text: str) -> None:
    assert any(wrong.startswith(text) for wrong in read_headers(headers).wrong)


names = st.sampled_from(
    [
        "Date",
        "Retry-After",
        "retry-after-ms",
        "RateLimit",
        "RateLimit-Policy",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "X-RateLimit-Limit",
        "X-Rate-Limit-Remaining",
        "X-RateLimit-Reset",
        "X-RateLimit-Reset-After",
        "X-RateLimit-Reset-Ms",
    ]
)
values = (
    st.text(max_size=40)
    | st.text(alphabet='"abc;=,0123456789-. rqtw\\', max_size=40)
    | st.integers().map(str)
    | st.floats().map(str)
    | st.datetimes().map(lambda when: when.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    | st.sampled_from(["9" * 5000, "1e308", "inf", "٣", "Mon, 21 Sep 99999 14:13:50 GMT", '"' * 3000, ";" * 3000])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(names, values), max_size=8), st.none() | st.floats(0, 4e9))
def test_nothing_raises(headers: list[tuple[str, str]], now: float | None) -> None:
    said = read_headers(headers, now=now)
    for interval in (said.reset, said.retry_after):
        assert interval is None or interval[0] <= interval[1]
