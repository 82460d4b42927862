"""Executions that a SELECT finds, simulated with another rule set: what each came to, and would come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http import probe as http
from gonogo.probes.http.probe import HttpOptions
from gonogo.probes.postgres import probe as postgres
from gonogo.probes.postgres.probe import Postgres

_COLUMNS = ("id", "result", "ruleset")


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """`sql` gives a row an execution: its `id`, its `result`, the `ruleset` to simulate it with (one for all), and what
    else is to be told of it.

    At most `most` are posted to `path` of `side`, in one request, {ruleset_version, execution_ids}, that changes
    nothing there.
    """

    side: str
    sql: str
    path: str = "/api/v1/judgment/simulate"
    most: int = 100
    deadline: timedelta = timedelta(seconds=10)

    def __post_init__(self) -> None:
        Postgres(sql=self.sql)  # refuses what does more than read
        if not self.path.startswith("/"):
            raise ConfigError(f"path {self.path!r} does not begin with /")
        if not 1 <= self.most <= 1000:
            raise ConfigError("most is 1 to 1000")
        if self.deadline <= timedelta(0):
            raise ConfigError("deadline is longer than 0")


def look(options: WhatIf, vantage: Vantage) -> Sight:
    """{rows: [{id, old, new, changed, ...}], count, changed, ruleset}; no row is an answer, and nothing is posted.

    One that is not simulated makes the whole PARTIAL: those that can be are not those that matter.
    """
    found = postgres.look(Postgres(sql=options.sql), vantage)
    if not isinstance(found.outcome, Seen):
        return found
    rows: Sequence[Mapping[str, Any]] = found.outcome.data["rows"]
    source = f"POST {vantage.side(options.side).url}{options.path}, {len(rows)} executions"
    if not rows:
        none = Seen(data={"rows": [], "count": 0, "changed": 0, "ruleset": None})
        return Sight(source=found.source, outcome=none, tries=found.tries)
    try:
        body = _body(rows, options.most)
    except Failure as failure:
        return Sight(source=found.source, outcome=failure.unseen(), tries=found.tries)
    ask = HttpOptions(side=options.side, path=options.path, method="POST", body=body, deadline=options.deadline)
    sight = http.look(ask, vantage)
    outcome = sight.outcome
    if isinstance(outcome, Seen):
        try:
            outcome = _compared(rows, outcome.data, body["ruleset_version"])
        except Failure as failure:
            outcome = failure.unseen()
    return Sight(source=source, side=options.side, outcome=outcome, tries=http.attempts_of([found.tries, sight.tries]))


def _body(rows: Sequence[Mapping[str, Any]], most: int) -> dict[str, Any]:
    """What is posted; Failure if the rows are too many, or not what they have to be."""
    missing = [name for name in _COLUMNS if name not in rows[0]]
    if missing:
        raise Failure(Cause.BROKEN, f"the statement gives no column {missing[0]}")
    if len(rows) > most:
        raise Failure(Cause.PARTIAL, f"{len(rows)} executions, at most {most} are posted; add a LIMIT")
    rulesets = sorted({str(row["ruleset"]) for row in rows})
    if len(rulesets) > 1 or rows[0]["ruleset"] is None:
        raise Failure(Cause.BROKEN, f"one rule set to simulate with, not {', '.join(rulesets)}")
    return {"ruleset_version": rulesets[0], "execution_ids": [row["id"] for row in rows]}


def _compared(rows: Sequence[Mapping[str, Any]], answer: Mapping[str, Any], ruleset: str) -> Seen:
    document = answer["json"]
    results = document.get("results") if isinstance(document, Mapping) else None
    if answer["status"] != 200 or not isinstance(results, list):
        said = document.get("detail") if isinstance(document, Mapping) else None
        raise Failure(Cause.PARTIAL, f"nothing was simulated: {answer['status']} {str(said or '')[:200]}".rstrip())
    try:
        new = {one["execution_id"]: one["new"]["result"] for one in results}
    except (KeyError, TypeError):
        raise Failure(Cause.BROKEN, "a result has no execution_id, or no new.result") from None
    lost = [row["id"] for row in rows if row["id"] not in new]
    if lost:
        raise Failure(Cause.PARTIAL, f"{len(lost)} of {len(rows)} executions were not simulated: {lost[0]} ...")
    told = [
        {
            "id": row["id"],
            **{name: value for name, value in row.items() if name not in _COLUMNS},
            "old": row["result"],
            "new": new[row["id"]],
            "changed": new[row["id"]] != row["result"],
        }
        for row in rows
    ]
    changed = sum(one["changed"] for one in told)
    return Seen(data={"rows": told, "count": len(told), "changed": changed, "ruleset": ruleset})


PROBE = Probe(
    options=WhatIf,
    look=look,
    sides=lambda options: (options.side,),
    back_ends=("postgres",),
    extra="postgres",
    clients=("psycopg",),
    refuse=postgres.refuse_unnamed,
    computes=True,
)
