"""Cloud Run services and their revisions, traffic and configuration, by Google's own client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gonogo.model.environment import BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.google.client import call, channel, host_of, name_of, pages
from gonogo.probes.http.observer import observe

ENDPOINT = "run.googleapis.com"
_SUCCEEDED = "CONDITION_SUCCEEDED"
_SIZES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRunOptions:
    """The service of this side."""

    side: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudRunServicesOptions:
    """All services of the back end's project and region."""


def look(options: CloudRunOptions, vantage: Vantage) -> Sight:
    """One service: what serves, since when, with what; its revisions newest first."""
    service = vantage.side(options.side).service
    if service is None:
        raise ConfigError(f"side {options.side} needs `service`, its Cloud Run name", vantage.environment.origin)
    back_end = vantage.back_end("cloud_run")
    where = f"Cloud Run {service} at {host_of(back_end, ENDPOINT)}"
    name = f"{parent(back_end)}/services/{service}"
    return observe(where, lambda: Seen(data=_service(vantage, back_end, name, where)))


def look_services(_: CloudRunServicesOptions, vantage: Vantage) -> Sight:
    """The names of all services."""
    back_end = vantage.back_end("cloud_run")
    where = f"Cloud Run services at {host_of(back_end, ENDPOINT)}"

    def read() -> Seen:
        request = {"parent": parent(back_end)}
        found = [
            {"name": last_name(raw.name), "uri": raw.uri, "ready": _is_ready(raw)}
            for page in pages(where, services(vantage).list_services, request, Deadline(back_end.timeout))
            for raw in page.services
        ]
        if not found:
            raise Failure(Cause.NO_DATA, f"{where}: no service in {parent(back_end)}")
        return Seen(data={"services": found})

    return observe(where, read)


def services(vantage: Vantage) -> Any:
    """The run's client for services."""
    from google.cloud.run_v2.services.services import ServicesClient  # noqa: PLC0415
    from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport  # noqa: PLC0415

    line = channel(vantage, "cloud_run", ENDPOINT)
    return ServicesClient(transport=ServicesGrpcTransport(channel=line))


def revisions(vantage: Vantage) -> Any:
    """The run's client for revisions."""
    from google.cloud.run_v2.services.revisions import RevisionsClient  # noqa: PLC0415
    from google.cloud.run_v2.services.revisions.transports import RevisionsGrpcTransport  # noqa: PLC0415

    return RevisionsClient(transport=RevisionsGrpcTransport(channel=channel(vantage, "cloud_run", ENDPOINT)))


def parent(back_end: BackEnd) -> str:
    """projects/P/locations/R of the back end."""
    project, region = (name_of(back_end, "cloud_run", which) for which in ("project", "region"))
    return f"projects/{project}/locations/{region}"


def _service(vantage: Vantage, back_end: BackEnd, name: str, where: str) -> Mapping[str, Any]:
    client = services(vantage)
    deadline = Deadline(back_end.timeout)
    found = call(where, client.get_service, {"name": name}, deadline)
    raw = type(found).pb(found)
    traffic = _traffic(raw)
    percent: dict[str, int] = {}
    for target in traffic:
        percent[target["revision"]] = percent.get(target["revision"], 0) + target["percent"]
    found_revisions = [
        revision_of(one, percent, vantage.now)
        for page in pages(where, revisions(vantage).list_revisions, {"parent": name}, deadline)
        for one in page.revisions
    ]
    found_revisions.sort(key=lambda one: one["created"] or "", reverse=True)
    serving = max(percent, key=lambda key: percent[key]) if percent else None
    serves = next((one for one in found_revisions if one["name"] == serving), None)
    container = raw.template.containers[0] if raw.template.containers else None
    return {
        "service": last_name(raw.name),
        "uri": raw.uri,
        "image": container.image if container else None,
        "ready": _is_ready(raw),
        "reason": raw.terminal_condition.message or None,
        "latest_created": last_name(raw.latest_created_revision),
        "latest_ready": last_name(raw.latest_ready_revision),
        "serving": serving,
        "serving_created": serves["created"] if serves else None,
        "serving_age_s": serves["age_s"] if serves else None,
        "traffic": traffic,
        "resources": _resources(container),
        "scaling": {
            "min": raw.scaling.min_instance_count or raw.template.scaling.min_instance_count,
            "max": raw.template.scaling.max_instance_count or raw.scaling.max_instance_count,
        },
        "health": _health(container),
        "revisions": found_revisions,
    }


def _traffic(raw: Any) -> list[dict[str, Any]]:
    """What is in force; what was asked for where the service does not tell yet."""
    latest = 1  # TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
    return [
        {
            "revision": last_name(raw.latest_ready_revision if target.type_ == latest else target.revision),
            "percent": target.percent,
            "tag": target.tag or None,
        }
        for target in (raw.traffic_statuses or raw.traffic)
    ]


def revision_of(raw: Any, percent: Mapping[str, int], now: datetime) -> dict[str, Any]:
    """{name, created, age_s, ready, image, percent, reason} of a revision."""
    created = _time(raw.create_time)
    name = last_name(raw.name)
    ready = next((one for one in raw.conditions if one.type_ == "Ready"), None)
    return {
        "name": name,
        "created": created.isoformat() if created else None,
        "age_s": (now - created).total_seconds() if created else None,
        "ready": ready is not None and _state(ready) == _SUCCEEDED,
        "image": raw.containers[0].image if raw.containers else None,
        "percent": percent.get(name, 0),
        "reason": (ready.message or None) if ready is not None else "it has no condition Ready",
    }


def _is_ready(raw: Any) -> bool:
    return _state(raw.terminal_condition) == _SUCCEEDED and not raw.reconciling


def _state(condition: Any) -> str:
    field = condition.DESCRIPTOR.fields_by_name["state"]
    value = field.enum_type.values_by_number.get(condition.state)
    return str(value.name) if value else "STATE_UNSPECIFIED"


def _resources(container: Any) -> dict[str, Any]:
    limits = dict(container.resources.limits) if container else {}
    memory = _size(limits["memory"]) if "memory" in limits else None
    return {
        "memory": limits.get("memory"),
        "memory_mb": memory / 1_000_000 if memory is not None else None,
        "memory_mib": memory / 2**20 if memory is not None else None,
        "cpu": _cpu(limits["cpu"]) if "cpu" in limits else None,
    }


def _size(text: str) -> float | None:
    digits = text.rstrip("KMGTik")
    unit = text[len(digits) :]
    return float(digits) * _SIZES[unit] if unit in _SIZES and digits.replace(".", "", 1).isdigit() else None


def _cpu(text: str) -> float | None:
    milli = text.endswith("m")
    digits = text.removesuffix("m")
    return float(digits) / (1000 if milli else 1) if digits.replace(".", "", 1).isdigit() else None


def _health(container: Any) -> dict[str, Any] | None:
    for probe in (container.liveness_probe, container.startup_probe) if container else ():
        if probe.http_get.path:
            return {"path": probe.http_get.path, "timeout_s": probe.timeout_seconds}
    return None


def _time(stamp: Any) -> datetime | None:
    return stamp.ToDatetime(tzinfo=UTC) if stamp.seconds else None


def last_name(name: str) -> str:
    """`ion-api` of `projects/P/locations/R/services/ion-api`."""
    return name.rpartition("/")[2]


PROBE = Probe(
    clients=("google.cloud.run_v2",),
    options=CloudRunOptions,
    look=look,
    sides=lambda options: (options.side,),
    back_ends=("cloud_run",),
)
PROBE_SERVICES = Probe(
    options=CloudRunServicesOptions, look=look_services, back_ends=("cloud_run",), clients=("google.cloud.run_v2",)
)
