"""Revisions of a Helm release as the secrets that Helm keeps of them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from factory.cluster import others
from factory.documents import stamp

TYPE = "helm.sh/release.v1"
_SERVER_SIDE = ("uid", "resourceVersion", "creationTimestamp", "generation", "namespace")


def revision(
    namespace: str,
    release: str,
    number: int,
    *,
    status: str,
    at: float,
    description: str,
    config: Mapping[str, Any],
    objects: Sequence[Mapping[str, Any]],
    app_version: str,
) -> dict[str, Any]:
    """The secret of one revision: base64 of base64 of gzip of JSON; the chart, the values, what was rendered."""
    document = {
        "name": release,
        "namespace": namespace,
        "version": number,
        "info": {
            "first_deployed": stamp(at - number * 86400 * 7),
            "last_deployed": stamp(at),
            "deleted": "",
            "description": description,
            "status": status,
            "notes": "",
        },
        "chart": {
            "metadata": {"name": release, "version": "2.3.0", "appVersion": app_version, "apiVersion": "v2"},
            "values": {"image": {"tag": ""}, "canary": {"enabled": False, "weight": 0}, "database": {"password": ""}},
            "templates": [],
            "files": [],
        },
        "config": dict(config),
        "manifest": "".join(f"---\n# Source: {release}/templates/{_file(one)}\n{_rendered(one)}" for one in objects),
        "hooks": [],
    }
    packed = gzip.compress(json.dumps(document).encode("utf-8"), 9, mtime=0)
    text = base64.b64encode(base64.b64encode(packed)).decode("ascii")
    labels = {
        "name": release,
        "owner": "helm",
        "status": status,
        "version": str(number),
        "modifiedAt": str(int(at)),
    }
    name = f"sh.helm.release.v1.{release}.v{number}"
    return others.secret(namespace, name, TYPE, {"release": text}, at, labels=labels)


def _file(one: Mapping[str, Any]) -> str:
    return f"{one['kind'].lower()}.yaml"


def _rendered(one: Mapping[str, Any]) -> str:
    """An object as a chart renders it: nothing that only a server knows."""
    metadata = {name: value for name, value in one["metadata"].items() if name not in _SERVER_SIDE}
    bare = {name: value for name, value in one.items() if name != "status"}
    return yaml.dump(
        {**bare, "metadata": metadata}, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), sort_keys=False
    )
