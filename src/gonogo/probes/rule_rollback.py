"""Rule deployments as their table says, and the one request that takes one of them back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gonogo.model.environment import Auth, Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Unseen
from gonogo.model.rule_deployment import RuleDeployment
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.transport import Ask, fetch
from gonogo.probes.postgres.probe import Postgres
from gonogo.probes.postgres.probe import look as select

BACK_END, SIDE = "learning", "stable"  # where it is asked for: this back end if there is one, else this side
PATH = "/api/v1/learning/rollback"
SQL = (
    "SELECT deployment_id, target_type, old_version, new_version, deployed_at, status, rollback_occurred"
    " FROM rule_deployments ORDER BY deployed_at DESC, deployment_id DESC LIMIT 50"
)


class Refused(Failure):
    """The service answered, and not with yes: `status` is HTTP's."""

    def __init__(self, detail: str, status: int) -> None:
        super().__init__(Cause.DENIED if status in (401, 403) else Cause.UNAVAILABLE, detail)
        self.status = status


def read(vantage: Vantage) -> tuple[RuleDeployment, ...]:
    """The newest 50, newest first. Failure where they cannot be seen, or a row lacks something."""
    outcome = select(Postgres(sql=SQL), vantage).outcome
    if isinstance(outcome, Unseen):
        raise Failure(outcome.cause, outcome.detail, lost=outcome.cause is Cause.UNREACHABLE)
    return tuple(_deployment(row) for row in outcome.data["rows"])


def request(deployment: RuleDeployment) -> dict[str, Any]:
    """The one request: what people read, what the record keeps and what is sent are the same."""
    body = {
        "deployment_id": deployment.id,
        "target_type": deployment.kind,
        "from_version": deployment.new,
        "to_version": deployment.old,
    }
    return {"method": "POST", "path": PATH, "body": body}


def place(environment: Environment) -> tuple[str, Auth, str | None] | None:
    """(URL, how a caller proves who it is, CA) of the learning service; None where the environment does not say."""
    if BACK_END in environment.back_ends:
        back_end = environment.back_ends[BACK_END]
        return f"{back_end.address.rstrip('/')}{PATH}", back_end.auth, back_end.ca
    if SIDE in environment.sides:
        side = environment.sides[SIDE]
        return f"{side.url.rstrip('/')}{PATH}", side.auth, side.ca
    return None


def send(vantage: Vantage, deployment: RuleDeployment, deadline: Deadline) -> str:
    """Ask for it, once: what the service said. Refused where it says no; any other Failure: nobody knows."""
    found = place(vantage.environment)
    if found is None:
        raise ConfigError(f"side {SIDE} or back end {BACK_END} is needed", vantage.environment.origin)
    url, auth, ca = found
    body = json.dumps(request(deployment)["body"]).encode("utf-8")
    ask = Ask(url=url, method="POST", headers={"Content-Type": "application/json"}, body=body, auth=auth, ca=ca)
    answer = fetch(vantage, ask, deadline, patient=False)
    said = " ".join(answer.body[:300].decode("utf-8", errors="replace").split())
    if answer.status >= 500:
        raise Failure(Cause.UNAVAILABLE, f"POST {PATH}: {answer.status}: {said}")
    if not 200 <= answer.status < 300:
        raise Refused(f"POST {PATH}: {answer.status}: {said}", answer.status)
    return f"POST {PATH}: {answer.status}"


def _deployment(row: Mapping[str, Any]) -> RuleDeployment:
    # The first of its kind has no old version, and a column that was never set says no.
    empty = [name for name, value in row.items() if value is None and name not in ("old_version", "rollback_occurred")]
    if empty:
        raise Failure(Cause.BROKEN, f"rule_deployments: {row.get('deployment_id')} has no {', '.join(empty)}")
    return RuleDeployment(
        id=str(row["deployment_id"]),
        kind=str(row["target_type"]),
        old=str(row["old_version"] or ""),
        new=str(row["new_version"]),
        at=str(row["deployed_at"]),
        status=str(row["status"]).upper(),
        taken_back=row["rollback_occurred"] is True,
    )
