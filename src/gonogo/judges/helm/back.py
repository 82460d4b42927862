"""A Helm release back to an earlier revision: the change, or why there is none."""

from __future__ import annotations

from gonogo.judges.helm.forward import BY, ROLLED_BACK, name_of, previous_of, promoted, weighed
from gonogo.judges.helm.objects import foreign, images_of, of_canary, with_value
from gonogo.judges.helm.patches import by_key, change_of
from gonogo.judges.helm.stands import image_tag, rendered_weight, split_text, tag_of
from gonogo.judges.plans.rollout import Wish
from gonogo.model.helm import DEPLOYED, SUPERSEDED, HelmChange, HelmRevision, HelmState


def back(state: HelmState, wish: Wish) -> HelmChange | str:
    """To a share of the canary, to a named revision, one step, or to the newest good one without a canary."""
    if wish.percent is not None:
        if state.route is None or not wish.percent < state.weight:
            return f"the canary has {state.weight} % now: to give it {wish.percent} % is no way back"
        return weighed(state, wish, wish.percent)
    newest, notes = state.revisions[0], []
    named = wish.before or wish.revision is not None
    if newest.status.startswith("pending"):
        notes.append(f"revision {newest.number} is {newest.status} and was left alone: this takes it back")
    if not named and _is_back(state, automatic=wish.automatic):
        return _standing(state)
    target = _named(state, wish) if named else previous_of(state)
    if isinstance(target, str):
        return target
    if target is None:
        shown = ", ".join(f"{name_of(one)} {one.status}" for one in state.revisions[1:6]) or "there are none"
        why = f"no revision before {name_of(newest)} can be gone back to ({shown})"
        if wish.automatic and state.weight:
            return weighed(state, wish, 0, (f"only the canary is put aside: {why}",))
        return f"{why}; `--to 0` puts the canary aside" if state.weight else why
    if not named:
        over = [one for one in state.revisions[1:] if one.number > target.number and one.status == SUPERSEDED]
        notes += [f"{name_of(one)} is passed over: it gave the canary traffic" for one in over if rendered_weight(one)]
        if state.canary in state.workloads and not state.weight and _differ(state):
            notes.append(
                f"the canary has no traffic: this goes back behind {tag_of(state, state.stable)}, which serves"
            )
    return _backed(state, wish, target, tuple(notes))


def _backed(state: HelmState, wish: Wish, target: HelmRevision, notes: tuple[str, ...]) -> HelmChange | str:
    newest = state.revisions[0]
    by_helm = f"helm rollback {state.release} {target.number} --namespace {state.namespace} --wait"
    hooks = sorted(event for event in target.hooks if "rollback" in event)
    differs = foreign(newest.objects, target.objects, state.canary, state.namespace)
    lacks = f"{name_of(target)} differs in what is not set from here: {', '.join(differs)}" if differs else None
    if hooks:
        lacks = f"{name_of(target)} has hooks that only helm runs ({', '.join(hooks)})"
    if lacks is not None:
        if wish.automatic and state.weight:
            return weighed(state, wish, 0, (*notes, f"only the canary is put aside: {lacks}; `{by_helm}`"))
        aside = "; `--to 0` puts the canary aside at once" if state.weight else ""
        return f"{lacks}; `{by_helm}` does it{aside}"
    rendered = by_key(target, state.namespace).items()
    images = {name: images_of(one) for (kind, name, other), one in rendered if kind == "Deployment" and not other}
    images = {name: found for name, found in images.items() if name in state.workloads}
    absent = sorted(
        name
        for name, found in images.items()
        if not of_canary({"metadata": {"name": name}}, state.canary)
        and set(found) != set(state.workloads[name].containers)
    )
    if absent:
        return f"{name_of(target)} has other containers in {', '.join(absent)}; `{by_helm}` does it"
    weight = (rendered_weight(target) if wish.before or wish.revision else 0) if state.routes else None
    serving = state.workloads.get(str(state.canary))
    if weight and (serving is None or not serving.available):
        return f"{name_of(target)} gives the canary {weight} %, and it has no pod that could serve"
    if not weight and state.canary is not None:
        images.pop(state.canary, None)  # it stays as it is, for whoever looks for the cause
    config = dict(target.config)
    kept = state.values["weight"].partition(".")[0]
    if state.routes:
        config[kept] = newest.config.get(kept, {})
        config = with_value(config, state.values["weight"], weight)
        notes = (*notes, "the canary's objects stay, with weight 0") if not weight else notes
    tag = image_tag(images.get(state.stable, {}))
    return change_of(
        state,
        base=newest,
        description=f"Rollback to {target.number}" + (f", canary weight {weight} % {BY}" if state.routes else f" {BY}"),
        pending="pending-rollback",
        source=target.number,
        images=images,
        weight=weight,
        config=config,
        goal=split_text(state, weight or 0, tag),
        helm=by_helm,
        previous=name_of(newest),
        target=target.number,
        notes=notes,
        other=target,
    )


def _standing(state: HelmState) -> HelmChange:
    """Nothing to do."""
    newest = state.revisions[0]
    return HelmChange(
        number=newest.number + 1,
        description="",
        pending="",
        source=newest.number,
        base=newest.number,
        patches=(),
        images={},
        replicas={},
        weight=state.weight if state.routes else None,
        goal=split_text(state, state.weight),
        helm="",
    )


def _is_back(state: HelmState, *, automatic: bool) -> bool:
    """Whether the newest revision took everything back already; by itself also where the canary has no traffic."""
    newest = state.revisions[0]
    if state.weight or newest.status != DEPLOYED:
        return False
    if ROLLED_BACK.match(newest.description):
        return True
    return automatic and state.canary in state.workloads and bool(state.routes) and _differ(state)


def _differ(state: HelmState) -> bool:
    canary = state.workloads[str(state.canary)]
    return promoted(state.workloads[state.stable], canary) != dict(state.workloads[state.stable].containers)


def _named(state: HelmState, wish: Wish) -> HelmRevision | str:
    newest = state.revisions[0]
    if wish.before:
        found = next((one for one in state.revisions[1:] if one.status in (SUPERSEDED, DEPLOYED)), None)
        return found or f"there is no revision before {name_of(newest)}"
    number = int(str(wish.revision).removeprefix("v"))
    found = next((one for one in state.revisions if one.number == number), None)
    if found is None:
        shown = ", ".join(str(name_of(one)) for one in state.revisions[:6])
        return f"there is no revision v{number} (there is {shown})"
    if found.status not in (SUPERSEDED, DEPLOYED):
        return f"revision v{number} is {found.status}: nothing to go back to"
    return found
