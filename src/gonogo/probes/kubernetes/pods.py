"""The pods of a namespace: which serve, which do not and why, what they run, how their containers ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gonogo.model.environment import Release
from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.kubernetes.client import CLIENTS, Cluster
from gonogo.probes.kubernetes.names import namespace_of, refuse_unknown, wanted_names
from gonogo.probes.kubernetes.reading import age, conditions, images, moment, of_release, short, tag, workload

_BLIP = 60.0  # seconds that a pod may be out of service without being ill: one failed readiness probe
_LATELY = 900.0  # seconds since a container last ended, for `recent_restarts`
_STEADY = 86400.0  # seconds that a container ran before its last end, for that to be no loop
_CALM = 600.0  # seconds since a container last ended, for that to be a blip
_WAITS = ("ContainerCreating", "PodInitializing")  # every other reason to wait is trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesPods:
    """Pods of `namespace` (a key of the back end's names), of all workloads or of the one called `name` or those in
    the environment's list `named`. `selector` is a label selector for the server. A pod younger than `grace` that
    has not failed is starting.
    """

    namespace: str = "production"
    name: str | None = None
    named: str | None = None
    selector: str | None = None
    grace: timedelta = timedelta(minutes=5)


def look(options: KubernetesPods, vantage: Vantage) -> Sight:
    """{count, recent_restarts, pods: [...], workloads: [{name, kind, pods, ready, starting, not_ready, ended, ...}]}.

    `state` of a pod: ready, starting, not ready; terminating, finished and ended (Failed: evicted, replaced) do not
    count as pods of their workload. `recent_restarts` is the most of one pod whose container ended within 15 minutes
    after less than a day: a pod that is ready between its ends is found by it, and a node that restarted its pods once
    is not.
    A wanted workload without a pod has pods 0; no pod at all is NO_DATA.
    """
    namespace = namespace_of(vantage, options.namespace)
    wanted = wanted_names(vantage, options.name, options.named)
    source = f"Kubernetes pods in {namespace}"

    def read() -> Seen:
        cluster = Cluster(vantage=vantage)
        rows = cluster.rows(
            f"/api/v1/namespaces/{namespace}/pods",
            f"list pods in {namespace}",
            lambda raw: pod(raw, vantage.now, options.grace.total_seconds(), vantage.release),
            kind="PodList",
            labelSelector=options.selector,
        )
        found = [row for row in rows if not wanted or row["workload"] in wanted]
        if not found:
            of = f" of {', '.join(wanted)}" if wanted else ""
            raise Failure(Cause.NO_DATA, f"{cluster.url}: no pod{of} in {namespace}; {len(rows)} others")
        data = {
            "namespace": namespace,
            "count": len(found),
            "recent_restarts": max((row["restarts"] for row in found if _lately(row)), default=0),
            "pods": found,
            "workloads": list(_workloads(found, wanted)),
        }
        return Seen(data=data, notes=tuple(cluster.notes))

    return observe(source, read)


def pod(raw: Mapping[str, Any], now: datetime, grace_s: float, release: Release | None) -> dict[str, Any]:
    """One pod as evidence."""
    metadata, spec, status = raw["metadata"], raw["spec"], raw.get("status") or {}
    kind, owner = workload(metadata)
    found = images(spec, metadata)
    pulled = [str(one.get("imageID") or "").rpartition("//")[2] for one in status.get("containerStatuses") or ()]
    containers = [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]
    known = conditions(status)
    last = _last_end(containers, now)
    ready = known.get("Ready", {}).get("status") == "True"
    waits = _waits(containers)
    made = {
        "name": metadata["name"],
        "workload": owner,
        "kind": kind,
        "phase": status.get("phase"),
        "ready": ready,
        "reason": _reason(status, known, waits) if not ready else None,
        "restarts": sum(one.get("restartCount", 0) for one in containers),
        "last_end": last,
        "oom_killed": last is not None and last["reason"] == "OOMKilled",
        "image": found[0] if found else None,
        "tag": tag(found[0]) if found else None,
        "images": found,
        "of_release": of_release([*found, *filter(None, pulled)], release),
        "node": spec.get("nodeName"),
        "age_s": age(metadata.get("creationTimestamp"), now),
        "not_true": sorted(name for name, one in known.items() if one.get("status") != "True"),
    }
    unready_s = age(known.get("Ready", {}).get("lastTransitionTime"), now)
    return {**made, "state": _state(metadata, made, waits, unready_s, grace_s)}


def _lately(row: Mapping[str, Any]) -> bool:
    live = row["state"] in ("ready", "starting", "not ready")
    last = row["last_end"]
    return live and last is not None and (last["age_s"] or 0.0) < _LATELY and (last["ran_s"] or 0.0) < _STEADY


def _state(
    metadata: Mapping[str, Any], made: Mapping[str, Any], waits: list[str], unready_s: float | None, grace_s: float
) -> str:
    phase = made["phase"]
    if metadata.get("deletionTimestamp"):
        return "terminating"
    if phase in ("Succeeded", "Failed"):
        return "finished" if phase == "Succeeded" else "ended"
    if made["ready"] and phase == "Running":
        return "ready"
    trouble = [one for one in waits if one not in _WAITS]
    young = made["age_s"] is not None and made["age_s"] < grace_s and made["restarts"] == 0
    calm = made["last_end"] is None or (made["last_end"]["age_s"] or 0.0) > _CALM
    blip = phase == "Running" and calm and unready_s is not None and unready_s < _BLIP
    return "starting" if (young or blip) and not trouble and phase in ("Pending", "Running") else "not ready"


def _waits(containers: list[Mapping[str, Any]]) -> list[str]:
    waiting = ((one.get("state") or {}).get("waiting") for one in containers)
    return [str(one.get("reason") or "waiting") for one in waiting if one is not None]


def _reason(status: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]], waits: list[str]) -> str | None:
    """The gravest word on why it is not ready: what a container waits for, the pod's own, a condition's."""
    trouble = [one for one in waits if one not in _WAITS]
    if trouble:
        return ", ".join(dict.fromkeys(trouble))
    if status.get("reason"):
        return short(f"{status['reason']}: {status.get('message') or ''}".rstrip(": "))
    for name in ("PodScheduled", "ContainersReady", "Ready"):
        one = known.get(name, {})
        if one.get("status", "True") != "True":
            return short(f"{one.get('reason') or name}: {one.get('message') or ''}".rstrip(": "))
    return waits[0] if waits else None


def _last_end(containers: list[Mapping[str, Any]], now: datetime) -> dict[str, Any] | None:
    """The newest end of a container that ought to run; an init container that is done has not ended."""
    ends = []
    for one in containers:
        for where in ("state", "lastState"):
            done = (one.get(where) or {}).get("terminated")
            if done is not None and not (done.get("exitCode") == 0 and done.get("reason") == "Completed"):
                ends.append((one["name"], done))
    if not ends:
        return None
    name, done = max(ends, key=lambda end: moment(end[1].get("finishedAt")) or datetime.min.replace(tzinfo=now.tzinfo))
    at, since = moment(done.get("finishedAt")), moment(done.get("startedAt"))
    return {
        "container": name,
        "reason": done.get("reason"),
        "exit_code": done.get("exitCode"),
        "at": at.isoformat() if at else None,
        "age_s": age(done.get("finishedAt"), now),
        "ran_s": (at - since).total_seconds() if at and since else None,
    }


def _workloads(found: list[dict[str, Any]], wanted: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    names = wanted or tuple(dict.fromkeys(row["workload"] for row in found if row["kind"] != "Job"))
    for name in names:
        rows = [row for row in found if row["workload"] == name]
        live = [row for row in rows if row["state"] in ("ready", "starting", "not ready")]
        counts = {
            state.replace(" ", "_"): sum(row["state"] == state for row in rows)
            for state in ("ready", "starting", "not ready", "terminating", "ended")
        }
        yield {
            "name": name,
            "kind": rows[0]["kind"] if rows else None,
            "pods": len(live),
            **counts,
            "restarts": sum(row["restarts"] for row in live),
            "images": sorted({row["image"] for row in live if row["image"]}),
        }


PROBE = Probe(
    options=KubernetesPods,
    look=look,
    back_ends=("kubernetes",),
    extra="kubernetes",
    clients=CLIENTS,
    refuse=refuse_unknown,
)
