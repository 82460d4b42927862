"""More of the traffic for a Helm release's canary, or all: the change, or why there is none."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gonogo.judges.helm.objects import value_at, with_value
from gonogo.judges.helm.patches import change_of
from gonogo.judges.helm.stands import image_tag, rendered_weight, split_text, tag_of, unfinished
from gonogo.judges.plans.rollout import Verb, Wish
from gonogo.model.helm import DEPLOYED, FAILED, SUPERSEDED, HelmChange, HelmRevision, HelmState, Workload
from gonogo.model.rollout import FULL

# Where charts keep them; an environment may name others (names of its back end kubernetes).
VALUES = {"tag": "image.tag", "weight": "canary.weight"}
BY = "(gonogo)"
ROLLED_BACK = re.compile(r"Rollback to ([0-9]+)")


def forward(state: HelmState, wish: Wish, stages: Sequence[int]) -> HelmChange | str:
    """A share for the canary; 100 % is its promotion: the stable Deployment gets its images, and it has no share."""
    if wish.revision is not None:
        return "a rollout goes by percentages; to a revision of the release one goes back (rollout rollback --to vN)"
    percent = wish.percent or 0
    if state.canary is None or state.canary not in state.workloads:
        return f"there is no canary Deployment {state.canary or ''}".rstrip()
    if state.route is None:
        return "no Ingress of the release gives the canary a share"
    canary, stable = state.workloads[state.canary], state.workloads[state.stable]
    late = unfinished(canary) or unfinished(stable)
    if late is not None:
        return f"not rolled out: {late}"
    if not canary.available:
        return f"{canary.name} has no pod that could serve"
    images = promoted(stable, canary)
    if isinstance(images, str):
        return images
    same = images == dict(stable.containers)
    notes = []
    if percent < FULL:
        if same and state.weight != percent:
            return f"{state.stable} and {state.canary} run the same image: there is nothing to try out"
        between = [str(stage) for stage in stages if state.weight < stage < percent]
        if percent < state.weight:
            notes.append(f"{state.canary} has {state.weight} % now: this gives it less")
        elif between:
            notes.append(f"this skips {', '.join(between)} %")
        return weighed(state, wish, percent, tuple(notes))
    tag = _promoted_tag(images, state)
    base = base_of(state)
    told = _agrees(state, base)
    if told is not None:
        return told
    if any("upgrade" in event for event in base.hooks):
        notes.append("the chart's upgrade hooks are not run: they ran when the canary came")
    return change_of(
        state,
        base=base,
        description=f"Promotion of {tag} {BY}",
        pending="pending-upgrade",
        source=base.number,
        images={state.stable: images},
        weight=0,
        config=with_value(with_value(base.config, state.values["tag"], tag), state.values["weight"], 0),
        goal=split_text(state, 0, tag),
        helm=_upgrade_line(state, {state.values["tag"]: tag, state.values["weight"]: "0"}),
        previous=name_of(previous_of(state)),
        notes=tuple(notes),
    )


def weighed(state: HelmState, wish: Wish, percent: int, notes: tuple[str, ...] = ()) -> HelmChange | str:
    """Only the canary's share."""
    base = base_of(state)
    told = _agrees(state, base)
    if told is not None:
        if wish.verb is Verb.APPLY:
            return told
        notes = (*notes, told)  # who is taken off a canary does not wait for that
    return change_of(
        state,
        base=base,
        description=f"Canary weight {percent} % {BY}",
        pending="pending-upgrade" if wish.verb is Verb.APPLY else "pending-rollback",
        source=base.number,
        images={},
        weight=percent,
        config=with_value(base.config, state.values["weight"], percent),
        goal=split_text(state, percent),
        helm=_upgrade_line(state, {state.values["weight"]: str(percent)}),
        previous=name_of(previous_of(state)),
        notes=notes,
    )


def base_of(state: HelmState) -> HelmRevision:
    """The revision that is in force: the newest, or the deployed one before it where the newest failed."""
    newest = state.revisions[0]
    if newest.status != FAILED:
        return newest
    return next((one for one in state.revisions if one.status == DEPLOYED), newest)


def previous_of(state: HelmState) -> HelmRevision | None:
    """The newest revision before this one that was good and gave no canary traffic.

    What a rollback took back already is not gone back to: behind "Rollback to 6" it is the one before 6.
    """
    before = state.revisions[0].number
    again = ROLLED_BACK.match(state.revisions[0].description)
    if again is not None:
        before = min(before, int(again[1]))
    for one in state.revisions:
        if one.number < before and one.status in (SUPERSEDED, DEPLOYED) and not rendered_weight(one):
            return one
    return None


def promoted(stable: Workload, canary: Workload) -> dict[str, str] | str:
    """The canary's images for the stable Deployment's containers."""
    if set(stable.containers) == set(canary.containers):
        return {name: canary.containers[name] for name in stable.containers}
    if len(stable.containers) == len(canary.containers) == 1:
        return dict(zip(stable.containers, canary.containers.values(), strict=True))
    return f"{stable.name} and {canary.name} have other containers: which image goes where is not known"


def _promoted_tag(images: Mapping[str, str], state: HelmState) -> str:
    """The tag of the image that is another one than the stable Deployment has now."""
    stable = state.workloads[state.stable].containers
    return image_tag({name: image for name, image in images.items() if stable[name] != image} or images)


def name_of(revision: HelmRevision | None) -> str | None:
    """As `--to` takes it."""
    return None if revision is None else f"v{revision.number}"


def _agrees(state: HelmState, revision: HelmRevision) -> str | None:
    """Why the values of a revision are not those that the objects have: then the chart has other names for them."""
    seen: dict[str, str] = {"weight": str(state.weight), "tag": tag_of(state, state.stable)}
    for name, now in seen.items():
        path = state.values[name]
        found = value_at(revision.config, path)
        found = value_at(revision.defaults, path) if found is None else found
        if name == "tag" and found in (None, ""):
            found = revision.app_version  # as charts do that leave it to their version
        if found is None:
            return f"the values of {name_of(revision)} have no {path}: names.{name}_value of kubernetes says where"
        if str(found) != now:
            return f"{path} of {name_of(revision)} is not what runs ({now}): somebody changed it beside Helm"
    return None


def _upgrade_line(state: HelmState, values: Mapping[str, str]) -> str:
    sets = ",".join(f"{path}={value}" for path, value in values.items())
    return (
        f"helm upgrade {state.release} CHART --namespace {state.namespace} --version"
        f" {state.revisions[0].chart_version} --reuse-values --set {sets} --wait"
    )
