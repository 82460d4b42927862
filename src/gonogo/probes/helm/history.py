"""A Helm release's history, read from the secrets that Helm keeps; no helm binary."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.json_strict import parse_json
from gonogo.probes.kubernetes.client import CLIENTS, Cluster
from gonogo.probes.kubernetes.names import namespace_of, refuse_unknown
from gonogo.probes.kubernetes.reading import age, moment, short

TYPE = "helm.sh/release.v1"
REVISION_CAP = 16 * 1024 * 1024  # bytes of one revision, unpacked: chart, manifest and values
_PAGE = 10
_WAS_GOOD = ("deployed", "superseded")  # Helm's words for a revision that was once deployed without an error
_SECRET = re.compile(r"pass|secret|token|key|credential|private|cert|dsn|auth", re.IGNORECASE)
_VALUE_CAP = 128
_VALUES = {
    "tag": "image.tag",
    "canary_enabled": "canary.enabled",
    "canary_weight": "canary.weight",
    "canary_tag": "canary.image.tag",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HelmHistory:
    """The history of `release` in `namespace` (a key of the back end's names). `values` says which values of the
    release are kept, each by the dotted path where it stands: none that may be a secret, all of them scalars.
    """

    release: str
    namespace: str = "production"
    values: Mapping[str, str] = field(default_factory=lambda: dict(_VALUES), hash=False)

    def __post_init__(self) -> None:
        for path in self.values.values():
            if _SECRET.search(path):
                raise ConfigError(f"values: {path} may hold a secret; it is not read")


def look(options: HelmHistory, vantage: Vantage) -> Sight:
    """{release, count, revisions: [{revision, status, updated, chart, app_version, tag, description, values}],
    current, deployed, previous, earlier}, newest first; `tag` is the value of that name, or the app version.

    `current` is the newest revision, `deployed` the one that Helm says is deployed, `previous` the newest one before
    `current` that was once deployed, and `earlier` the numbers of all of those. Each may be null, but for `current`.
    """
    namespace = namespace_of(vantage, options.namespace)
    what = f"list secrets of Helm release {options.release} in {namespace}"

    def read() -> Seen:
        cluster = Cluster(vantage=vantage)
        rows = cluster.rows(
            f"/api/v1/namespaces/{namespace}/secrets",
            what,
            lambda raw: revision(raw, options.values, vantage.now),
            kind="SecretList",
            labelSelector=f"owner=helm,name={options.release}",
            fieldSelector=f"type={TYPE}",
            limit=_PAGE,
        )
        if not rows:
            raise Failure(Cause.NO_DATA, f"{cluster.url}: no Helm release {options.release} in {namespace}")
        rows.sort(key=lambda row: -row["revision"])
        current = rows[0]
        data = {
            "release": options.release,
            "namespace": namespace,
            "count": len(rows),
            "revisions": rows,
            "current": current,
            "deployed": next((row for row in rows if row["status"] == "deployed"), None),
            "previous": next((row for row in rows[1:] if row["status"] in _WAS_GOOD), None),
            "earlier": [row["revision"] for row in rows[1:] if row["status"] in _WAS_GOOD],
        }
        return Seen(data=data, notes=tuple(cluster.notes))

    return observe(f"Helm release {options.release} in {namespace}", read)


def revision(raw: Mapping[str, Any], wanted: Mapping[str, str], now: datetime) -> dict[str, Any]:
    """One revision as evidence. Of its values only the wanted ones are kept, of its chart name and version."""
    name = str(raw["metadata"]["name"])
    found = unpacked(raw["data"]["release"], name)
    info, chart = found["info"], (found.get("chart") or {}).get("metadata") or {}
    values = {
        key: _value(path, found.get("config"), (found.get("chart") or {}).get("values")) for key, path in wanted.items()
    }
    updated = moment(info.get("last_deployed"))
    return {
        "revision": int(found["version"]),
        "status": str(info["status"]),
        "updated": updated.isoformat() if updated else None,
        "age_s": age(info.get("last_deployed"), now),
        "chart": f"{chart.get('name')}-{chart.get('version')}",
        "app_version": chart.get("appVersion"),
        "tag": values.get("tag") or chart.get("appVersion"),
        "description": short(info.get("description"), 120),
        "values": values,
    }


def unpacked(text: str, name: str) -> Any:
    """Helm's record: base64 of the secret, base64 of Helm, gzip (since Helm 3), JSON. Bounded in size."""
    try:
        packed = base64.b64decode(base64.b64decode(text, validate=True), validate=True)
        gunzip = zlib.decompressobj(31)
        plain = gunzip.decompress(packed, REVISION_CAP) if packed[:2] == b"\x1f\x8b" else packed
    except (binascii.Error, ValueError, zlib.error):
        raise Failure(Cause.BROKEN, f"{name} is no record of Helm: base64 and gzip do not unpack") from None
    if gunzip.unconsumed_tail or len(plain) > REVISION_CAP:
        raise Failure(Cause.BROKEN, f"{name} unpacks to more than the cap of {REVISION_CAP} bytes")
    return parse_json(plain, name)


def _value(path: str, *layers: Any) -> Any:
    """The scalar at `path` in the first layer that has it: what the user set, then the chart's own. Null for none. A
    tag is text, as in the image's name, also where it was set as a number.
    """
    is_tag = path.rpartition(".")[2] == "tag"
    for layer in layers:
        found = layer
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        if isinstance(found, str):
            return found[:_VALUE_CAP]
        if isinstance(found, bool | int | float):
            return str(found) if is_tag else found
    return None


PROBE = Probe(
    options=HelmHistory,
    look=look,
    back_ends=("kubernetes",),
    extra="kubernetes",
    clients=CLIENTS,
    refuse=refuse_unknown,
)
