"""What is known of a rate limiter, for people on a page and for programs in JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from gonogo.model.examination import Examination
from gonogo.model.rate_scenes import Tried, variant_of
from gonogo.model.ratelimit import Algorithm, Inferred, Policy, Shown
from gonogo.model.units import show_duration
from gonogo.reporting.escape import ci_log, visible

_ORDER = (Shown.FAIL, Shown.PASS, Shown.NOT_VISIBLE)
_WORDS = {0: "GO", 1: "NO-GO", 6: "HOLD"}
_NAMES = {
    Algorithm.NONE: "no limiter seen",
    Algorithm.FIXED_WINDOW: "fixed window",
    Algorithm.SLIDING_LOG: "sliding window (log)",
    Algorithm.SLIDING_COUNTER: "sliding window (counter)",
    Algorithm.TOKEN_BUCKET: "token bucket",
    Algorithm.LEAKY_BUCKET: "leaky bucket",
    Algorithm.GCRA: "token bucket (GCRA)",
}


def page(seen: Examination) -> str:
    """The page; it ends with the decision and a newline."""
    return "".join(ci_log(visible(line)) + "\n" for line in _lines(seen))


def document(seen: Examination) -> str:
    """The same as JSON, with the whole timeline; a header that was sent stands nowhere in it."""
    found = seen.inferred
    policy = seen.policy
    data: dict[str, Any] = {
        "url": seen.url,
        "environment": seen.environment,
        "decision": _WORDS[int(seen.status)],
        "exit_status": int(seen.status),
        "requests": len(seen.events),
        "statuses": {str(status): count for status, count in sorted(_statuses(seen).items())},
        "ended": seen.ended,
        "cautions": list(seen.cautions),
        "policy": None if policy is None else _policy(policy),
        "properties": [
            {
                "id": one.id,
                "verdict": one.verdict,
                "reason": one.reason,
                "would_fail": one.would_fail,
                "requests": one.spent,
            }
            for one in seen.results
        ],
        "more_requests": seen.more,
        "skipped": [{"id": one.id, "reason": one.reason, "more_requests": one.more} for one in seen.skipped],
        "inferred": None if found is None else _inferred(found),
        "timeline": [
            {
                "sent": round(event.sent, 6),
                "received": round(event.received, 6),
                "status": event.status,
                "headers": dict(event.headers),
                "error": event.error,
                "for": event.scene if isinstance(event, Tried) else "",
                "variant": variant_of(event),
            }
            for event in seen.events
        ],
    }
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"


def _statuses(seen: Examination) -> Counter[int]:
    return Counter(event.status for event in seen.events)


def _policy(policy: Policy) -> dict[str, Any]:
    return {
        "path": policy.path,
        "algorithm": policy.algorithm,
        "limit": policy.limit,
        "window_s": policy.window.total_seconds(),
        "burst": policy.burst,
        "reject_status": policy.reject_status,
    }


def _inferred(found: Inferred) -> dict[str, Any]:
    return {
        "algorithm": found.algorithm,
        "limit": found.limit,
        "window_s": round(found.window.total_seconds(), 3),
        "burst": found.burst,
        "refill_per_s": None if found.refill is None else round(found.refill, 4),
        "reject_status": found.reject_status,
        "headers": found.headers,
        "confidence": found.confidence,
        "notes": list(found.notes),
    }


def _lines(seen: Examination) -> Iterator[str]:
    yield f"gonogo ratelimit  {seen.url}" + (f"  ({seen.environment})" if seen.environment else "")
    yield ""
    answers = ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(_statuses(seen).items()))
    took = max((event.received for event in seen.events), default=0.0)
    yield f"  sent        {len(seen.events)} requests in {took:.1f} s: {answers or 'none'}"
    yield f"  ended       {seen.ended}"
    for caution in seen.cautions:
        yield f"  caution     {caution}"
    if seen.policy is not None:
        yield from _kept(seen, seen.policy)
    else:
        yield from _told(seen.inferred)
    yield ""
    yield f"{_WORDS[int(seen.status)]}  {_sentence(seen)}"


def _kept(seen: Examination, policy: Policy) -> Iterator[str]:
    declared = _NAMES[policy.algorithm] if policy.algorithm is not Algorithm.NONE else "no limit"
    if policy.algorithm is not Algorithm.NONE:
        declared += f", {policy.limit} in {show_duration(policy.window)}"
        declared += f", burst {policy.burst}" if policy.burst is not None else ""
    yield f"  declared    {declared}"
    yield ""
    for one in sorted(seen.results, key=lambda one: _ORDER.index(one.verdict)):
        if one.verdict is not Shown.NOT_VISIBLE:
            yield f"  {one.verdict.upper():<12}{one.id:<5}{_spent(one.spent):>5}  {one.reason}"
    reasons: dict[str, list[str]] = {}
    for one in seen.results:
        if one.verdict is Shown.NOT_VISIBLE:
            reasons.setdefault(one.reason, []).append(one.id)
    for reason, ids in reasons.items():
        yield f"  not visible {', '.join(ids)}: {reason}"


def _spent(requests: int) -> str:
    """Requests that were sent for a property; nothing where others show it too."""
    return f"{requests} x" if requests else ""


def _told(found: Inferred | None) -> Iterator[str]:
    if found is None:
        return
    yield f"  algorithm   {_NAMES[found.algorithm]}"
    if found.algorithm is not Algorithm.NONE:
        yield f"  limit       {found.limit} in {show_duration(_rounded(found.window))}"
        if found.burst is not None and found.refill is not None:
            yield f"  burst       {found.burst}, refilled at {found.refill:.3g} a second"
        yield f"  rejects     with {found.reject_status}"
        yield f"  confidence  {found.confidence:.2f}"
    yield f"  headers     {found.headers}"
    for note in found.notes:
        yield f"  note        {note}"


def _rounded(window: timedelta) -> timedelta:
    return timedelta(milliseconds=max(1, round(window.total_seconds() * 1000)))


def _sentence(seen: Examination) -> str:
    status = int(seen.status)
    if seen.policy is not None:
        words = {0: "the declared policy is kept", 1: "the declared policy is broken"}
        return words.get(status, "whether the declared policy is kept cannot be decided")
    if status == 0:
        return "told by its answers alone; declare it and run again with --policy to hold it to that"
    return "what limiter stands there cannot be told from these answers"
