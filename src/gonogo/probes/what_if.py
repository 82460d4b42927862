"""Executions that a SELECT finds, posted again one by one as simulations: what each came to, and would come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes import http, postgres
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.http import HttpOptions
from gonogo.probes.postgres import Postgres

_COLUMNS = ("id", "result", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """`sql` gives one row an execution: `id`, its `result`, the JSON `body` to post, and what else is to be told.

    At most `most` are posted to `path` of `side`, which has to simulate and to change nothing; `answer` is the field of
    its answer that holds the result. All of it shares one `deadline`.
    """

    side: str
    sql: str
    path: str
    answer: str = "result"
    most: int = 40
    deadline: timedelta = timedelta(seconds=20)

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ConfigError(f"path {self.path!r} does not begin with /")
        if not 1 <= self.most <= 100:
            raise ConfigError("most is 1 to 100")
        if self.deadline <= timedelta(0):
            raise ConfigError("deadline is longer than 0")


def look(options: WhatIf, vantage: Vantage) -> Sight:
    """{rows: [{id, old, new, changed, ...}], count, changed}; no row is an answer. One that cannot be simulated
    makes the whole PARTIAL: those that can be are not the ones that matter.
    """
    found = postgres.look(Postgres(sql=options.sql), vantage)
    if not isinstance(found.outcome, Seen):
        return found
    rows = found.outcome.data["rows"]
    source = f"POST {vantage.side(options.side).url}{options.path}, {len(rows)} executions"
    if len(rows) > options.most:
        text = f"{len(rows)} executions, at most {options.most} are posted; add a LIMIT"
        return Sight(source=source, outcome=Unseen(cause=Cause.PARTIAL, detail=text), tries=found.tries)
    missing = [name for name in _COLUMNS if rows and name not in rows[0]]
    if missing or not all(isinstance(row["body"], Mapping) for row in rows):
        text = f"the statement gives no column {missing[0]}" if missing else "the column body is no JSON object"
        return Sight(source=source, outcome=Unseen(cause=Cause.BROKEN, detail=text), tries=found.tries)
    tries = [found.tries]
    told: list[dict[str, Any]] = []
    deadline = Deadline(options.deadline)
    for row in rows:
        left = timedelta(seconds=deadline.left)
        if left <= timedelta(0):
            text = f"{len(told)} of {len(rows)} executions were simulated within the deadline"
            return _ended(options, source, Unseen(cause=Cause.PARTIAL, detail=text, data={"rows": told}), tries)
        ask = HttpOptions(side=options.side, path=options.path, method="POST", body=row["body"], deadline=left)
        sight = http.look(ask, vantage)
        tries.append(sight.tries)
        if not isinstance(sight.outcome, Seen):
            if not told:
                return _ended(options, source, sight.outcome, tries)
            text = f"execution {row['id']} was not simulated: {sight.outcome.detail}"
            return _ended(options, source, Unseen(cause=Cause.PARTIAL, detail=text, data={"rows": told}), tries)
        status, answer = sight.outcome.data["status"], sight.outcome.data["json"]
        if status != 200 or not isinstance(answer, Mapping) or options.answer not in answer:
            text = f"execution {row['id']} was not simulated: {status}, {_brief(answer)}"
            return _ended(options, source, Unseen(cause=Cause.PARTIAL, detail=text, data={"rows": told}), tries)
        new = answer[options.answer]
        beside = {name: value for name, value in row.items() if name not in _COLUMNS}
        told.append({"id": row["id"], **beside, "old": row["result"], "new": new, "changed": new != row["result"]})
    data = {"rows": told, "count": len(told), "changed": sum(one["changed"] for one in told)}
    return _ended(options, source, Seen(data=data), tries)


def _ended(
    options: WhatIf, source: str, outcome: Seen | Unseen, tries: list[tuple[tuple[timedelta, str], ...]]
) -> Sight:
    return Sight(source=source, side=options.side, outcome=outcome, tries=http.attempts_of(tries))


def _brief(answer: Any) -> str:
    return f"an object with {', '.join(list(answer)[:6])}" if isinstance(answer, Mapping) else "no JSON object"


PROBE = Probe(
    options=WhatIf,
    look=look,
    sides=lambda options: (options.side,),
    back_ends=("postgres",),
    extra="postgres",
    clients=("psycopg",),
)
