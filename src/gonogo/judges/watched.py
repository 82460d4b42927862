"""A recorded watch into the finding of an item: no watch says nothing, one that is NO-GO fails it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gonogo.judges.base import Judge
from gonogo.judges.reading import inconclusive
from gonogo.judges.seeing import document
from gonogo.model.units import show_duration
from gonogo.model.verdict import Case, Decision, Finding, Verdict
from gonogo.model.watch import RuleStands

OLDEST = timedelta(hours=24)  # a GO that ended earlier says nothing of now; a NO-GO stays one for its release
_LATE = 5  # intervals without a sample after which a watch that has not ended is not running
_LATENCY = "latency"  # as a measure: pNN_latency of every NN, and the evidence on latency


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """`run` is the name of a look of kind watch_samples; without `measures` all of its decision counts.

    `proven`: where there is a watch, it has to have proven the measures to be inside their limits. Otherwise it is
    enough that no rule fired and no evidence raised an alarm so far.
    """

    run: str = "watch"
    measures: tuple[str, ...] = ()
    proven: bool = True


def judge(options: Watched, case: Case) -> Finding:
    """Fail for a rule that fired or an alarm on the measures; what is not proven yet is inconclusive, and says when
    it can be known at the present traffic. Pass without a watch: then the item's other looks decide.
    """
    rule = f"the watch finds nothing against {', '.join(options.measures) or 'the canary'}"
    found = document(case, options.run)
    if isinstance(found, Finding):
        return found
    data, source = found
    try:
        return _judge(options, data, rule, case.now)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        text = f"{options.run} is no recorded watch: {type(error).__name__}: {error} ({source})"
        return inconclusive(rule, text, "no watch", "when the look is of kind watch_samples")


def _judge(options: Watched, data: Mapping[str, Any], rule: str, now: datetime) -> Finding:
    if data["watch"] is None:
        return Finding(verdict=Verdict.PASS, reason=f"not watched: {data['why']}", rule=rule, observed="no watch")
    name, count, verdict = data["watch"], int(data["samples"]), data["verdict"]
    if verdict is None:
        return _hold(rule, f"watch {name} has no sample yet", "when its first sample is there", 0)
    unknown = [one for one in options.measures if not any(_is_of(rule, [one]) for rule in verdict["rules"])]
    if unknown:
        text = f"the rules of watch {name} say nothing of {', '.join(unknown)}"
        return _hold(rule, text, "when a watch has a rule on it", count)
    against = _against(options.measures, verdict, data["final"])
    if against:
        said = "; ".join(against)
        both = "both sides break the rules, a rollback may not help: " if verdict["both_sides"] else ""
        text = f"watch {name} is NO-GO at sample {verdict['seq']}: {both}{said}"
        return Finding(verdict=Verdict.FAIL, reason=text, rule=rule, observed="NO-GO", samples=count)
    ended = data["ended"]
    if ended is not None and now - datetime.fromisoformat(ended) > OLDEST:
        text = f"not watched: the newest watch, {name}, ended more than {show_duration(OLDEST)} ago"
        return Finding(verdict=Verdict.PASS, reason=text, rule=rule, observed="no watch")
    doubt = _doubt(data, now)
    if doubt:
        return _hold(rule, f"watch {name}: {doubt}", "when a watch runs again", count)
    open_ = _open(options, verdict, data["final"])
    if open_:
        at = verdict["decidable_at"]
        when = "when the watch has seen more" if at is None else f"about {_when(at)} at the present traffic"
        return _hold(rule, f"watch {name} is HOLD at sample {verdict['seq']}: {'; '.join(open_)}", when, count)
    proven = "all is proven" if options.proven else "no rule fired, no evidence against it"
    return Finding(
        verdict=Verdict.PASS,
        reason=f"watch {name}, {count} samples until {_when(data['until'])}: {proven}",
        rule=rule,
        observed=verdict["decision"] if not options.measures else "clean",
        samples=count,
    )


def _against(measures: Sequence[str], verdict: Mapping[str, Any], final: Mapping[str, Any] | None) -> list[str]:
    """What makes it NO-GO. Without `measures` the decision itself is asked, and its reasons told."""
    if not measures:
        return next((_said(one) for one in (verdict, final) if one and one["decision"] == Decision.NO_GO), [])
    fired = [one["reason"] for one in verdict["rules"] if one["stands"] == RuleStands.FIRED and _is_of(one, measures)]
    alarms = [one["reason"] for one in verdict["evidence"] if one["alarmed_at"] is not None and _is_of(one, measures)]
    return [f"rule {reason}" for reason in fired] + [f"evidence: {reason}" for reason in alarms]


def _open(options: Watched, verdict: Mapping[str, Any], final: Mapping[str, Any] | None) -> list[str]:
    """What is not known yet of the measures. A watch that has ended knows no more than it ended with."""
    if not options.proven:
        return []
    if not options.measures:
        return next((_said(one) for one in (verdict, final) if one and one["decision"] != Decision.GO), [])
    rules = [
        f"{one['stands']}: {one['reason']}"
        for one in verdict["rules"]
        if one["stands"] != RuleStands.CLEAN and _is_of(one, options.measures)
    ]
    bounds = [
        f"not proven: {one['reason']}"
        for one in verdict["certificate"]
        if not one["holds"] and _is_of(one, options.measures)
    ]
    return rules + bounds


def _said(verdict: Mapping[str, Any]) -> list[str]:
    return list(verdict["reasons"]) or [f"it came to {verdict['decision']}"]


def _doubt(data: Mapping[str, Any], now: datetime) -> str:
    """Why the watch cannot be relied upon; "" if it can."""
    if data["other_rules"]:
        return "it was begun with other rules than those declared now"
    if data["ended"] is None:
        allowed = timedelta(seconds=_LATE * float(data["every_s"]) + float(data["lag_s"]))
        silent = now - datetime.fromisoformat(data["until"])
        return f"its newest sample is {show_duration(silent)} old: it does not run" if silent > allowed else ""
    early = data["final"]["early"]
    return str(early) if early else ""


def _is_of(one: Mapping[str, Any], measures: Sequence[str]) -> bool:
    measure = str(one["measure"])
    return measure in measures or (_LATENCY in measures and measure.endswith(f"_{_LATENCY}"))


def _hold(rule: str, text: str, when: str, samples: int) -> Finding:
    return inconclusive(rule, text, "HOLD", when, samples)


def _when(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M} UTC"


JUDGE = Judge(options=Watched, judge=judge)
