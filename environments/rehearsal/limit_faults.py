"""What may be wrong with a rate limiter: the names of faults into changes of a limiter that is right."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import ceil

from http_server import Call
from limiters import FIXED, FREE, MOVING, SLIDING, Answer, Rule

PREFIXES = {"canary": "canary-limit-", "stable": "legacy-limit-"}  # side -> what its faults begin with


@dataclass(slots=True, kw_only=True)
class Said:
    """What an answer says of its limit, before it becomes headers; None is left out. Seconds, but for `raw` texts."""

    rule: Rule
    admitted: bool
    remaining: int
    reset: float
    wait: float | None
    retry_after: str | None = None  # instead of `wait`
    swaps_unit: bool = False  # seconds where an instant is due, and an instant where seconds are
    cache_control: str = "no-store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One change. What is left out stays right."""

    rule: Callable[[Rule], Rule] | None = None
    key: Callable[[Call, str], str] | None = None  # from a call and the right key
    says: Callable[[Said], None] | None = None
    replicas: int = 1  # that count alone
    status: int = 429
    everywhere: bool = False  # health, too
    fails_from: float = 1.0  # part of the limit from which on it answers 500
    slows: float = 1.0  # an admitted answer, once something was rejected
    free_for: float = 0.0  # s at first in which nothing is counted
    ban: float = 0.0  # windows for which a rejection lasts
    forgets: bool = False  # in the middle of the limit


def wrong_of(side: str, faults: Iterable[str]) -> tuple[Wrong, ...]:
    """The changes that a world's faults make to the limiters of a side."""
    prefix = PREFIXES.get(side)
    if prefix is None:
        return ()
    return tuple(WRONG[name.removeprefix(prefix)] for name in sorted(faults) if name.startswith(prefix))


def right_key(call: Call) -> str:
    """Whose counter it is: that of the API key, or of the address that a request comes from."""
    return call.headers.get("x-api-key") or address(call)


def address(call: Call) -> str:
    """Where a request comes from."""
    return str(call.connection.getpeername()[0])


def _forwarded(call: Call, key: str) -> str:
    return call.headers.get("x-forwarded-for", "").partition(",")[0].strip() or key


def _spelled(call: Call, key: str) -> str:
    return key if "X-API-Key" in call.names or "x-api-key" not in call.headers else "nobody"


def _limit(change: Callable[[int], int]) -> Wrong:
    return Wrong(rule=lambda rule: replace(rule, limit=change(rule.limit), burst=rule.burst and change(rule.burst)))


def _window(factor: float) -> Wrong:
    return Wrong(rule=lambda rule: replace(rule, window=rule.window * factor))


def _retry_after(text: Callable[[Said, float], str | None]) -> Wrong:
    def says(said: Said) -> None:
        if said.wait is not None:
            said.retry_after, said.wait = text(said, said.wait), None

    return Wrong(says=says)


def _remaining(change: Callable[[Said], int]) -> Wrong:
    def says(said: Said) -> None:
        said.remaining = change(said)

    return Wrong(says=says)


def _swap_unit(said: Said) -> None:
    said.swaps_unit = True


def _cacheable(said: Said) -> None:
    said.cache_control = "public, max-age=60"


def _fixed(rule: Rule) -> Rule:
    return replace(rule, family=FIXED) if rule.family in (MOVING, SLIDING) else rule


def answer_said(declared: Rule, kept: Rule, answer: Answer) -> Said:
    """What a limiter says that believes to keep what is declared."""
    return Said(
        rule=declared,
        admitted=answer.admitted,
        remaining=min(declared.at_once, max(0, answer.remaining + declared.at_once - kept.at_once)),
        reset=answer.reset,
        wait=None if answer.admitted else answer.wait,
    )


WRONG: dict[str, Wrong] = {
    "one-more": _limit(lambda n: n + 1),
    "one-less": _limit(lambda n: n - 1),
    "doubled": _limit(lambda n: 2 * n),
    "none": Wrong(rule=lambda rule: replace(rule, family=FREE)),
    "window-half": _window(0.5),
    "window-doubled": _window(2),
    "status-503": Wrong(status=503),
    "status-403": Wrong(status=403),
    "status-200": Wrong(status=200),
    "no-retry-after": _retry_after(lambda _said, _wait: None),
    "retry-after-zero": _retry_after(lambda _said, _wait: "0"),
    "retry-after-window": _retry_after(lambda said, _wait: str(ceil(said.rule.window))),
    "retry-after-negative": _retry_after(lambda _said, wait: str(-ceil(wait))),
    "retry-after-ms": _retry_after(lambda _said, wait: str(ceil(wait * 1000))),
    "retry-after-half": _retry_after(lambda _said, wait: str(int(wait / 2))),
    "reset-unit": Wrong(says=_swap_unit),
    "remaining-stuck": _remaining(lambda said: said.rule.at_once - 1),
    "remaining-negative": _remaining(lambda said: said.remaining - 5),
    "remaining-one-off": _remaining(lambda said: said.remaining + 1),
    "remaining-rises": _remaining(lambda said: said.rule.at_once - said.remaining),
    "counts-rejected": Wrong(rule=lambda rule: replace(rule, counts_rejected=True)),
    "key-global": Wrong(key=lambda _call, _key: "everyone"),
    "key-forwarded": Wrong(key=_forwarded),
    "key-raw-path": Wrong(key=lambda call, key: f"{key} {call.target}"),
    "key-case": Wrong(key=_spelled),
    "replicas": Wrong(replicas=3),
    "fixed-for-sliding": Wrong(rule=_fixed),
    "health": Wrong(everywhere=True),
    "errors-at-80": Wrong(fails_from=0.8),
    "slow-storm": Wrong(slows=10),
    "cacheable": Wrong(says=_cacheable),
    "off-at-first": Wrong(free_for=2.0),
    "ban": Wrong(ban=10),
    "restart": Wrong(forgets=True),
}
