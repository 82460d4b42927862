"""Every look of the checklists at a cluster: the stand-in with the least role, and a real one that a variable names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.cluster_stand import ROOT, ClusterStand

from gonogo.config.checklist import load_checklists
from gonogo.config.environment import load_environment
from gonogo.config.release import load_release
from gonogo.config.secrets import Secrets
from gonogo.judges import JUDGES
from gonogo.model.evidence import Seen
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage

VARIABLE = "GONOGO_REAL_KUBERNETES"
KINDS = ("kubernetes_", "argo_application", "helm_history")
SCENES = {"predeploy": "staging", "canary": "canary", "rollback": "rolled-back", "recovery": "recovered"}


def _looks() -> list[Any]:
    """(phase, kind, options) of every distinct look at a cluster."""
    found = {}
    for check in load_checklists(ROOT / "checks", PROBES, JUDGES):
        for spec in check.probes.values():
            if spec.kind.startswith(KINDS):
                found.setdefault((spec.kind, spec.options), check.phase)
    return [
        pytest.param(SCENES.get(str(phase), "deployed"), kind, options, id=f"{kind}-{number}")
        for number, ((kind, options), phase) in enumerate(found.items())
    ]


@pytest.fixture(scope="module")
def stand() -> Iterator[ClusterStand]:
    made = ClusterStand()
    yield made
    made.close()


@pytest.fixture(scope="module")
def real() -> Iterator[Vantage]:
    name = os.environ.get(VARIABLE)
    if not name:
        pytest.skip(f"{VARIABLE} names no environment of a real cluster")
    environment = load_environment(name, ROOT / "environments")
    release = load_release(ROOT / "environments" / environment.release) if environment.release else None
    reveal = Secrets(environment).reveal
    base = str(ROOT / "environments")
    made = Vantage(environment=environment, release=release, now=datetime.now(UTC), t0=None, reveal=reveal, base=base)
    yield made
    made.close()


def _hold(kind: str, vantage: Vantage, options: Any) -> None:
    """What holds of every cluster."""
    outcome = PROBES[kind].look(options, vantage).outcome
    assert isinstance(outcome, Seen), outcome
    data = outcome.data
    assert len(json.dumps(data)) < 8_000_000
    match kind:
        case "kubernetes_pods":
            assert data["count"] == len(data["pods"]) > 0
            states = {"ready", "starting", "not ready", "terminating", "finished", "ended"}
            assert {one["state"] for one in data["pods"]} <= states
            assert all(one["images"] and one["age_s"] >= 0 for one in data["pods"])
            assert sum(one["ready"] for one in data["workloads"]) <= sum(one["ready"] for one in data["pods"])
        case "kubernetes_deployments":
            assert data["count"] == len(data["deployments"]) > 0
            for one in data["deployments"]:
                assert one["image"]
                assert one["available"] <= one["ready"] <= one["replicas"]
                assert not one["complete"] or one["updated"] >= one["desired"]
        case "kubernetes_autoscalers":
            for one in data["autoscalers"]:
                assert 1 <= one["max"] >= one["min"]
                assert one["at_max_s"] is None or one["at_max_s"] == 0 or one["current"] >= one["max"]
        case "kubernetes_secrets":
            keys = {"name", "type", "created", "rotated", "age_s", "age_days"}
            assert all(set(one) == keys for one in data["secrets"])
        case "kubernetes_ingresses":
            assert all(one["percent"] is None or 0 <= one["percent"] <= 100 for one in data["ingresses"])
        case "argo_application":
            assert data["sync"] in {"Synced", "OutOfSync", "Unknown"}
        case "helm_history":
            numbers = [one["revision"] for one in data["revisions"]]
            assert numbers == sorted(numbers, reverse=True)
            assert data["current"]["revision"] == numbers[0]
        case _:
            pytest.fail(f"nothing is held of {kind}")


@pytest.mark.parametrize(("scene", "kind", "options"), _looks())
def test_the_least_role_sees_all_that_the_checklists_ask_for(
    stand: ClusterStand, scene: str, kind: str, options: Any
) -> None:
    """With the very rules of the how-to's ClusterRole."""
    stand.play(scene)
    vantage = stand.vantage()
    _hold(kind, vantage, options)
    vantage.close()


@pytest.mark.parametrize(("scene", "kind", "options"), _looks())
def test_a_real_cluster(real: Vantage, scene: str, kind: str, options: Any) -> None:
    """The same, of the environment that the variable names."""
    _hold(kind, real, options)
