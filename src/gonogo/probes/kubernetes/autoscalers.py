"""The horizontal pod autoscalers of a namespace: their bounds, where they are, and for how long at the upper one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gonogo.model.evidence import Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.http.observer import observe
from gonogo.probes.kubernetes.client import CLIENTS, Cluster
from gonogo.probes.kubernetes.names import namespace_of, refuse_unknown, rows_of, wanted_names
from gonogo.probes.kubernetes.reading import age, conditions, told

_SETTLES = 120.0  # seconds that the pods of a new number of replicas may take to exist


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesAutoscalers:
    """Autoscalers of `namespace` (a key of the back end's names): all of them, the one called `name`, or those in the
    environment's list `named`.
    """

    namespace: str = "production"
    name: str | None = None
    named: str | None = None


def look(options: KubernetesAutoscalers, vantage: Vantage) -> Sight:
    """{count, autoscalers: [{name, target, min, max, current, desired, within, at_max_s, unable_s ...}], missing}. One
    that was asked for by its name and is not there is NO_DATA.

    `at_max_s`: for how many seconds it has been at its maximum and wanting more, 0 if it is not, null if the cluster
    does not tell. `unable_s`: for how long it could not scale or had no metrics, 0 if it can.
    """
    namespace = namespace_of(vantage, options.namespace)
    wanted = wanted_names(vantage, options.name, options.named)

    def read() -> Seen:
        cluster = Cluster(vantage=vantage)
        rows = cluster.rows(
            f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers",
            f"list horizontalpodautoscalers in {namespace}",
            lambda raw: autoscaler(raw, vantage.now),
            kind="HorizontalPodAutoscalerList",
            fieldSelector=f"metadata.name={options.name}" if options.name else None,
        )
        found, missing = rows_of(rows, wanted, "autoscaler", f"{cluster.url}, namespace {namespace}")
        data = {"namespace": namespace, "count": len(found), "autoscalers": found, "missing": missing}
        return Seen(data=data, notes=tuple(cluster.notes))

    return observe(f"Kubernetes autoscalers in {namespace}", read)


def autoscaler(raw: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """One autoscaler as evidence."""
    spec, status = raw["spec"], raw.get("status") or {}
    least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
    current, desired = status.get("currentReplicas", 0), status.get("desiredReplicas", 0)
    known = conditions(status)
    return {
        "name": raw["metadata"]["name"],
        "target": spec["scaleTargetRef"]["name"],
        "min": least,
        "max": most,
        "current": current,
        "desired": desired,
        "within": _within(raw, now),
        "at_max_s": _at_max(known, status, current >= most, now),
        "unable_s": _unable(known, now),
        "last_scale_age_s": age(status.get("lastScaleTime"), now),
        "metrics": [name for name in map(_metric, status.get("currentMetrics") or ()) if name],
        "conditions": told(status, now),
    }


def _within(raw: Mapping[str, Any], now: datetime) -> bool:
    """Whether its replicas are within its bounds. Pods of a rollout's surge (a quarter by default) are replicas, too;
    what was scaled or made within two minutes is on its way.
    """
    spec, status = raw["spec"], raw.get("status") or {}
    current = status.get("currentReplicas", 0)
    ages = [age(status.get("lastScaleTime"), now), age(raw["metadata"].get("creationTimestamp"), now)]
    moving = any(one is not None and one < _SETTLES for one in ages)
    return bool(current <= spec["maxReplicas"] * 1.25 + 1 and (moving or current >= spec.get("minReplicas", 1)))


def _at_max(
    known: Mapping[str, Mapping[str, Any]], status: Mapping[str, Any], full: bool, now: datetime
) -> float | None:
    """Seconds at the maximum while more was wanted.

    The condition ScalingLimited keeps its time when only its reason changes: one that was limited by its minimum for
    days and is at its maximum for a minute says days. The time of the last scaling bounds it.
    """
    if not full:
        return 0.0
    limited = known.get("ScalingLimited")
    if limited is None:
        return None
    if limited.get("status") != "True" or limited.get("reason") != "TooManyReplicas":
        return 0.0
    ages = [age(limited.get("lastTransitionTime"), now), age(status.get("lastScaleTime"), now)]
    return min((one for one in ages if one is not None), default=None)


def _unable(known: Mapping[str, Mapping[str, Any]], now: datetime) -> float | None:
    """Seconds without the ability to scale or without metrics. Scaling that was switched off (0 replicas) is able."""
    if "AbleToScale" not in known:
        return None
    bad = [
        one
        for name in ("AbleToScale", "ScalingActive")
        if (one := known.get(name)) is not None and one.get("status") != "True"
        if one.get("reason") != "ScalingDisabled"
    ]
    ages = [age(one.get("lastTransitionTime"), now) for one in bad]
    return None if None in ages else max((one for one in ages if one is not None), default=0.0)


def _metric(raw: Mapping[str, Any]) -> dict[str, Any] | None:
    """{name, current} of a metric in its own way: utilisation in percent, or a quantity as it is written."""
    part = next(
        (raw[key] for key in ("resource", "containerResource", "pods", "object", "external") if key in raw), None
    )
    if part is None:
        return None
    current = part.get("current") or {}
    name = part.get("name") or (part.get("metric") or {}).get("name")
    value = current.get("averageUtilization", current.get("averageValue", current.get("value")))
    return {"name": name, "current": value}


PROBE = Probe(
    options=KubernetesAutoscalers,
    look=look,
    back_ends=("kubernetes",),
    extra="kubernetes",
    clients=CLIENTS,
    refuse=refuse_unknown,
)
