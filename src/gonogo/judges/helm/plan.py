"""A Helm release as it stands and what is wanted of it, into the change that would do it, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from gonogo.judges.helm.back import back
from gonogo.judges.helm.forward import base_of, forward
from gonogo.judges.helm.objects import foreign
from gonogo.judges.helm.patches import by_key
from gonogo.judges.plans.rollout import Verb, Wish
from gonogo.model.helm import DEPLOYED, FAILED, HelmChange, HelmRevision, HelmState

_ARGO = "argocd.argoproj.io/tracking-id"
_LEFT_ALONE = timedelta(minutes=10)  # a release that is under way for longer was left by whoever began it


def plan_helm(state: HelmState, wish: Wish, stages: Sequence[int] = ()) -> HelmChange | str:
    """The change; a text says why it is not possible. Pure: the same state and wish make the same change."""
    why = _unfit(state, wish)
    if why is not None:
        return why
    match wish.verb:
        case Verb.APPLY:
            made = forward(state, wish, stages)
        case Verb.ROLLBACK:
            made = back(state, wish)
    if isinstance(made, str):
        return made
    asked = made.replicas.get(state.stable, state.workloads[state.stable].replicas)
    if not asked and (made.weight or 0) < state.weight:
        return f"{state.stable} asks for no pod, and the canary's users would be given to it: scale it up first"
    tracked = sorted(name for name in made.images if _ARGO in state.workloads[name].annotations)
    if not tracked or not made.patches:
        return made
    text = f"Argo CD tracks {', '.join(tracked)}: where it heals by itself, Git has to say the same or it is set back"
    return replace(made, notes=(*made.notes, text))


def _unfit(state: HelmState, wish: Wish) -> str | None:
    if not state.revisions:
        return f"Helm has no history of {state.release} in {state.namespace}: there is nothing to go by"
    newest = state.revisions[0]
    if newest.status.startswith(("pending", "uninstall")):
        since = None if newest.updated is None else state.at - newest.updated
        if wish.verb is Verb.APPLY or since is None or since < _LEFT_ALONE or newest.status.startswith("uninstall"):
            return f"another change is under way: revision {newest.number} is {newest.status}"
    elif newest.status not in (DEPLOYED, FAILED) or (wish.verb is Verb.APPLY and _unfinished(state)):
        return f"revision {newest.number} is {newest.status}, not {DEPLOYED}"
    needed = {*_deployments(newest, state.namespace)} - ({state.canary} if wish.verb is Verb.ROLLBACK else set())
    missing = sorted(name for name in needed if name not in state.workloads)
    if state.stable not in state.workloads:
        missing = sorted({*missing, state.stable})
    if missing:
        return f"of release {state.release} there is no Deployment {', '.join(missing)}"
    if wish.verb is Verb.APPLY and len({route.weight for route in state.routes.values()}) > 1:
        return f"several Ingresses give the canary other shares ({', '.join(state.routes)})"
    return None


def again(state: HelmState, change: HelmChange) -> HelmChange | str:
    """A rollback once more, for a newer state: to the same revision, or to the same share of the canary."""
    if change.target is None:
        wish = Wish(verb=Verb.ROLLBACK, percent=change.weight)
    else:
        wish = Wish(verb=Verb.ROLLBACK, revision=f"v{change.target}")
    made = plan_helm(state, wish)
    if isinstance(made, str) or made.weight == change.weight:
        return made
    return f"it would give the canary {made.weight} % by now, and {change.weight} % was planned"


def _unfinished(state: HelmState) -> bool:
    """Whether the newest revision failed and may have left more behind than what is compared before a change."""
    newest, base = state.revisions[0], base_of(state)
    return base.status != DEPLOYED or bool(foreign(newest.objects, base.objects, state.canary, state.namespace))


def _deployments(revision: HelmRevision, namespace: str) -> list[str]:
    return [name for kind, name, other in by_key(revision, namespace) if kind == "Deployment" and not other]
