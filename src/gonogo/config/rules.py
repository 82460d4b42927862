"""The rule language: `error_ratio > 0.01 for 3 samples`, `p95_latency > 20 s over 10m with at least 20 requests`."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from gonogo.config.addresses import Locate
from gonogo.config.complain import brief, nearest
from gonogo.config.leaves import LEAVES, read_filled
from gonogo.config.queries import check_queries
from gonogo.config.tree import Tree
from gonogo.model.errors import ConfigError, Origin
from gonogo.model.rulebook import Rule, Rulebook, SourceKind
from gonogo.model.units import Unit, parse_duration, show_duration

SYMBOLS = (">", ">=", "<", "<=")
EXAMPLES = "error_ratio > 0.01 for 3 samples, p95_latency > 20 s over 10m"
_MEASURES = ("error_ratio", "success_ratio", "p50_latency", "p95_latency", "p99_latency", "memory", "cpu", "requests")
_LATENCY = re.compile(r"p(?P<p>\d{1,2}(\.\d{1,2})?)_latency\Z")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(Z|[+-](0\d|1[0-4]):[0-5]\d)\Z")
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_NUMBER = re.compile(r"\d+(\.\d+)?\Z")
_TOKEN = re.compile(r"[<>=!]+|[^\s<>=!]+")


def read_rule(tree: Tree, name: str) -> Rule:
    """The rule that a text says; ConfigError with the word that does not fit and what is allowed in its place."""
    text = " ".join(read_filled(tree, name).split())

    def refuse(what: str) -> NoReturn:
        raise ConfigError(f"{name} {brief(text)}: {what} (like {EXAMPLES})", tree.origin)

    words = _TOKEN.findall(text)
    if len(words) < 3:
        refuse("a rule is MEASURE SIGN LIMIT [UNIT] [for N samples | over DURATION] [with at least N requests]")
    measure, symbol, limit, *rest = words
    unit = _unit_of(measure)
    if unit is None:
        refuse(f"{brief(measure)} is no measure{nearest(measure, _MEASURES)}")
    if symbol not in SYMBOLS:
        refuse(f"{brief(symbol)} is no sign between measure and limit (allowed: {', '.join(SYMBOLS)})")
    if limit.endswith("%") or (rest and rest[0] == "%"):
        refuse("a ratio runs from 0 to 1, write 0.05 for 5 %")
    if not _NUMBER.match(limit):
        refuse(f"{brief(limit)} is no limit; a unit stands behind it, apart: 200 ms")
    if unit is Unit.MS:
        if not rest or rest[0] not in ("ms", "s"):
            refuse("a latency has the unit ms or s behind its limit")
        unit = Unit(rest.pop(0))
    value = float(limit)
    if unit is Unit.RATIO and value > 1:
        refuse("a ratio runs from 0 to 1, write 0.05 for 5 %")
    if unit is Unit.RATIO and (symbol, value) in ((">", 1.0), ("<", 0.0)):
        refuse(f"no ratio is {symbol} {limit}: the rule could never hold")
    samples, over, least = None, None, 1
    while rest:
        match rest:
            case ["for", count, "sample" | "samples", *left] if samples is None and over is None:
                samples = _count(count) or refuse(f"{brief(count)} is no number of samples from 1 up")
            case ["over", duration, *left] if samples is None and over is None:
                try:
                    over = parse_duration(duration)
                except (ValueError, OverflowError):
                    refuse(f"{brief(duration)} is no duration like 5m or 1h")
                if over <= timedelta(0):
                    refuse("a window is longer than 0")
            case ["with", "at", "least", count, "request" | "requests", *left] if least == 1:
                least = _count(count) or refuse(f"{brief(count)} is no number of requests from 1 up")
            case _:
                refuse(f"{brief(' '.join(rest))} is no end of a rule; `for N samples` or `over DURATION` is")
        rest = left
    return Rule(
        text=text,
        measure=measure,
        symbol=symbol,
        limit=value,
        unit=unit,
        samples=samples,
        over=over,
        min_requests=least,
        origin=tree.origin,
    )


def check_rulebook(rulebook: Rulebook, locate: Locate) -> None:
    """ConfigError for what a watch could never evaluate: it would look like health."""

    def refuse(what: str, *keys: str, origin: Origin | None = None) -> NoReturn:
        raise ConfigError(f"{'.'.join(('watch', *keys))}: {what}", origin or locate("watch", *keys))

    every, lasts = rulebook.every, rulebook.for_
    if every < timedelta(seconds=1):
        refuse("a sample comes at most once a second", "every")
    if lasts < every:
        refuse(f"shorter than one interval of {show_duration(every)}", "for")
    if not rulebook.rollback or not rulebook.go:
        refuse("needs limits for GO under `go` and rules under `rollback`: without them nothing could be decided")
    if not 0 < rulebook.false_alarms <= 0.5:
        refuse("the chance of a false alarm in a day is above 0 and at most 0.5", "false_alarms")
    if not 1 <= rulebook.margin <= 10:
        refuse("the margin is a factor from 1 to 10", "margin")
    _check_source(rulebook, refuse)
    for rule in (*rulebook.go, *rulebook.rollback):
        spans = rule.over or every * (rule.samples or 1)
        if rule.over is not None and rule.over < every:
            refuse(
                f"{brief(rule.text)} looks at {show_duration(rule.over)}, and a sample comes every"
                f" {show_duration(every)}: it could never be evaluated",
                origin=rule.origin,
            )
        if rule.over is not None and rule.over % every:
            refuse(
                f"{brief(rule.text)}: {show_duration(rule.over)} is not a whole number of samples,"
                f" one every {show_duration(every)}",
                origin=rule.origin,
            )
        if spans > lasts:
            refuse(
                f"{brief(rule.text)} needs {show_duration(spans)}, and the watch ends after {show_duration(lasts)}",
                origin=rule.origin,
            )
    for rule in rulebook.go:
        if rule.samples is not None:
            refuse(f"{brief(rule.text)}: a limit for GO holds always, not for some samples", origin=rule.origin)
    for level, alerting in rulebook.alerts.items():
        if level not in ("critical", "warning", "info"):
            refuse(f"{brief(level)} is no level (allowed: critical, warning, info)", "alerts")
        if not alerting.when and alerting.at is None:
            refuse("says neither `when` nor `at`", "alerts", level)
        if alerting.at is not None and not _TIME.match(alerting.at):
            refuse(f"{brief(alerting.at)} is no time of the day with its zone, like 09:00+09:00", "alerts", level, "at")
        for rule in alerting.when:
            if rule.samples is not None or rule.over is not None:
                refuse(f"{brief(rule.text)}: an alert looks at the newest sample alone", origin=rule.origin)


def _check_source(rulebook: Rulebook, refuse: Callable[..., NoReturn]) -> None:
    source = rulebook.source
    if (source.kind is SourceKind.FILE) != (source.path is not None):
        refuse("kind file names its `path`, and no other kind has one", "source")
    queries = source.queries
    if (source.kind is SourceKind.PROMETHEUS) != (queries is not None):
        refuse("kind prometheus names its `queries`, and no other kind has any", "source")
    if queries is not None:
        check_queries(queries, rulebook, refuse)
    if source.lag < timedelta(0):
        refuse("no sample ends in the future", "source", "lag")


def _unit_of(measure: str) -> Unit | None:
    match = _LATENCY.match(measure)
    if match is not None:
        return Unit.MS if 0 < float(match["p"]) < 100 else None
    if measure == "requests":
        return Unit.COUNT
    if measure in _MEASURES or (_NAME.match(measure) and measure.endswith("_ratio")):
        return Unit.RATIO
    return None


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and int(text) >= 1 else None


LEAVES[Rule] = read_rule
