"""Rollouts on Cloud Run: traffic between the revisions of a service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from gonogo.flows.rollout.platform import Paper
from gonogo.flows.rollout.record import RECORD
from gonogo.judges.plans.rollout import Kept, Wish, plan_change, stage_notes, stands, unready
from gonogo.judges.plans.split import change_to, gcloud_line, split_text
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.model.rollout import Change, ServiceTraffic, Share, split_of
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure, Stale
from gonogo.probes.google.client import Rejected
from gonogo.probes.google.run_traffic import METHOD, read, request, set_traffic
from gonogo.reporting.escape import slug
from gonogo.reporting.files import read_json

SIDE = "stable"  # the side whose service splits its traffic between revisions
_REVISION = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]\Z")
_TRANSIENT = frozenset(
    ("ABORTED", "UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED", "INTERNAL", "CANCELLED", "UNKNOWN")
)


class CloudRun:
    """A service of Cloud Run; the etag of what was read guards every change."""

    kinds = ("cloud_run",)
    within = timedelta(seconds=60)
    within_by_itself = timedelta(seconds=45)
    takes = "the name of a revision"

    def check(self, environment: Environment) -> None:
        """ConfigError where the environment does not say which service has the traffic."""
        side = environment.sides.get(SIDE)
        if side is None or side.service is None or "cloud_run" not in environment.back_ends:
            raise ConfigError(
                f"{environment.name} has no traffic to split: back end cloud_run and side {SIDE} with `service` are"
                " needed",
                environment.origin,
            )

    def knows(self, to: str) -> bool:
        """Lower case, as Cloud Run names them."""
        return _REVISION.match(to) is not None

    @property
    def none_is_a_stage(self) -> bool:
        """All traffic goes back without --to."""
        return False

    def read(self, vantage: Vantage, *, changes: bool) -> ServiceTraffic:  # noqa: ARG002 - one login does both
        """The service and its revisions."""
        return read(vantage, SIDE)

    def plan(self, state: ServiceTraffic, wish: Wish, environment: Environment, reports: Path) -> Paper[Change]:
        """The change, by the newest record of this service where there is one."""
        # A rehearsed environment begins anew each time: no earlier rollout tells anything of it.
        rehearsed = environment.start is not None
        kept, doubts = (None, ()) if rehearsed else newest_kept(reports, environment.name, state.name)
        change = plan_change(state, wish, kept)
        why = change if isinstance(change, str) else None
        found = None if isinstance(change, str) else change
        notes = (*doubts, *stage_notes(state, wish, environment.rollout.stages), *(found.notes if found else ()))
        return Paper(change=found, why=why, notes=notes)

    def stands(self, state: ServiceTraffic, change: Change) -> bool:
        """The split is in force with its tags."""
        return stands(state, change)

    def lacking(self, state: ServiceTraffic, change: Change) -> tuple[str, ...]:
        """Revisions that are not READY."""
        return unready(state, change)

    def moved(self, before: ServiceTraffic, after: ServiceTraffic) -> bool:
        """Another split, or one on its way."""
        return not after.settled or after.split != before.split

    def again(self, state: ServiceTraffic, change: Change) -> Change:
        """The same revisions, the tags as they are there."""
        made = change_to(state, change.split)
        return Change(split=change.split, shares=made.shares, previous=change.previous, notes=change.notes)

    def sends(self, state: ServiceTraffic, change: Change) -> str:  # noqa: ARG002
        """The one call."""
        return f"UpdateService for etag {state.etag}"

    def send(self, vantage: Vantage, state: ServiceTraffic, change: Change, deadline: Deadline) -> None:
        """Ask, and wait for the operation."""
        set_traffic(vantage, state, change.shares, deadline)

    def end(self, vantage: Vantage, sent: None, failed: str | None) -> None:
        """Cloud Run keeps its own books."""

    def transient(self, failure: Failure) -> bool:
        """By gRPC's codes."""
        if isinstance(failure, Rejected):
            return failure.code in _TRANSIENT
        return isinstance(failure, Stale) or failure.cause in (Cause.TIMEOUT, Cause.UNREACHABLE)

    def name(self, state: ServiceTraffic) -> str:
        """projects/P/locations/R/services/S."""
        return state.name

    def now(self, state: ServiceTraffic) -> str:
        """The split."""
        return split_text(state.split)

    def under_way(self, state: ServiceTraffic) -> bool:
        """As the service says itself."""
        return not state.settled

    def goal(self, change: Change) -> str:
        """The split."""
        return split_text(change.split)

    def previous(self, change: Change) -> str | None:
        """A revision."""
        return change.previous

    def back(self, change: Change, environment: str) -> str | None:
        """A rollback."""
        if not change.previous:
            return None
        return (
            f"`gonogo rollout rollback --env {environment} --yes {environment}` gives all traffic to {change.previous}"
        )

    def state_document(self, state: ServiceTraffic) -> dict[str, Any]:
        """A service as it stands, as JSON."""
        return {
            "etag": state.etag,
            "settled": state.settled,
            "split": state.split,
            "traffic": [_share_document(share) for share in state.shares],
            "revisions": [{"name": one.name, "ready": one.ready, "reason": one.reason} for one in state.revisions],
        }

    def change_document(self, state: ServiceTraffic, change: Change | None, environment: Environment) -> dict[str, Any]:
        """The split, the command line that would make it, and the one request."""
        if change is None:
            return {"plan": None, "gcloud": None, "call": None}
        names = environment.back_ends["cloud_run"].names
        return {
            "plan": {"split": change.split, "traffic": [_share_document(share) for share in change.shares]},
            "gcloud": gcloud_line(state.service, change.split, names),
            "call": {"method": METHOD, "request": request(state, change.shares)},
        }


def newest_kept(reports: Path, environment: str, service: str) -> tuple[Kept | None, tuple[str, ...]]:
    """What the newest record of this service left, and a note for each record that could not be read.

    `service` is the full name, projects/P/locations/R/services/S.
    """
    found: list[tuple[str, Kept]] = []
    notes = []
    for path in reports.glob(f"*Z-{slug(environment)}-rollout-*/{RECORD}"):
        try:
            document = read_json(path)
            if document["service"] == service and document["environment"] == environment:
                found.append((str(document["started"]), _kept(document, path.parent.name)))
        except (ConfigError, KeyError, TypeError, ValueError, AttributeError):
            notes.append(f"{path} is no record that can be read; it is left out")
    return (max(found, key=lambda one: one[0])[1] if found else None), tuple(notes)


def _kept(document: Mapping[str, Any], name: str) -> Kept:
    previous = document["previous"]
    return Kept(
        before=split_of(_shares(document["before"])),
        split=split_of(_shares(document["plan"])),
        previous=None if previous is None else str(previous),
        name=name,
    )


def _shares(part: Mapping[str, Any]) -> tuple[Share, ...]:
    return tuple(Share(revision=str(one["revision"]), percent=int(one["percent"])) for one in part["traffic"])


def _share_document(share: Share) -> dict[str, Any]:
    return {"revision": share.revision, "percent": share.percent, "tag": share.tag, "latest": share.latest}
