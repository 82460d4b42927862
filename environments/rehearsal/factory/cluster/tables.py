"""Objects as `kubectl get` asks for them: as a table, or only their metadata."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def as_metadata(one: Mapping[str, Any]) -> dict[str, Any]:
    """Only the metadata: no values of a secret."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": one["metadata"]}


def as_table(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Columns and rows; of secrets their type and the number of their entries, as kubectl shows them."""
    secrets = bool(rows) and rows[0]["kind"] == "Secret"
    names = ("Name", "Type", "Data", "Age") if secrets else ("Name", "Age")
    columns = [
        {
            "name": name,
            "type": "integer" if name == "Data" else "string",
            "format": "",
            "description": "",
            "priority": 0,
        }
        for name in names
    ]
    made = []
    for one in rows:
        name, created = one["metadata"]["name"], one["metadata"]["creationTimestamp"]
        cells: list[Any] = [name, one["type"], len(one.get("data") or {}), created] if secrets else [name, created]
        made.append({"cells": cells, "object": as_metadata(one)})
    return {"columnDefinitions": columns, "rows": made}
