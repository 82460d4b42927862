"""When a run is stopped early."""

from __future__ import annotations

from gonogo.load.burn import Burn
from gonogo.load.schedule import NS


def ticks(burn: Burn, *seen: tuple[float, int, int]) -> list[bool]:
    return [burn.tick(int(at * NS), answers, errors) is not None for at, answers, errors in seen]


def test_one_error_is_no_burn() -> None:
    """One error of five answers does not stop a run, whatever the ratio."""
    assert ticks(Burn("a", 0.0), (0.1, 5, 1)) == [False]


def test_a_slow_burn_is_seen() -> None:
    """At one answer in half a second the last five count, though they are older than a second."""
    assert ticks(Burn("a", 0.5), *((number / 2, 1, 1) for number in range(5))) == [False] * 4 + [True]


def test_the_past_is_forgiven() -> None:
    """A thousand good answers of a minute ago do not hide a burn of now, nor the other way round."""
    assert ticks(Burn("a", 0.5), (0, 1000, 0), (60, 10, 9)) == [False, True]
    assert ticks(Burn("a", 0.5), (0, 4, 2), (60, 10, 1)) == [False, False]


def test_without_a_ratio_nothing_burns() -> None:
    """A profile without an abort ratio runs on."""
    assert ticks(Burn("a", None), (0, 100, 100)) == [False]


def test_credentials_that_work_once_are_accepted() -> None:
    """Four refusals after one success do not stop the run."""
    burn = Burn("a", None)
    assert [burn.denied(status) for status in (200, 401, 401, 401, 401)] == [None] * 5
    assert not burn.early
