"""Sign-off records into "attested by whom and until when", or the command that would record it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gonogo.judges.base import Judge
from gonogo.judges.reading import inconclusive, moment
from gonogo.judges.seeing import trouble
from gonogo.model.check import Phase
from gonogo.model.evidence import Seen
from gonogo.model.units import show_duration
from gonogo.model.verdict import Case, Finding, Verdict

_AHEAD = timedelta(seconds=60)
_DAY = timedelta(hours=24)
_ENOUGH = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The newest record of this item, environment and release counts.

    It may be at most `max_age` old: a day for an item of every day, otherwise any age that is not given. What is to be
    attested some time after T0 cannot have been attested before nine tenths of that time had passed.
    """

    max_age: timedelta | None = None


def judge(options: Signed, case: Case) -> Finding:
    """Pass with a valid record; everything else waits for a person."""
    version = case.release.version if case.release is not None else None
    rule = f"signed off for {case.environment.name} {version or '(no release)'}"
    if not case.evidence:
        return inconclusive(rule, f"no sign-offs were looked at; {_do(case)}", "no evidence", _do(case))
    finding = trouble(case, case.evidence)
    if finding is not None:
        return finding
    if version is None:
        return inconclusive(rule, f"no release is given; {_do(case)}", "no release", "when --release is given")
    records = [
        record
        for evidence in case.evidence.values()
        if isinstance(evidence.outcome, Seen) and isinstance(evidence.outcome.data.get("records"), list)
        for record in evidence.outcome.data["records"]
        if isinstance(record, Mapping)
        and (record.get("id"), record.get("environment")) == (case.check.id, case.environment.name)
    ]
    ours = [record for record in records if record.get("release") == version]
    if not ours:
        other = sorted({str(record.get("release")) for record in records})
        text = f"not signed off for {version}" + (f", only for {', '.join(other)}" if other else "")
        return inconclusive(rule, f"{text}; {_do(case)}", "not signed", _do(case), 0)
    dated = [(at, record) for record in ours if (at := moment(record.get("at"))) is not None]
    if len(dated) < len(ours):
        return inconclusive(rule, f"a sign-off has no time; {_do(case)}", "malformed", _do(case), len(ours))
    at, record = max(dated, key=lambda item: item[0])
    problem = _problem(options, case, at, record)
    if problem:
        return inconclusive(rule, f"{problem}; {_do(case)}", problem, _do(case), len(ours))
    text = f"signed by {record['by']} on {at:%Y-%m-%d %H:%M} until {record['until']}, {record['link']}"
    return Finding(verdict=Verdict.PASS, reason=text, rule=rule, observed=text, samples=len(ours))


def _problem(options: Signed, case: Case, at: datetime, record: Mapping[str, Any]) -> str | None:
    lacking = [key for key in ("by", "until", "link") if not isinstance(record.get(key), str) or not record[key]]
    until = moment(record.get("until"))
    if lacking or until is None:
        return f"the sign-off lacks {', '.join(lacking) or 'a readable until'}"
    if at - case.now > _AHEAD:
        return f"the sign-off by {record['by']} lies in the future, {record['at']}"
    if until <= case.now:
        return f"the sign-off by {record['by']} expired {record['until']}"
    due = case.check.at
    if due is not None and due > timedelta(0) and case.t0 is not None and at - case.t0 < due * _ENOUGH:
        return f"the sign-off by {record['by']} of {record['at']} was given before T+{show_duration(due)}"
    max_age = options.max_age or (_DAY if case.check.phase is Phase.DAILY else None)
    if max_age is not None and case.now - at > max_age:
        return f"the sign-off by {record['by']} of {record['at']} is too old"
    return None


def _do(case: Case) -> str:
    if case.environment.start is not None:
        return f"{case.environment.name} is rehearsed and brings its own; gonogo signoff is for what is not"
    release = case.release.version if case.release is not None else "R"
    return (
        f"run: gonogo signoff {case.check.id} --env {case.environment.name} --release {release} "
        "--by NAME --until WHEN --link URL"
    )


JUDGE = Judge(options=Signed, judge=judge)
