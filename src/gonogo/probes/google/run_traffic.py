"""A Cloud Run service's traffic: read with its etag, and set for exactly the state that was read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause
from gonogo.model.rollout import Revision, ServiceTraffic, Share
from gonogo.probes.base import Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure, Stale
from gonogo.probes.google.client import Rejected, call, host_of, pages
from gonogo.probes.google.run import ENDPOINT, last_name, parent, revision_of, revisions, services

METHOD = "google.cloud.run.v2.Services.UpdateService"
MASK = "traffic"  # nothing else of the service is touched
_LATEST = 1  # TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
_CONFLICT = "ABORTED"  # what a stale etag is answered with
_POLL_S = 0.25
# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto: those that a change ends with.
_CODES = {
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
}


def service_name(vantage: Vantage, side: str) -> str:
    """projects/P/locations/R/services/S of a side; ConfigError where the environment does not name it."""
    service = vantage.side(side).service
    if service is None:
        raise ConfigError(f"side {side} needs `service`, its Cloud Run name", vantage.environment.origin)
    return f"{parent(vantage.back_end('cloud_run'))}/services/{service}"


def read(vantage: Vantage, side: str) -> ServiceTraffic:
    """The service as it stands. Failure where it cannot be seen, ConfigError where it is not named."""
    name = service_name(vantage, side)
    back_end = vantage.back_end("cloud_run")
    where = _where(vantage, name)
    deadline = Deadline(back_end.timeout)
    found = call(where, services(vantage).get_service, {"name": name}, deadline)
    raw = type(found).pb(found)
    listed = [
        revision_of(one, {}, vantage.now)
        for page in pages(where, revisions(vantage).list_revisions, {"parent": name}, deadline)
        for one in page.revisions
    ]
    listed.sort(key=lambda one: one["created"] or "", reverse=True)
    if not raw.etag:
        raise Failure(
            Cause.BROKEN, f"{where}: the service has no etag, so that no change could be bound to what is seen"
        )
    asked = _shares(raw.traffic, raw.latest_ready_revision)
    return ServiceTraffic(
        service=last_name(name),
        name=name,
        etag=raw.etag,
        settled=not raw.reconciling and raw.observed_generation >= raw.generation,
        shares=_shares(raw.traffic_statuses, raw.latest_ready_revision) or asked,
        asked=asked,
        revisions=tuple(Revision(name=one["name"], ready=one["ready"], reason=one["reason"]) for one in listed),
    )


def request(state: ServiceTraffic, shares: Sequence[Share]) -> dict[str, Any]:
    """The one request that sets this traffic: what people read, what the record keeps and what is sent are the same."""
    return {
        "service": {"name": state.name, "etag": state.etag, "traffic": [_target(share) for share in shares]},
        "update_mask": {"paths": [MASK]},
    }


def set_traffic(vantage: Vantage, state: ServiceTraffic, shares: Sequence[Share], deadline: Deadline) -> None:
    """Ask for this traffic and wait until the operation is over. Stale if the service is not as `state` says any more;
    Rejected or Failure for what else went wrong, of which nobody knows whether it was done.
    """
    where = _where(vantage, state.name)
    try:
        _ask_and_wait(services(vantage), request(state, shares), where, deadline)
    except Rejected as error:
        if error.code == _CONFLICT:
            raise Stale(Cause.UNAVAILABLE, error.detail) from None
        raise


def _ask_and_wait(client: Any, message: Mapping[str, Any], where: str, deadline: Deadline) -> None:
    operation = call(where, client.update_service, message, deadline).operation
    while not operation.done:
        time.sleep(min(_POLL_S, deadline.left))
        operation = call(where, client.get_operation, {"name": operation.name}, deadline)
    if operation.HasField("error"):
        code = _CODES.get(operation.error.code, str(operation.error.code))
        raise Rejected(Cause.UNAVAILABLE, f"{where}: {code}: {operation.error.message[:200]}", code)


def _shares(targets: Any, latest_ready: str) -> tuple[Share, ...]:
    return tuple(
        Share(
            revision=last_name(latest_ready if one.type_ == _LATEST else one.revision),
            percent=one.percent,
            tag=one.tag or None,
            latest=one.type_ == _LATEST,
        )
        for one in targets
    )


def _target(share: Share) -> dict[str, Any]:
    kind = "LATEST" if share.latest else "REVISION"
    target: dict[str, Any] = {"type": f"TRAFFIC_TARGET_ALLOCATION_TYPE_{kind}"}
    if not share.latest:
        target["revision"] = share.revision
    return target | {"percent": share.percent} | ({"tag": share.tag} if share.tag else {})


def _where(vantage: Vantage, name: str) -> str:
    return f"Cloud Run {last_name(name)} at {host_of(vantage.back_end('cloud_run'), ENDPOINT)}"
