"""The secrets of a namespace by name, type and age. Their values are not asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.kubernetes.client import CLIENTS, TABLE, Cluster
from gonogo.probes.kubernetes.names import namespace_of, refuse_unknown, rows_of, wanted_names
from gonogo.probes.kubernetes.reading import moment

_DAY = 86400.0
_SKEW = 300.0  # seconds that a time may lie ahead of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesSecrets:
    """Secrets of `namespace` (a key of the back end's names): all of them, the one called `name`, or those in the
    environment's list `named`. The back end's names.rotated_at names the annotation that holds the time (RFC 3339)
    of the last rotation; a secret without it is as old as its creation.
    """

    namespace: str = "production"
    name: str | None = None
    named: str | None = None


def look(options: KubernetesSecrets, vantage: Vantage) -> Sight:
    """{count, secrets: [{name, type, created, rotated, age_days, age_s}], missing}, the oldest first.

    The server is asked for its table of secrets, as `kubectl get secrets` does: name, type, the number of entries and
    the metadata. Of the metadata only times are kept, since annotations may hold values (last-applied-configuration).
    """
    namespace = namespace_of(vantage, options.namespace)
    wanted = wanted_names(vantage, options.name, options.named)
    annotation = vantage.back_end("kubernetes").names.get("rotated_at")

    def read() -> Seen:
        cluster = Cluster(vantage=vantage)
        rows = cluster.rows(
            f"/api/v1/namespaces/{namespace}/secrets",
            f"list secrets in {namespace}",
            lambda row: secret(row, annotation, vantage.now),
            kind="Table",
            accept=TABLE,
            fieldSelector=f"metadata.name={options.name}" if options.name else None,
            includeObject="Metadata",
        )
        found, missing = rows_of(rows, wanted, "secret", f"{cluster.url}, namespace {namespace}")
        found.sort(key=lambda row: -(row["age_s"] or 0.0))
        data = {"namespace": namespace, "count": len(found), "secrets": found, "missing": missing}
        return Seen(data=data, notes=tuple(cluster.notes))

    return observe(f"Kubernetes secrets in {namespace}", read)


def secret(row: Mapping[str, Any], annotation: str | None, now: datetime) -> dict[str, Any]:
    """One secret as evidence. A rotation that lies in the future, or is no time, leaves the age unknown."""
    cells, metadata = row["cells"], row["object"]["metadata"]
    if row["object"].get("kind") != "PartialObjectMetadata" or cells[0] != metadata["name"]:
        # What came is dropped unread: it may hold values.
        raise Failure(Cause.BROKEN, "the server sent whole secrets where their metadata were asked for")
    created = moment(metadata["creationTimestamp"])
    text = (metadata.get("annotations") or {}).get(annotation) if annotation else None
    rotated = moment(text)
    last = rotated if text is not None else created
    seconds = None if last is None else (now - last).total_seconds()
    if seconds is not None and seconds < -_SKEW:
        seconds = None
    seconds = None if seconds is None else max(0.0, seconds)
    return {
        "name": metadata["name"],
        "type": str(cells[1]),
        "created": created.isoformat() if created else None,
        "rotated": rotated.isoformat() if rotated else None,
        "age_s": seconds,
        "age_days": None if seconds is None else round(seconds / _DAY, 1),
    }


PROBE = Probe(
    options=KubernetesSecrets,
    look=look,
    back_ends=("kubernetes",),
    extra="kubernetes",
    clients=CLIENTS,
    refuse=refuse_unknown,
)
