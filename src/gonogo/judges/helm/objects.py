"""Rendered objects of two Helm revisions into what differs between them, and what of it may be set by hand."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from gonogo.model.helm import CANARY, WEIGHT

# Labels that tell which chart an object came from, and nothing that works differs by them.
_LABELS = ("helm.sh/chart", "app.kubernetes.io/version", "chart", "heritage")
Key = tuple[str, str, str]


def key_of(document: Mapping[str, Any], namespace: str) -> Key:
    """(kind, name, namespace), the last empty where it is the release's own or none."""
    metadata = document.get("metadata") or {}
    found = str(metadata.get("namespace") or "")
    return str(document.get("kind")), str(metadata.get("name")), "" if found == namespace else found


def images_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Images by container of a Deployment, init containers last."""
    spec = _pod(document)
    every = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    return {str(one["name"]): str(one["image"]) for one in every}


def weight_of(document: Mapping[str, Any]) -> int | None:
    """The share that an Ingress gives a canary, in percent; None where it is no canary's."""
    annotations = (document.get("metadata") or {}).get("annotations") or {}
    if document.get("kind") != "Ingress" or str(annotations.get(CANARY)).lower() != "true":
        return None
    text = str(annotations.get(WEIGHT, "0"))
    return int(text) if text.isascii() and text.isdigit() else 0


def of_canary(document: Mapping[str, Any], canary: str | None) -> bool:
    """Whether an object is there for the canary alone, by its name or its annotation."""
    name = str((document.get("metadata") or {}).get("name"))
    return weight_of(document) is not None or (canary is not None and (name == canary or name.startswith(f"{canary}-")))


def replicas_of(document: Mapping[str, Any]) -> int | None:
    """The number of pods that a Deployment asks for; None where something else decides it."""
    found = (document.get("spec") or {}).get("replicas")
    return found if isinstance(found, int) else None


def annotations_of(document: Mapping[str, Any]) -> dict[str, str]:
    """Annotations of an object itself."""
    found = (document.get("metadata") or {}).get("annotations") or {}
    return {str(name): str(value) for name, value in found.items()}


def foreign(
    now: Iterable[Mapping[str, Any]], then: Iterable[Mapping[str, Any]], canary: str | None, namespace: str
) -> tuple[str, ...]:
    """Objects that differ between two revisions in more than images, replicas, annotations and the canary's weight."""
    present, wanted = ({key_of(one, namespace): one for one in objects} for objects in (now, then))
    found = []
    for key in sorted(present.keys() | wanted.keys()):
        one = present.get(key, wanted.get(key)) or {}
        if key not in present or key not in wanted:
            if not of_canary(one, canary):
                found.append(f"{key[0]} {key[1]} ({'comes back' if key in wanted else 'would go'})")
        elif not of_canary(one, canary) and _bare(present[key]) != _bare(wanted[key]):
            found.append(f"{key[0]} {key[1]}")
    return tuple(found)


def merged(document: Mapping[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
    """A document with a strategic merge laid over it: lists of containers by name, all else as a JSON merge."""
    made = copy.deepcopy(dict(document))
    for name, value in body.items():
        if value is None:
            made.pop(name, None)
        elif name in ("containers", "initContainers"):
            by_name = {one["name"]: one for one in value}
            made[name] = [merged(one, by_name.get(one.get("name"), {})) for one in made.get(name) or ()]
        elif isinstance(value, Mapping):
            made[name] = merged(made.get(name) or {}, value)
        else:
            made[name] = value
    return made


def value_at(config: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    found: Any = config
    for part in path.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return None
        found = found[part]
    return found


def with_value(config: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The values with this one set."""
    first, _, rest = path.partition(".")
    made = copy.deepcopy(dict(config))
    inner = made.get(first)
    made[first] = with_value(inner if isinstance(inner, Mapping) else {}, rest, value) if rest else value
    return made


def _pod(document: Mapping[str, Any]) -> Mapping[str, Any]:
    spec: Any = document
    for part in ("spec", "template", "spec"):
        spec = spec.get(part) or {}
    return spec if isinstance(spec, Mapping) else {}


def _bare(document: Mapping[str, Any]) -> dict[str, Any]:
    """An object without what may be set, and without what tells only where it came from."""
    made = copy.deepcopy(dict(document))
    holders = [made.get("metadata")]
    if made.get("kind") == "Deployment":
        spec = made.get("spec") or {}
        spec.pop("replicas", None)
        template = spec.get("template") or {}
        holders.append(template.get("metadata"))
        for name in ("containers", "initContainers"):
            for one in (template.get("spec") or {}).get(name) or ():
                one.pop("image", None)
        (made.get("metadata") or {}).pop("annotations", None)
    for holder in holders:
        for label in _LABELS:
            ((holder or {}).get("labels") or {}).pop(label, None)
    return made
