"""AI Factory's items on its cluster: healthy clusters that look odd pass, sick ones that look well do not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.cluster_stand import ROOT, ClusterStand

from gonogo.config.checklist import load_checklists
from gonogo.config.environment import load_environment
from gonogo.judges import JUDGES
from gonogo.judges.verdict import judge_check
from gonogo.model.evidence import Evidence, Seen
from gonogo.model.verdict import Case, Outcome, Verdict
from gonogo.probes import PROBES

CHECKS = {check.id: check for check in load_checklists(ROOT / "checks", PROBES, JUDGES) if check.system == "factory"}
ENVIRONMENT = load_environment("factory-local", ROOT / "environments")
PRODUCTION, HPA = "production", "horizontalpodautoscalers"
JUDGMENT = "judgment-service"


@pytest.fixture(scope="module")
def stand() -> Iterator[ClusterStand]:
    made = ClusterStand()
    yield made
    made.close()


def verdict(stand: ClusterStand, check_id: str) -> Verdict:
    """What the item comes to on the cluster as it is."""
    return judged(stand, check_id).verdict


def judged(stand: ClusterStand, check_id: str) -> Outcome:
    """The item on the cluster as it is."""
    check, vantage, evidence = CHECKS[check_id], stand.vantage(), {}
    for name, spec in check.probes.items():
        # A service that answers is no part of a cluster.
        is_http, now = spec.kind == "http", vantage.now
        outcome = Seen(data={"status": 200}) if is_http else PROBES[spec.kind].look(spec.options, vantage).outcome
        evidence[name] = Evidence(look=name, kind=spec.kind, source=spec.kind, started=now, ended=now, outcome=outcome)
    vantage.close()
    case = Case(
        check=check, environment=ENVIRONMENT, release=vantage.release, now=vantage.now, t0=None, evidence=evidence
    )
    return judge_check(case)


def ago(seconds: float) -> str:
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat(timespec="seconds")


def changed(stand: ClusterStand, plural: str, prefix: str, change: Callable[[Any], None], most: int = 1) -> None:
    """The first objects of that name, otherwise."""
    rows = [one for one in stand.store.rows(plural, PRODUCTION) if one["metadata"]["name"].startswith(prefix)]
    assert rows
    for one in rows[:most]:
        whole = copy.deepcopy(one)
        change(whole)
        stand.store.put(plural, whole)


def added(stand: ClusterStand, plural: str, prefix: str, change: Callable[[Any], None]) -> None:
    """One more like the first object of that name."""
    whole = copy.deepcopy(
        next(one for one in stand.store.rows(plural, PRODUCTION) if one["metadata"]["name"].startswith(prefix))
    )
    whole["metadata"]["name"] += "-more"
    change(whole)
    stand.store.put(plural, whole)


def limited(reason: str, since: float, scaled: float, current: int) -> Callable[[Any], None]:
    def change(one: Any) -> None:
        one["status"] |= {"currentReplicas": current, "desiredReplicas": current, "lastScaleTime": ago(scaled)}
        one["status"]["conditions"][2] |= {"status": "True", "reason": reason, "lastTransitionTime": ago(since)}

    return change


def ended(reason: str, seconds: float, restarts: int) -> Callable[[Any], None]:
    def change(one: Any) -> None:
        done = {"reason": reason, "exitCode": 137, "startedAt": ago(seconds + 60), "finishedAt": ago(seconds)}
        one["status"]["containerStatuses"][0] |= {"restartCount": restarts, "lastState": {"terminated": done}}

    return change


def unready(seconds: float, age: float) -> Callable[[Any], None]:
    def change(one: Any) -> None:
        one["metadata"]["creationTimestamp"] = ago(age)
        for each in one["status"]["conditions"]:
            if each["type"] in {"Ready", "ContainersReady"}:
                each |= {"status": "False", "lastTransitionTime": ago(seconds)}

    return change


def phase(name: str, **status: Any) -> Callable[[Any], None]:
    def change(one: Any) -> None:
        one["status"] |= {"phase": name, **status}
        unready(9000, 9000)(one)

    return change


def leaving(one: Any) -> None:
    one["metadata"]["deletionTimestamp"] = ago(3)
    unready(3, 9000)(one)


HEALTHY = {
    "idle at the minimum for days": (
        "fac-day-hpa", lambda s: changed(s, HPA, JUDGMENT, limited("TooFewReplicas", 9e5, 9e4, 3)),
    ),
    "at the maximum for a moment": (
        "fac-day-hpa", lambda s: changed(s, HPA, JUDGMENT, limited("TooManyReplicas", 60, 60, 10)),
    ),
    "at the maximum for a moment after idle days": (
        "fac-day-hpa", lambda s: changed(s, HPA, JUDGMENT, limited("TooManyReplicas", 9e5, 60, 10)),
    ),
    "a rollout's surge at the maximum": (
        "fac-day-hpa", lambda s: changed(s, HPA, "bi-service", limited("TooManyReplicas", 60, 60, 8)),
    ),
    "a pod starts": ("fac-day-pods", lambda s: added(s, "pods", JUDGMENT, unready(40, 40))),
    "a pod leaves": ("fac-day-pods", lambda s: added(s, "pods", JUDGMENT, leaving)),
    "a pod was evicted": ("fac-day-pods", lambda s: added(s, "pods", "mcp-hub", phase("Failed", reason="Evicted"))),
    "a job is done": ("fac-day-pods", lambda s: added(s, "pods", "mcp-hub", phase("Succeeded"))),
    "one failed readiness probe": ("fac-day-pods", lambda s: changed(s, "pods", JUDGMENT, unready(8, 9e4))),
    "an end of yesterday": ("fac-day-pods", lambda s: changed(s, "pods", JUDGMENT, ended("OOMKilled", 7e4, 6))),
    "a node restarted": ("fac-day-pods", lambda s: changed(s, "pods", "", ended("Error", 300, 1), most=14)),
    "a pod leaves after the deploy": ("fac-post-health", lambda s: added(s, "pods", JUDGMENT, leaving)),
}  # fmt: skip

SICK = {
    "half an hour at the maximum": (
        "fac-day-hpa", lambda s: changed(s, HPA, JUDGMENT, limited("TooManyReplicas", 1800, 1800, 10)),
    ),
    "an autoscaler is gone": ("fac-day-hpa", lambda s: s.store.remove(HPA, PRODUCTION, "chat-service")),
    "an autoscaler says nothing": ("fac-day-hpa", lambda s: changed(s, HPA, JUDGMENT, lambda one: one.pop("status"))),
    "one autoscaler at its maximum tells nothing": (
        "fac-day-hpa",
        lambda s: changed(s, HPA, JUDGMENT, lambda one: one.update(
            status={"currentReplicas": 10, "desiredReplicas": 10})),
    ),
    "all pods wait for a node": (
        "fac-day-pods", lambda s: changed(s, "pods", "bi-service", unready(40, 40), most=2),
    ),
    "a pod ends again and again": ("fac-day-pods", lambda s: changed(s, "pods", JUDGMENT, ended("OOMKilled", 95, 9))),
    "a pod does not become ready": ("fac-day-pods", lambda s: added(s, "pods", JUDGMENT, unready(600, 660))),
    "a deployment of nothing": (
        "fac-rb-rollout",
        lambda s: changed(
            s, "deployments", JUDGMENT,
            lambda one: one["spec"].update(replicas=0) or one.update(status={"observedGeneration": 1}),
        ),
    ),
    "a key's rotation is no time": (
        "fac-quarter-keys",
        lambda s: changed(s, "secrets", "jwt", lambda one: one["metadata"]["annotations"].update(
            {"factory-ai.example/rotated-at": "soon"})),
    ),
    "a key is gone": ("fac-quarter-keys", lambda s: s.store.remove("secrets", PRODUCTION, "database-password")),
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_cluster_that_looks_odd_passes(stand: ClusterStand, name: str) -> None:
    """What a morning may look like on any day."""
    check_id, change = HEALTHY[name]
    stand.play("deployed")
    assert verdict(stand, check_id) is Verdict.PASS
    change(stand)
    assert verdict(stand, check_id) is Verdict.PASS


@pytest.mark.parametrize("name", SICK)
def test_a_sick_cluster_does_not_pass(stand: ClusterStand, name: str) -> None:
    """However well the rest of it looks."""
    check_id, change = SICK[name]
    stand.play("rolled-back" if check_id == "fac-rb-rollout" else "deployed")
    assert verdict(stand, check_id) is Verdict.PASS
    change(stand)
    assert verdict(stand, check_id) is not Verdict.PASS


def test_a_secret_of_unknown_age_is_not_left_out_of_the_list(stand: ClusterStand) -> None:
    """One whose annotation is no time may be the oldest of all."""
    stand.play("deployed")
    change = {"factory-ai.example/rotated-at": "soon"}
    changed(stand, "secrets", "jwt", lambda one: one["metadata"]["annotations"].update(change))
    unknown = judged(stand, "fac-month-secrets").findings[1]
    assert unknown.details == ("jwt-signing-key",)
