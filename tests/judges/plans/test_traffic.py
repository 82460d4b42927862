"""Dry runs of traffic changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gonogo.model.environment import Environment, Rollout
from gonogo.model.evidence import Evidence
from gonogo.model.verdict import Finding, Verdict

Ask = Callable[..., Finding]
COMMAND = "gcloud run services update-traffic ion-api"
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE


def service(traffic: dict[str, Any], **ready: bool) -> dict[str, Any]:
    """A service with these shares, and revisions r3, r2, r1 from new to old."""
    names = {"r3": True, "r2": True, "r1": True} | ready
    return {
        "service": "ion-api",
        "traffic": [{"revision": name, "percent": percent, "tag": ""} for name, percent in traffic.items()],
        "revisions": [{"name": name, "ready": is_ready} for name, is_ready in names.items()],
    }


def without(key: str, **changed: Any) -> dict[str, Any]:
    """A service without a key, or with another value there."""
    whole = service({"r2": 100})
    return {**{k: v for k, v in whole.items() if k != key}, **changed}


@pytest.mark.parametrize(
    ("to", "document", "verdict", "text"),
    [
        ("first", service({"r2": 100, "r3": 0}), PASS, "dry run: r2 95 %, r3 5 %"),
        ("first", service({"r2": 100}), PASS, "dry run: r2 95 %, r3 5 %"),
        ("first", service({"r1": 100}, r3=False), PASS, "dry run: r1 95 %, r2 5 %"),
        ("first", service({"r1": 40, "r2": 60}), PASS, "dry run: r2 95 %, r3 5 %"),
        ("first", service({"r3": 100}), FAIL, "r3 is the newest READY revision and serves already"),
        ("first", service({"r2": 100}, r3=False, r2=False), FAIL, "r1 is the newest READY revision"),
        ("first", service({"r2": 100}, r3=False, r2=False, r1=False), FAIL, "no revision is READY"),
        ("stage", service({"r2": 95, "r3": 5}), PASS, "dry run: r2 75 %, r3 25 %"),
        ("previous", service({"r3": 100}), PASS, "dry run: r2 100 %"),
        ("previous", service({"r2": 95, "r3": 5}), PASS, "dry run: r2 100 %"),
        ("previous", service({"r2": 100, "r3": 0}), PASS, "dry run: r1 100 %"),
        ("previous", service({"r3": 100}, r2=False), PASS, "dry run: r1 100 %"),
        (
            "previous",
            service({"r3": 100}, r2=False, r1=False),
            FAIL,
            "none of the revisions before r3 is READY (r2, r1)",
        ),
        ("previous", service({"r1": 100}), FAIL, "before r1 is READY (there are none)"),
        ("previous", service({"gone": 100}), FAIL, "no known revision has traffic"),
        ("first", service({"r2": 99}), FAIL, "traffic now sums to 99 %, not 100 %"),
        ("first", service({"r2": 100, "r3": 1}), FAIL, "traffic now sums to 101 %"),
        ("first", without("service"), HOLD, "service is missing"),
        ("first", without("traffic"), HOLD, "traffic is missing"),
        ("first", without("revisions", revisions=[]), HOLD, "revisions is missing or empty"),
        ("first", without("revisions", revisions=[{"name": "r"}]), HOLD, "lacks name or ready"),
        ("first", without("revisions", revisions=[{"name": "r", "ready": "yes"}]), HOLD, "readiness is malformed"),
        ("first", service({"r2": "100"}), HOLD, "not a number from 0 to 100"),
        ("first", service({"r2": 101}), HOLD, "not a number from 0 to 100"),
        ("first", without("traffic", traffic=[{"revision": 3, "percent": 100}]), HOLD, "has no name"),
    ],
)
def test_plan(judge: Ask, to: str, document: dict[str, Any], verdict: Verdict, text: str) -> None:
    """What is possible passes; what is not fails; what cannot be told is not decidable."""
    finding = judge("traffic_plan", document, to=to)
    assert finding.verdict is verdict
    assert text in finding.reason


def test_command(judge: Ask) -> None:
    """The details hold the present split, the planned one and the command; nothing is changed."""
    finding = judge("traffic_plan", service({"r3": 100}), to="previous")
    assert finding.details == (
        "now: r3 100 %",
        "planned: r2 100 %",
        f"command: {COMMAND} --to-revisions=r2=100 --region=us-central1 --project=naeda-genesis",
        "nothing was changed",
    )
    first = judge("traffic_plan", service({"r2": 100}), to="first")
    assert "--to-revisions=r2=95,r3=5" in first.details[2]


@pytest.mark.parametrize(
    ("stage", "verdict", "text"),
    [
        (0, PASS, "r2 100 %, r3 0 %"),
        (100, PASS, "r3 100 %"),
        (101, FAIL, "no share"),
        (-1, FAIL, "no share"),
    ],
)
def test_edges_of_a_stage(judge: Ask, environment: Environment, stage: int, verdict: Verdict, text: str) -> None:
    """From nothing to everything."""
    changed = replace(environment, rollout=Rollout(stage=stage))
    finding = judge("traffic_plan", service({"r2": 100}), case={"environment": changed}, to="stage")
    assert finding.verdict is verdict
    assert text in finding.reason
    assert "r3=0" not in "".join(finding.details)


def test_of_several_looks(judge: Ask, see: Callable[..., Evidence]) -> None:
    """`value` says whose traffic is planned."""
    looks = {"stable": see(service({"r2": 100})), "canary": see({})}
    assert judge("traffic_plan", looks, value="stable").verdict is PASS
    assert judge("traffic_plan", looks, value="canary.traffic").verdict is HOLD
    assert judge("traffic_plan", looks, value="stable.service").verdict is HOLD
