"""The stages of a rollout in the rehearsed Cloud Run: the checklist's item on the split, at every stage of the plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import grpc
from google.cloud.run_v2.types import service as cloud_run
from google.cloud.run_v2.types import traffic_target
from google.longrunning import operations_pb2
from tests.rehearsal.conftest import Program

from gonogo.config.addresses import resolve_addresses
from gonogo.config.release import load_release
from gonogo.flows.book import Request, open_books
from gonogo.judges.verdict import judge_check
from gonogo.model.environment import Environment
from gonogo.model.evidence import Evidence
from gonogo.model.verdict import Case, Verdict
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage

ROOT = Path(__file__).parents[2]
SERVICE = "projects/naeda-genesis/locations/us-central1/services/ion-api"
BY_REVISION = traffic_target.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
RELEASE = load_release(ROOT / "environments/rehearsal/release.yaml")


def _split(address: str, canary: int) -> None:
    shares = [("ion-api-00041-abc", 100 - canary, ""), ("ion-api-00042-def", canary, "canary")]
    targets = [
        traffic_target.TrafficTarget(type_=BY_REVISION, revision=revision, percent=percent, tag=tag)
        for revision, percent, tag in shares
    ]
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(
            "/google.cloud.run.v2.Services/UpdateService",
            request_serializer=cloud_run.UpdateServiceRequest.serialize,
            response_deserializer=operations_pb2.Operation.FromString,
        )
        call(cloud_run.UpdateServiceRequest(service=cloud_run.Service(name=SERVICE, traffic=targets)), timeout=30)


def test_the_split_of_every_stage(shared: Program) -> None:
    """What Cloud Run splits is the declared stage, and the item says so; at another stage it is red."""
    shared.switch("stage-5")
    (book,) = open_books(Request(root=ROOT))
    check = next(one for one in book.checks if one.id == "ion-can-traffic-split")
    local = resolve_addresses(book.environment, shared.ready["addresses"])

    def verdict(environment: Environment) -> Verdict:
        now = datetime.now(UTC)
        vantage = Vantage(environment=environment, release=RELEASE, now=now, t0=None, reveal=lambda _: "")
        evidence = {}
        for name, spec in check.probes.items():
            sight = PROBES[spec.kind].look(spec.options, vantage)
            evidence[name] = Evidence(
                look=name, kind=spec.kind, source=sight.source, started=now, ended=now, outcome=sight.outcome
            )
        vantage.close()
        case = Case(check=check, environment=environment, release=RELEASE, now=now, t0=None, evidence=evidence)
        return judge_check(case).verdict

    stages = local.rollout.stages
    assert stages == (5, 10, 25, 50, 100)
    for stage, other in zip(stages, (*stages[1:], stages[0]), strict=True):
        _split(shared.ready["addresses"]["cloud-run"], stage)
        assert verdict(replace(local, rollout=replace(local.rollout, stage=stage))) is Verdict.PASS, stage
        assert verdict(replace(local, rollout=replace(local.rollout, stage=other))) is Verdict.FAIL, other
