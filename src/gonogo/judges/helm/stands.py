"""A Helm release as it stands, in words, and whether a change of it is in force."""

from __future__ import annotations

from collections.abc import Mapping

from gonogo.judges.helm.objects import weight_of
from gonogo.model.helm import DEPLOYED, HelmChange, HelmRevision, HelmState, Workload
from gonogo.model.rollout import FULL


def in_force(state: HelmState, change: HelmChange) -> bool:
    """True once every Deployment of the change runs what it names, rolled out, and the canary has its weight."""
    if change.weight is not None and any(route.weight != change.weight for route in state.routes.values()):
        return False
    if change.weight and not state.routes:
        return False  # nothing gives the canary its share any more
    newest = state.revisions[0]
    if newest.number != change.number and newest.status != DEPLOYED:
        return False  # what runs may be right, and Helm's history is not
    for name, images in change.images.items():
        found = state.workloads.get(name)
        if found is None or unfinished(found) or not _has(found, images):
            return False
        if found.replicas != change.replicas.get(name, found.replicas):
            return False
    return True


def without_pods(state: HelmState, change: HelmChange) -> tuple[str, ...]:
    """Deployments of a change that have no pod to serve with, though there is nothing left to roll out."""
    names = {*change.images, state.stable} - {state.canary}
    return tuple(f"{name} has no pod" for name in sorted(names) if not _available(state, name))


def unfinished(workload: Workload) -> str | None:
    """Why a Deployment is not rolled out, in words that name it."""
    return None if workload.late is None else f"{workload.name}: {workload.late}"


def stands_text(state: HelmState) -> str:
    """`v1.3.9 90 %, v1.4.0 10 % (canary)`, and what is not rolled out."""
    split = split_text(state, state.weight)
    late = [why for name in _watched(state) if (why := unfinished(state.workloads[name]))]
    return "; ".join([split, *late])


def shares_of(state: HelmState) -> list[tuple[str, int, str | None]]:
    """(image tag, percent, side) of who serves; the canary last, and only with a share."""
    stable = (tag_of(state, state.stable), FULL - state.weight, None)
    if not state.weight or state.canary not in state.workloads:
        return [(stable[0], FULL, None)]
    return [stable, (tag_of(state, state.canary), state.weight, "canary")]


def split_text(state: HelmState, weight: int, stable: str | None = None) -> str:
    """Who serves which share, by image tag; `stable` is another tag for the stable Deployment."""
    stable = stable or tag_of(state, state.stable)
    if not weight or state.canary not in state.workloads:
        return f"{stable} {FULL} %"
    return f"{stable} {FULL - weight} %, {tag_of(state, state.canary)} {weight} % (canary)"


def rendered_weight(revision: HelmRevision) -> int:
    """The canary's share that a revision rendered."""
    return next((weight for one in revision.objects if (weight := weight_of(one))), 0)


def tag_of(state: HelmState, name: str | None) -> str:
    """The image tag that a Deployment runs."""
    found = state.workloads.get(str(name))
    return f"no Deployment {name}" if found is None else image_tag(found.containers)


def image_tag(containers: Mapping[str, str]) -> str:
    """The tag of the first container's image; what is pinned by digest alone is shown so."""
    image = next(iter(containers.values()), "")
    bare, _, digest = image.partition("@")
    last = bare.rpartition("/")[2]
    return last.partition(":")[2] or digest[:19] or last


def _watched(state: HelmState) -> list[str]:
    return [name for name in state.workloads if name != state.canary or state.weight]


def _available(state: HelmState, name: str) -> int:
    found = state.workloads.get(name)
    return 0 if found is None else found.available


def _has(workload: Workload, images: Mapping[str, str]) -> bool:
    return all(workload.containers.get(name) == image for name, image in images.items())
