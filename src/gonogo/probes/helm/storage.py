"""Helm's own record of a release: a revision unpacked into what a change is planned on, and one packed anew."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import yaml

from gonogo.model.evidence import Cause
from gonogo.model.helm import HelmChange, HelmRevision
from gonogo.probes.failure import Failure
from gonogo.probes.helm.history import TYPE, unpacked
from gonogo.probes.kubernetes.reading import moment

_BREAK = re.compile(r"(?:^|\n)---[ \t]*(?:\n|$)")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def secret_name(release: str, number: int) -> str:
    """As Helm names it."""
    return f"sh.helm.release.v1.{release}.v{number}"


def document_of(secret: Mapping[str, Any]) -> dict[str, Any]:
    """The release in a secret; Failure(BROKEN) where it is none."""
    name = str(secret["metadata"]["name"])
    try:
        found = unpacked(secret["data"]["release"], name)
    except KeyError:
        raise Failure(Cause.BROKEN, f"{name} holds no release") from None
    if not isinstance(found, dict) or not isinstance(found.get("version"), int):
        raise Failure(Cause.BROKEN, f"{name} is no record of Helm")
    return found


def revision_of(secret: Mapping[str, Any]) -> HelmRevision:
    """One revision of a release."""
    found = document_of(secret)
    info, chart = found.get("info") or {}, found.get("chart") or {}
    about = chart.get("metadata") or {}
    return HelmRevision(
        number=found["version"],
        status=str(info.get("status")),
        description=" ".join(str(info.get("description") or "").split())[:160],
        chart=f"{about.get('name')}-{about.get('version')}",
        chart_version=str(about.get("version")),
        app_version=str(about.get("appVersion") or ""),
        version=str(secret["metadata"]["resourceVersion"]),
        updated=moment(info.get("last_deployed")),
        hooks=tuple(sorted({str(event) for hook in found.get("hooks") or () for event in hook.get("events") or ()})),
        objects=tuple(one for _, one in _documents(str(found.get("manifest") or ""), str(secret["metadata"]["name"]))),
        config=found.get("config") or {},
        defaults=chart.get("values") or {},
    )


def next_secret(
    source: Mapping[str, Any], base: Mapping[str, Any], change: HelmChange, now: datetime
) -> dict[str, Any]:
    """The new revision, under way: the chart of `source`, the objects of `base` with what is changed."""
    of, last = document_of(source), document_of(base)
    labels = source["metadata"].get("labels") or {}
    name = str(of["name"])
    document = {
        **of,
        "version": change.number,
        "config": dict(change.config),
        "manifest": manifest_with(str(last.get("manifest") or ""), change.objects, name, str(of.get("namespace"))),
        "info": {
            **(of.get("info") or {}),
            "first_deployed": (last.get("info") or {}).get("first_deployed"),
            "last_deployed": now.isoformat(),
            "deleted": "",
            "description": change.description,
            "status": change.pending,
        },
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TYPE,
        "metadata": {
            "name": secret_name(name, change.number),
            "labels": {
                **labels,
                "name": name,
                "owner": "helm",
                "status": change.pending,
                "version": str(change.number),
                "createdAt": str(int(now.timestamp())),
            },
        },
        "data": {"release": _packed(document)},
    }


def restated(secret: Mapping[str, Any], status: str, now: datetime, description: str | None = None) -> dict[str, Any]:
    """The merge patch that gives a revision another status, bound to the secret as it was read."""
    document = document_of(secret)
    info = {**(document.get("info") or {}), "status": status}
    if description is not None:
        info["description"] = description
    return {
        "metadata": {
            "resourceVersion": secret["metadata"]["resourceVersion"],
            "labels": {"status": status, "modifiedAt": str(int(now.timestamp()))},
        },
        "data": {"release": _packed({**document, "info": info})},
    }


def manifest_with(text: str, objects: Sequence[Mapping[str, Any]], name: str, namespace: str) -> str:
    """The rendered text with these objects in it; what is the same keeps its very text."""
    wanted = {_key(one, namespace): one for one in objects}
    parts = []
    for part, found in _documents(text, name):
        made = wanted.get(_key(found, namespace), found)
        if made != found:
            comments = [line for line in part.splitlines() if line.startswith("#")]
            body = yaml.dump(dict(made), Dumper=_DUMPER, sort_keys=False, allow_unicode=True).rstrip("\n")
            part = "\n".join([*comments, body])  # noqa: PLW2901 - this document, written anew
        parts.append(f"---\n{part}\n")
    return "".join(parts)


def _documents(text: str, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in _BREAK.split(text):
        if not part.strip():
            continue
        try:
            found = yaml.load(part, Loader=_LOADER)  # noqa: S506 - a safe loader
        except yaml.YAMLError:
            # Its message quotes the text, and a rendered Secret is text, too.
            raise Failure(Cause.BROKEN, f"{name}: its manifest is not YAML") from None
        if isinstance(found, dict):
            yield part.strip("\n"), found


def _key(document: Mapping[str, Any], namespace: str) -> tuple[str, str, str]:
    metadata = document.get("metadata") or {}
    found = str(metadata.get("namespace") or "")
    return str(document.get("kind")), str(metadata.get("name")), "" if found == namespace else found


def _packed(document: Mapping[str, Any]) -> str:
    plain = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    return base64.b64encode(base64.b64encode(gzip.compress(plain, 9))).decode("ascii")
