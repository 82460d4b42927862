"""Which paths of ION are limited, and what a limiter answers there: GET /limits/FAMILY is there to be examined.

POST /chat                          20 a minute, from the first request on; X-RateLimit-*
POST /api/v2/recommend/personalized 20 in any minute; RateLimit
GET  /limits/aligned, fixed, moving, sliding, gcra: 10 in 10 s; bucket: 10 at once and 10 a second; RateLimit
Each X-API-Key has its counter, and each address one of all its requests for those without a key.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import ceil, floor

import limiters
from http_server import Call, Reply
from limit_faults import Said, Wrong, address, answer_said, right_key, wrong_of
from limiters import Answer, Rule

EXAMINED = "/limits/"
FAMILIES = (limiters.ALIGNED, limiters.FIXED, limiters.MOVING, limiters.SLIDING, limiters.BUCKET, limiters.GCRA)
RULES = {
    "/chat": Rule(family=limiters.FIXED, limit=20, window=60.0),
    "/api/v2/recommend/personalized": Rule(family=limiters.MOVING, limit=20, window=60.0),
    **{EXAMINED + family: Rule(family=family, limit=10, window=10.0) for family in FAMILIES},
    EXAMINED + limiters.BUCKET: Rule(family=limiters.BUCKET, limit=100, window=10.0, burst=10),
}
EPOCH_PATHS = ("/chat",)  # speak X-RateLimit-* with the reset as an instant
HEALTH = ("/health", "/api/health", "/api/v2/health")
HEALTH_RULE = Rule(family=limiters.MOVING, limit=20, window=60.0)  # of the fault that limits health


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """What a limiter made of a call: an answer in place of the service's, or headers for it.

    The service takes `slows` times as long.
    """

    reply: Reply | None = None
    headers: dict[str, str] = field(default_factory=dict)
    slows: float = 1.0


class _Counter:
    """What one client used of one path, with all that is wrong with it."""

    def __init__(self, rule: Rule, wrong: tuple[Wrong, ...]) -> None:
        self._rule = rule
        self._wrong = wrong
        self._new()
        self._hits = 0
        self._began: float | None = None
        self._banned = float("-inf")
        self.rejected = False

    def hit(self, at: float) -> Answer:
        if self._began is None:
            self._began = at
        self._hits += 1
        if any(one.forgets for one in self._wrong) and self._hits % (self._rule.at_once // 2 + 1) == 0:
            self._new()
        if at - self._began < max((one.free_for for one in self._wrong), default=0.0):
            return limiters.limiter(self._rule).hit(at)
        answer = self._limiters[self._hits % len(self._limiters)].hit(at)
        ban = max((one.ban for one in self._wrong), default=0.0)
        if ban and not answer.admitted and at >= self._banned:
            self._banned = at + ban * self._rule.window
        if at < self._banned:
            answer = Answer(admitted=False, remaining=0, reset=answer.reset, wait=answer.wait)
        self.rejected = self.rejected or not answer.admitted
        return answer

    def _new(self) -> None:
        replicas = max((one.replicas for one in self._wrong), default=1)
        self._limiters = [limiters.limiter(self._rule) for _ in range(replicas)]


class LimitedPaths:
    """The limiters of one world. `clock` and `wall` are in s, `wall` since 1970."""

    def __init__(
        self,
        faults: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._wrong = {side: wrong_of(side, faults) for side in ("canary", "stable")}
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._counters: dict[tuple[str, str, str], _Counter] = {}

    def ask(self, side: str, call: Call) -> Passed:
        """Count a call; one of a path that is not limited passes."""
        wrong = self._wrong.get(side, ())
        declared = RULES.get(call.path)
        if declared is None and call.path in HEALTH and any(one.everywhere for one in wrong):
            declared = HEALTH_RULE
        if declared is None:
            return Passed()
        key, rule = right_key(call), declared
        for one in wrong:
            key = one.key(call, key) if one.key is not None else key
            rule = one.rule(rule) if one.rule is not None else rule
        with self._lock:
            counter, at = self._counter(side, call.path, key, rule), self._clock()
            answer = counter.hit(at)
            if answer.admitted and key != address(call):  # whoever leaves the key out finds it counted
                self._counter(side, call.path, address(call), rule).hit(at)
        said = answer_said(declared, rule, answer)
        for one in wrong:
            if one.says is not None:
                one.says(said)
        headers = self._headers(call.path, said)
        if not answer.admitted:
            return Passed(reply=_rejection(wrong, headers))
        if declared.at_once - answer.remaining > declared.at_once * min((one.fails_from for one in wrong), default=1.0):
            return Passed(reply=Reply(status=500, body={"success": False, "error": "internal error"}, headers=headers))
        slows = max((one.slows for one in wrong), default=1.0)
        return Passed(headers=headers, slows=slows if counter.rejected else 1.0)

    def _counter(self, side: str, path: str, key: str, rule: Rule) -> _Counter:
        place = side, path, key
        if place not in self._counters:
            self._counters[place] = _Counter(rule, self._wrong.get(side, ()))
        return self._counters[place]

    def _headers(self, path: str, said: Said) -> dict[str, str]:
        now = self._wall()
        rule, ends, instant = said.rule, str(ceil(said.reset)), str(ceil(now + said.reset))
        if said.swaps_unit:
            ends, instant = instant, ends
        if path in EPOCH_PATHS:
            headers = {
                "X-RateLimit-Limit": str(rule.at_once),
                "X-RateLimit-Remaining": str(said.remaining),
                "X-RateLimit-Reset": instant,
            }
        else:
            headers = {
                "RateLimit-Policy": f'"default";q={rule.at_once};w={floor(rule.window)}',
                "RateLimit": f'"default";r={said.remaining};t={ends}',
            }
        if not said.admitted:
            headers["Cache-Control"] = said.cache_control
            waits = said.retry_after if said.wait is None else str(ceil(said.wait))
            if waits is not None:
                headers["Retry-After"] = waits
        return headers


def _rejection(wrong: tuple[Wrong, ...], headers: dict[str, str]) -> Reply:
    status = next((one.status for one in wrong if one.status != Wrong().status), Wrong().status)
    body = {"success": False, "error": "Too Many Requests"} if status == 200 else {"detail": "Too Many Requests"}
    return Reply(status=status, body=body, headers=headers)
