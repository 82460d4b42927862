"""What Kubernetes' own exporters tell: volumes, processor and memory of the pods, and the database's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from factory.world import DAY, HOUR, PRODUCTION, SERVICES, World

GIB = 1024.0**3
LOKI = {"namespace": "monitoring", "persistentvolumeclaim": "storage-loki-0"}
DATABASE = {"namespace": PRODUCTION, "pod": "postgresql-0", "container": "postgresql"}
USED, CAPACITY = "kubelet_volume_stats_used_bytes", "kubelet_volume_stats_capacity_bytes"
CPU, MEMORY = "container_cpu_usage_seconds_total", "container_memory_working_set_bytes"
LIMITS = "kube_pod_container_resource_limits"
KINDS = {USED: "gauge", CAPACITY: "gauge", CPU: "counter", MEMORY: "gauge", LIMITS: "gauge"}
At = Callable[[float], float]
_BUSY_S = HOUR / 2  # since when the database's processor has been busy
_AGE_S = 32 * DAY


def machines(world: World, name: str) -> Iterator[tuple[dict[str, str], At]]:
    """Labels and values over time of every series of a name."""
    match name:
        case _ if name == USED and not world.fault("loki-volume-unknown"):
            full = 91.0 if world.fault("loki-storage-91pct") else 58.0  # of 100 GiB; half of one a day
            yield LOKI, lambda at: (full - 0.5 * (world.now - at) / DAY) * GIB
        case _ if name == CAPACITY and not world.fault("loki-volume-unknown"):
            yield LOKI, lambda _: 100 * GIB
        case _ if name == CPU:
            yield DATABASE, lambda at: _used(world, at)
            for service in SERVICES:
                pod = {"namespace": PRODUCTION, "pod": f"{service}-0", "container": service}
                yield pod, lambda at: 0.22 * (at - world.now + _AGE_S)
        case _ if name == LIMITS:
            yield DATABASE | {"resource": "cpu", "unit": "core"}, partial(_always, 1.0)
        case _ if name == MEMORY:
            for service in SERVICES:
                # Killed at its limit of 1 GiB, again and again.
                used = 0.97 if service == "judgment" and world.fault("incident-oom") else 0.4
                pod = {"namespace": PRODUCTION, "pod": f"{service}-0", "container": service}
                yield pod, partial(_always, used * GIB)
        case _:
            return


def _always(value: float, _: float) -> float:
    return value


def _used(world: World, at: float) -> float:
    """Seconds of one processor: a third of it, nearly all of it while the fault lasts."""
    busy = 0.63 * max(0.0, at - world.now + _BUSY_S) if world.fault("database-cpu-96pct") else 0.0
    return 0.33 * (at - world.now + _AGE_S) + busy
