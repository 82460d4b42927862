"""Rollouts of a Helm release on Kubernetes: a canary's share, its promotion, and the way back."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from gonogo.flows.rollout.platform import Paper
from gonogo.judges.helm.plan import again, plan_helm
from gonogo.judges.helm.stands import in_force, shares_of, stands_text, unfinished, without_pods
from gonogo.judges.plans.rollout import Wish
from gonogo.model.environment import Environment
from gonogo.model.evidence import Cause
from gonogo.model.helm import HelmChange, HelmState
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure, Stale
from gonogo.probes.helm.read import read, release_of
from gonogo.probes.helm.rollout import Refused, Sent, calls, end, kubectl_lines, send

_REVISION = re.compile(r"v[0-9]{1,9}\Z")
_HISTORY = 10


class Helm:
    """A release in a namespace; the resourceVersions of what was read guard every change."""

    kinds = ("kubernetes_deployments",)
    within = within_by_itself = timedelta(minutes=5)
    takes = "a revision of the release, like v6"
    none_is_a_stage = True

    def check(self, environment: Environment) -> None:
        """ConfigError where the environment does not say which release."""
        release_of(environment)

    def knows(self, to: str) -> bool:
        """vN, as Helm's own secrets are called."""
        return _REVISION.match(to) is not None

    def read(self, vantage: Vantage, *, changes: bool) -> HelmState:
        """The history, its Deployments and the canary's Ingress."""
        return read(vantage, changes=changes)

    def plan(self, state: HelmState, wish: Wish, environment: Environment, reports: Path) -> Paper[HelmChange]:  # noqa: ARG002
        """By Helm's history, which is a record of its own."""
        change = plan_helm(state, wish, environment.rollout.stages)
        if isinstance(change, str):
            return Paper(change=None, why=change)
        return Paper(change=change, notes=change.notes)

    def stands(self, state: HelmState, change: HelmChange) -> bool:
        """Images and share are in force, and rolled out."""
        return in_force(state, change)

    def lacking(self, state: HelmState, change: HelmChange) -> tuple[str, ...]:
        """Deployments of no pods, whose rollout is complete at once."""
        return without_pods(state, change)

    def moved(self, before: HelmState, after: HelmState) -> bool:
        """Other images, another share, or a rollout under way."""
        images = [{name: one.containers for name, one in state.workloads.items()} for state in (before, after)]
        return images[0] != images[1] or before.weight != after.weight or self.under_way(after)

    def again(self, state: HelmState, change: HelmChange) -> HelmChange | str:
        """To the same revision, or the same share."""
        return again(state, change)

    def sends(self, state: HelmState, change: HelmChange) -> str:
        """What is set, and the resourceVersions that it is set for."""
        bound = ", ".join(f"{one.kind} {one.name} at {one.version}" for one in change.patches) or "no object"
        return f"revision {change.number} of {state.release}: PATCH {bound}"

    def send(self, vantage: Vantage, state: HelmState, change: HelmChange, deadline: Deadline) -> Sent:
        """Tried without effect, begun in Helm's history, set."""
        return send(vantage, state, change, deadline)

    def end(self, vantage: Vantage, sent: Sent | None, failed: str | None) -> str | None:
        """Helm's history says how it ended."""
        return end(vantage, sent, failed)

    def transient(self, failure: Failure) -> bool:
        """No answer, an error inside the server, or taken at the same moment by somebody else."""
        if isinstance(failure, Refused):
            return failure.status >= 500 or failure.status == 429
        return isinstance(failure, Stale) or failure.cause in (Cause.TIMEOUT, Cause.UNREACHABLE)

    def name(self, state: HelmState) -> str:
        """Namespace and release."""
        return f"Helm release {state.release} in {state.namespace}"

    def now(self, state: HelmState) -> str:
        """Who serves which share, and what is not rolled out."""
        return stands_text(state)

    def under_way(self, state: HelmState) -> bool:
        """Whether a Deployment that serves is not rolled out."""
        return any(unfinished(one) for name, one in state.workloads.items() if name != state.canary)

    def goal(self, change: HelmChange) -> str:
        """Who serves which share then."""
        return change.goal

    def previous(self, change: HelmChange) -> str | None:
        """A revision."""
        return change.previous

    def back(self, change: HelmChange, environment: str) -> str | None:
        """A rollback."""
        if not change.previous:
            return None
        return f"`gonogo rollout rollback --env {environment} --yes {environment}` goes back to {change.previous}"

    def state_document(self, state: HelmState) -> dict[str, Any]:
        """The release as it stands, as JSON; no value of it but image tags and the canary's share."""
        late = [why for one in state.workloads.values() if (why := unfinished(one))]
        shares = shares_of(state)
        return {
            "namespace": state.namespace,
            "release": state.release,
            "settled": not late,
            "late": late,
            "split": {tag: percent for tag, percent, _ in shares},
            "traffic": [{"revision": tag, "percent": percent, "tag": side} for tag, percent, side in shares],
            "history": [
                {"revision": one.number, "status": one.status, "chart": one.chart, "description": one.description}
                for one in state.revisions[:_HISTORY]
            ],
            "deployments": [
                {"name": one.name, "resource_version": one.version, "images": dict(one.containers), "late": one.late}
                for one in state.workloads.values()
            ],
            "ingresses": [
                {"name": one.name, "resource_version": one.version, "canary_weight": one.weight}
                for one in state.routes.values()
            ],
        }

    def change_document(
        self,
        state: HelmState,
        change: HelmChange | None,
        environment: Environment,  # noqa: ARG002
    ) -> dict[str, Any]:
        """What is set, the requests, and command lines that do about the same."""
        if change is None or not change.pending:
            plan = None if change is None else {"goal": change.goal, "sets": []}
            return {"plan": plan, "commands": [], "calls": []}
        return {
            "plan": {
                "goal": change.goal,
                "sets": [f"{one.kind} {one.name}: {one.what}" for one in change.patches],
                "revision": change.number,
                "description": change.description,
                "target": change.target,
            },
            "commands": [change.helm, *kubectl_lines(state, change)],
            "calls": calls(state, change),
        }
