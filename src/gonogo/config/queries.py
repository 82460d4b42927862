"""The queries of a watch on Prometheus: a placeholder for the side, both sides told apart, every measure asked for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

from gonogo.config.complain import brief, nearest
from gonogo.model.rulebook import Queries, Rulebook
from gonogo.model.units import Unit
from gonogo.model.watch import CANARY, STABLE

_TEXT = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"  # a label's value, which may hold anything
_SELECTOR = re.compile(rf"[a-zA-Z_:][\w:]*\s*\{{(?:{_TEXT}|[^{{}}\[\]()\"'])*\}}\Z")
_SIDE = "{side}"


def check_queries(queries: Queries, rulebook: Rulebook, refuse: Callable[..., NoReturn]) -> None:
    """`refuse` says what could never be seen, or would be seen of both sides together."""
    if set(queries.sides) != {CANARY, STABLE}:
        refuse(f"the matchers of {CANARY} and {STABLE}, and no others", "source", "queries", "sides")
    if queries.sides[CANARY].strip() == queries.sides[STABLE].strip():
        refuse("both sides are the same series: nothing could be compared", "source", "queries", "sides")
    selectors = {"requests": queries.requests, "errors": queries.errors}
    selectors |= {"successes": queries.successes or "", "latency": queries.latency or ""}
    selectors |= {f"counts.{name}": text for name, text in queries.counts.items()}
    for name, text in selectors.items():
        keys = ("source", "queries", *name.split("."))
        if text and text.count(_SIDE) != 1:
            refuse(f"{brief(text)} holds {_SIDE} once, where the matchers of a side belong", *keys)
        if text and not _SELECTOR.match(text.replace(_SIDE, "")):
            refuse(
                f"{brief(text)} is a selector alone, like http_requests_total{{{_SIDE}}}: what grew is computed here",
                *keys,
            )
    for name, text in queries.gauges.items():
        if _SIDE not in text:
            refuse(
                f"{brief(text)} does not say of which side: it holds no {_SIDE}", "source", "queries", "gauges", name
            )
    if queries.latency_unit not in (Unit.S, Unit.MS):
        refuse("le is in s or ms", "source", "queries", "latency_unit")
    _check_measures(queries, rulebook, refuse)


def _check_measures(queries: Queries, rulebook: Rulebook, refuse: Callable[..., NoReturn]) -> None:
    """A rule on what is never asked for would never be seen."""
    told = {"requests", "error_ratio", *queries.gauges, *(f"{name}_ratio" for name in queries.counts)}
    told |= {"success_ratio"} if queries.successes else set()
    alerts = [rule for alerting in rulebook.alerts.values() for rule in alerting.when]
    for rule in (*rulebook.go, *rulebook.rollback, *alerts):
        latency = rule.measure.endswith("_latency")
        if rule.measure not in told and not (latency and queries.latency):
            known = sorted(told | ({"p95_latency"} if queries.latency else set()))
            refuse(
                f"{brief(rule.text)}: no query tells {rule.measure}{nearest(rule.measure, known)}", origin=rule.origin
            )
