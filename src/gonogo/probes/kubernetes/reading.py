"""Times, conditions, images and owners as the objects of a cluster tell them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from gonogo.model.environment import Release
from gonogo.probes.registry import split

_RELEASE_HASH = "pod-template-hash"


def moment(text: Any) -> datetime | None:
    """An RFC 3339 time; None if it is not given or is none."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def age(text: Any, now: datetime) -> float | None:
    """Seconds since then, never negative: clocks of nodes differ by a little."""
    since = moment(text)
    return None if since is None else max(0.0, (now - since).total_seconds())


def conditions(status: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Conditions by their type."""
    return {one["type"]: one for one in status.get("conditions") or ()}


def told(status: Mapping[str, Any], now: datetime) -> dict[str, dict[str, Any]]:
    """Conditions by their type, as evidence."""
    return {
        name: {
            "status": one.get("status"),
            "reason": one.get("reason"),
            "message": short(one.get("message")),
            "age_s": age(one.get("lastTransitionTime"), now),
        }
        for name, one in conditions(status).items()
    }


def short(text: Any, most: int = 200) -> str | None:
    """A server's words on one line; None for none."""
    return " ".join(str(text).split())[:most] or None if text else None


def images(spec: Mapping[str, Any], metadata: Mapping[str, Any]) -> list[str]:
    """Images of a pod's containers, that of its main container first: the default container, else the first."""
    found = [(str(one.get("name", "")), str(one.get("image", ""))) for one in spec.get("containers") or ()]
    main = (metadata.get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    found.sort(key=lambda one: one[0] != main)  # stable: the others stay in their order
    return [image for _, image in found]


def tag(image: str) -> str | None:
    """The tag of an image; None if it is pinned by its digest alone."""
    rest = image.partition("@")[0].rpartition("/")[2]
    _, colon, found = rest.partition(":")
    if colon:
        return found
    return None if "@" in image else "latest"


def of_release(found: list[str], release: Release | None) -> bool | None:
    """Whether one of the images is the release's, wherever its registry is mirrored. None without a release, where the
    release is known by its digest alone and an image of its name by its tag alone, and where the tag is the release's
    and the digest beside it another: a tag can be moved.
    """
    if release is None:
        return None
    name, _, digest = split(release.image)
    wanted, tagged, unsure, moved = tag(release.image), False, False, False
    for image in found:
        other, _, pinned = split(image)
        if other != name:
            continue
        if digest and pinned:
            if digest == pinned:
                return True
            moved = True
        elif wanted is not None and tag(image) == wanted:
            tagged = True
        unsure = unsure or (wanted is None and pinned is None)
    return None if unsure or (tagged and moved) else tagged


def workload(metadata: Mapping[str, Any]) -> tuple[str, str]:
    """(kind, name) of what a pod belongs to: a Deployment for pods of its ReplicaSet, whatever the labels."""
    owner = next((one for one in metadata.get("ownerReferences") or () if one.get("controller")), None)
    if owner is None:
        return "Pod", str(metadata["name"])
    kind, name = str(owner["kind"]), str(owner["name"])
    suffix = (metadata.get("labels") or {}).get(_RELEASE_HASH)
    if kind == "ReplicaSet" and suffix and name.endswith(f"-{suffix}"):
        return "Deployment", name.removesuffix(f"-{suffix}")
    return kind, name
