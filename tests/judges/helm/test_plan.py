"""Planned changes of a Helm release: what is set, where it goes back to, and when nothing is planned at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.helm_states import (
    HISTORY,
    IMAGE,
    NOW,
    SIDE,
    STABLE,
    changed,
    deployment,
    revision,
    settings,
    state,
)

from gonogo.judges.helm.plan import again, plan_helm
from gonogo.judges.helm.stands import in_force, stands_text, without_pods
from gonogo.judges.plans.rollout import Verb, Wish
from gonogo.model.helm import WEIGHT, HelmChange, HelmState, Route

CANARY_STATE = state(*HISTORY)


def planned(found: HelmState, verb: Verb = Verb.ROLLBACK, **wish: Any) -> HelmChange:
    change = plan_helm(found, Wish(verb=verb, **wish))
    assert isinstance(change, HelmChange), change
    return change


def refused(found: HelmState, verb: Verb = Verb.ROLLBACK, **wish: Any) -> str:
    why = plan_helm(found, Wish(verb=verb, **wish))
    assert isinstance(why, str)
    return why


def made(found: HelmState, change: HelmChange, number: int) -> HelmState:
    """The cluster after a change, and Helm's history after it."""
    old = [replace(one, status="superseded") for one in reversed(found.revisions)]
    fresh = replace(
        found.revisions[0], number=number, status="deployed", description=change.description,
        objects=change.objects, config=change.config,
    )  # fmt: skip
    return state(*old, fresh)


def test_a_promotion() -> None:
    """The stable Deployment gets the canary's image first, then the canary has no share; bound to what was read."""
    change = planned(CANARY_STATE, Verb.APPLY, percent=100)
    assert [(one.kind, one.name, one.version) for one in change.patches] == [
        ("Deployment", STABLE, "7"),
        ("Ingress", SIDE, "8"),
    ]
    assert change.patches[0].body == {
        "spec": {"template": {"spec": {"containers": [{"name": "judgment", "image": f"{IMAGE}:v1.4.0"}]}}}
    }
    assert change.patches[1].body == {"metadata": {"annotations": {WEIGHT: "0"}}}
    assert (change.goal, change.previous, change.number, change.source) == ("v1.4.0 100 %", "v6", 8, 7)
    assert change.config["image"] == {"tag": "v1.4.0"}
    assert change.config["canary"] == {"enabled": True, "weight": 0, "image": {"tag": "v1.4.0"}}
    assert change.config["database"] == {"password": "hunter2"}
    assert "helm upgrade judgment-service CHART --namespace production --version 1.4.0 --reuse-values" in change.helm
    assert "--set image.tag=v1.4.0,canary.weight=0" in change.helm
    after = made(CANARY_STATE, change, 8)
    assert in_force(after, change)
    assert not in_force(CANARY_STATE, change)
    assert stands_text(after) == "v1.4.0 100 %"


def test_a_share() -> None:
    """Only the canary's weight; what it skips is noted."""
    change = plan_helm(CANARY_STATE, Wish(verb=Verb.APPLY, percent=50), (10, 25, 50, 100))
    assert isinstance(change, HelmChange)
    assert [one.what for one in change.patches] == ["canary weight 10 -> 50 %"]
    assert change.notes == ("this skips 25 %",)
    assert change.goal == "v1.3.9 50 %, v1.4.0 50 % (canary)"
    assert planned(CANARY_STATE, Verb.APPLY, percent=10).patches == ()
    assert in_force(CANARY_STATE, planned(CANARY_STATE, Verb.APPLY, percent=10))


def test_a_rollback_of_a_canary_takes_users_off_it_and_leaves_it_there() -> None:
    """To the newest good revision without a canary; its objects stay for whoever looks for the cause."""
    change = planned(CANARY_STATE)
    assert [(one.kind, one.what) for one in change.patches] == [("Ingress", "canary weight 10 -> 0 %")]
    assert (change.target, change.goal, change.description) == (
        6,
        "v1.3.9 100 %",
        "Rollback to 6, canary weight 0 % (gonogo)",
    )
    assert change.helm == "helm rollback judgment-service 6 --namespace production --wait"
    assert {one["metadata"]["name"] for one in change.objects} == {STABLE, SIDE, "settings"}
    assert change.config["canary"]["weight"] == 0


def test_a_rollback_after_a_promotion_passes_over_the_canary() -> None:
    """Literally one back would give the bad image 10 % again; and a second rollback finds that it stands."""
    promoted = made(CANARY_STATE, planned(CANARY_STATE, Verb.APPLY, percent=100), 8)
    change = planned(promoted)
    assert (change.target, change.goal) == (6, "v1.3.9 100 %")
    assert "v7 is passed over: it gave the canary traffic" in change.notes
    assert [one.what for one in change.patches] == [f"judgment {IMAGE}:v1.4.0 -> {IMAGE}:v1.3.9"]
    back = made(promoted, change, 9)
    assert stands_text(back) == "v1.3.9 100 %"
    twice = planned(back)
    assert (twice.patches, in_force(back, twice)) == ((), True)
    assert planned(back, revision="v5").target == 5


def test_by_itself_nothing_is_taken_back_twice() -> None:
    """The canary has no share any more, by whatever hand: it stands. By hand it goes behind, and says so."""
    idle = state(*HISTORY[:2], revision(7, "v1.3.9", "v1.4.0", 0, status="deployed"))
    assert planned(idle, automatic=True).patches == ()
    by_hand = planned(idle)
    assert by_hand.target == 6
    assert "the canary has no traffic: this goes back behind v1.3.9, which serves" in by_hand.notes


@pytest.mark.parametrize(
    ("target", "what"),
    [
        (revision(6, "v1.3.9", others=(settings(level="debug"),)), "ConfigMap settings"),
        (revision(6, "v1.3.9", others=()), "ConfigMap settings (would go)"),
        (
            revision(6, "v1.3.9", others=(settings(level="info"), settings("more"))),
            "ConfigMap more (comes back)",
        ),
        (revision(6, "v1.3.9", others=(settings(level="info"), deployment("worker", "v1"))), "Deployment worker"),
        (revision(6, "v1.3.9", hooks=("pre-rollback",)), "hooks that only helm runs (pre-rollback)"),
    ],
)
def test_what_else_differs_is_helms(target: Any, what: str) -> None:
    """By hand it is refused with Helm's own line; by itself the canary is put aside, and nothing else."""
    found = state(HISTORY[0], target, HISTORY[2])
    why = refused(found)
    assert what in why
    assert "`helm rollback judgment-service 6 --namespace production --wait` does it" in why
    assert "`--to 0` puts the canary aside" in why
    aside = planned(found, automatic=True)
    assert [one.what for one in aside.patches] == ["canary weight 10 -> 0 %"]
    assert what in aside.notes[0]
    assert planned(found, percent=0).patches == aside.patches


def test_environment_variables_differ() -> None:
    """A Deployment is more than its image; what it holds is not told."""
    target = revision(6, "v1.3.9")
    target.objects[0]["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "s3cret"
    why = refused(state(HISTORY[0], target, HISTORY[2]))
    assert "Deployment judgment-service" in why
    assert "s3cret" not in why


def test_replicas_and_annotations_go_back_with_the_images() -> None:
    """What two revisions differ in; what an autoscaler set and no revision did is left alone."""
    old = replace(HISTORY[1], objects=(deployment(STABLE, "v1.3.9", 2, owner="a"), settings(level="info")))
    new = replace(
        revision(7, "v1.4.0", status="deployed"), objects=(deployment(STABLE, "v1.4.0", 5), settings(level="info"))
    )
    change = planned(state(old, new))
    assert change.patches[0].body["spec"]["replicas"] == 2
    assert change.patches[0].body["metadata"] == {"annotations": {"owner": "a"}}
    scaled = changed(state(HISTORY[1], revision(7, "v1.4.0", status="deployed")), STABLE, replicas=9, available=9)
    assert "replicas" not in json.dumps(planned(scaled).patches[0].body)


@pytest.mark.parametrize(
    ("found", "verb", "wish", "why"),
    [
        (state(), Verb.ROLLBACK, {}, "Helm has no history of judgment-service"),
        (state(HISTORY[1], replace(HISTORY[2], status="pending-upgrade", updated=NOW)), Verb.ROLLBACK, {}, "under way"),
        (state(HISTORY[1], replace(HISTORY[2], status="pending-upgrade")), Verb.APPLY, {"percent": 100}, "under way"),
        (state(HISTORY[1], replace(HISTORY[2], status="failed")), Verb.APPLY, {"percent": 100}, "is failed"),
        (state(replace(HISTORY[1], status="deployed"), revision(7, "v1.3.9", "v1.4.0", 10, status="failed", others=())),
         Verb.APPLY, {"percent": 100}, "revision 7 is failed, not deployed"),
        (state(replace(HISTORY[1], status="deployed"), replace(HISTORY[2], status="failed")),
         Verb.APPLY, {"percent": 100}, "canary.weight of v6 is not what runs (10)"),
        (state(HISTORY[2]), Verb.ROLLBACK, {}, "no revision before v7 can be gone back to"),
        (state(*HISTORY), Verb.ROLLBACK, {"revision": "v4"}, "there is no revision v4 (there is v7, v6, v5)"),
        (state(*HISTORY), Verb.ROLLBACK, {"percent": 25}, "is no way back"),
        (state(*HISTORY), Verb.APPLY, {"revision": "v6"}, "a rollout goes by percentages"),
        (state(replace(HISTORY[1], status="deployed")), Verb.APPLY, {"percent": 10}, "no canary Deployment"),
        (changed(CANARY_STATE, SIDE, late="0 of 1 updated replicas are available"), Verb.APPLY, {"percent": 100},
         "not rolled out: judgment-service-canary: 0 of 1"),
        (changed(CANARY_STATE, SIDE, replicas=0, available=0), Verb.APPLY, {"percent": 100},
         "no pod that could serve"),
        (changed(CANARY_STATE, SIDE, containers={"a": "x:1", "b": "y:1"}), Verb.APPLY, {"percent": 100},
         "other containers"),
        (replace(CANARY_STATE, routes={}), Verb.APPLY, {"percent": 100}, "no Ingress of the release"),
        (replace(CANARY_STATE, workloads={}), Verb.ROLLBACK, {}, "there is no Deployment"),
        (changed(CANARY_STATE, STABLE, containers={"judgment": f"{IMAGE}:v1.3.0"}), Verb.APPLY, {"percent": 100},
         "image.tag of v7 is not what runs (v1.3.0): somebody changed it beside Helm"),
        (replace(CANARY_STATE, values={"tag": "image.tag", "weight": "split.weight"}), Verb.APPLY, {"percent": 100},
         "the values of v7 have no split.weight"),
    ],
)  # fmt: skip
def test_what_is_not_possible(found: HelmState, verb: Verb, wish: dict[str, Any], why: str) -> None:
    """Nothing is planned, and it says why."""
    assert why in refused(found, verb, **wish)


def test_a_failed_upgrade_and_one_that_was_left_alone_are_gone_back_from() -> None:
    """A failed one at once; one that is under way after ten minutes, since nobody works on it any more."""
    failed = state(HISTORY[0], replace(HISTORY[1], status="deployed"), revision(7, "v1.4.0", status="failed"))
    assert planned(failed).target == 6
    left = replace(HISTORY[2], status="pending-upgrade", updated=NOW - timedelta(minutes=11))
    assert planned(state(*HISTORY[:2], left)).notes[0].startswith("revision 7 is pending-upgrade and was left alone")


def test_one_step_back_restores_the_share_too() -> None:
    """`before` is the revision before, whatever share it gave."""
    promoted = made(CANARY_STATE, planned(CANARY_STATE, Verb.APPLY, percent=100), 8)
    change = planned(promoted, before=True)
    assert (change.target, change.weight, change.goal) == (7, 10, "v1.3.9 90 %, v1.4.0 10 % (canary)")
    assert in_force(made(promoted, change, 9), change)


def test_a_tag_that_the_chart_leaves_to_its_version() -> None:
    """Values without a tag mean the chart's appVersion; a promotion sets one."""
    bare = replace(HISTORY[2], config={"image": {"tag": ""}, "canary": {"weight": 10}})
    change = planned(state(*HISTORY[:2], bare), Verb.APPLY, percent=100)
    assert change.config["image"] == {"tag": "v1.4.0"}
    other = replace(bare, app_version="v1.3.0")
    assert "image.tag of v7 is not what runs" in refused(state(*HISTORY[:2], other), Verb.APPLY, percent=100)


def test_the_main_container_gives_the_tag() -> None:
    """An init container that comes along is promoted with it, and names nothing."""
    both = {"judgment": f"{IMAGE}:v1.3.9", "migrate": "tools:7"}
    found = changed(CANARY_STATE, STABLE, containers=both)
    found = changed(found, SIDE, containers={"judgment": f"{IMAGE}:v1.4.0", "migrate": "tools:8"})
    change = planned(found, Verb.APPLY, percent=100)
    assert (change.goal, change.images[STABLE]["migrate"]) == ("v1.4.0 100 %", "tools:8")


def test_a_canary_that_somebody_deleted_is_rolled_back_from() -> None:
    """Its share goes to the stable side, as of any other; it cannot be promoted."""
    gone = replace(CANARY_STATE, workloads={STABLE: CANARY_STATE.workloads[STABLE]})
    assert [one.what for one in planned(gone).patches] == ["canary weight 10 -> 0 %"]
    assert "there is no Deployment judgment-service-canary" in refused(gone, Verb.APPLY, percent=100)


def test_a_share_of_no_pods_is_not_brought_back() -> None:
    """One step back from a promotion would give 10 % to a canary that is gone."""
    promoted = made(CANARY_STATE, planned(CANARY_STATE, Verb.APPLY, percent=100), 8)
    assert "v7 gives the canary 10 %, and it has no pod" in refused(changed(promoted, SIDE, available=0), before=True)


@pytest.mark.parametrize(("verb", "wish"), [(Verb.APPLY, {"percent": 100}), (Verb.ROLLBACK, {"percent": 0})])
def test_users_are_not_given_to_a_deployment_of_no_pods(verb: Verb, wish: dict[str, Any]) -> None:
    """The stable Deployment was scaled to 0 while the canary serves: without the canary nobody would."""
    empty = changed(CANARY_STATE, STABLE, replicas=0, available=0)
    assert "judgment-service asks for no pod" in refused(empty, verb, **wish)


def test_several_ingresses_of_other_shares() -> None:
    """A rollback sets each to 0, and is in force once each is; nothing is promoted from such a state."""
    routes = {SIDE: Route(name=SIDE, version="8", weight=0), "b": Route(name="b", version="9", weight=30)}
    two = replace(CANARY_STATE, routes=routes)
    change = planned(two)
    assert [(one.name, one.what) for one in change.patches] == [("b", "canary weight 30 -> 0 %")]
    assert not in_force(two, change)
    assert "several Ingresses" in refused(two, Verb.APPLY, percent=100)


def test_what_argo_cd_tracks_is_noted() -> None:
    """It may set back what Git does not say."""
    tracked = changed(CANARY_STATE, STABLE, annotations={"argocd.argoproj.io/tracking-id": "x"})
    assert "Argo CD tracks judgment-service" in planned(tracked, Verb.APPLY, percent=100).notes[0]
    assert planned(CANARY_STATE, Verb.APPLY, percent=100).notes == ()


def test_no_pod_is_no_rollout() -> None:
    """A Deployment of no pods is rolled out at once, and serves nobody."""
    change = planned(CANARY_STATE)
    empty = made(CANARY_STATE, change, 8)
    empty = changed(empty, STABLE, replicas=0, available=0)
    assert in_force(empty, change)
    assert without_pods(empty, change) == ("judgment-service has no pod",)
    assert without_pods(made(CANARY_STATE, change, 8), change) == ()


def test_a_share_without_an_ingress_is_not_in_force() -> None:
    """Somebody deleted what gives the canary its share: 0 % stands then, and nothing else."""
    apart = replace(CANARY_STATE, routes={})
    assert not in_force(apart, planned(CANARY_STATE, Verb.APPLY, percent=50))
    assert in_force(apart, planned(CANARY_STATE, percent=0))


def test_objects_of_one_name_in_two_namespaces() -> None:
    """A release may render into others too: those are compared, and never mistaken for its own."""
    elsewhere = settings(level="x")
    elsewhere["metadata"]["namespace"] = "other"
    now = replace(HISTORY[2], objects=(*HISTORY[2].objects, elsewhere))
    then = replace(HISTORY[1], objects=(*HISTORY[1].objects, elsewhere))
    change = planned(state(HISTORY[0], then, now))
    assert [one["data"] for one in change.objects if one["kind"] == "ConfigMap"] == [{"level": "info"}, {"level": "x"}]
    gone = refused(state(HISTORY[0], HISTORY[1], now))
    assert "ConfigMap settings (would go)" in gone


def test_again_is_the_same_change() -> None:
    """For a newer state: what was planned, or nothing."""
    change = planned(CANARY_STATE)
    failed = replace(HISTORY[2], number=8, status="failed", description="failed: 409")
    once_more = again(state(*HISTORY, failed), change)
    assert isinstance(once_more, HelmChange)
    assert (once_more.target, once_more.number, once_more.weight) == (6, 9, 0)


@given(
    weight=st.integers(0, 100),
    percent=st.one_of(st.none(), st.integers(0, 100)),
    verb=st.sampled_from(Verb),
    automatic=st.booleans(),
    late=st.one_of(st.none(), st.just("1 old replicas are pending termination")),
    status=st.sampled_from(("deployed", "failed", "pending-upgrade", "superseded")),
)
def test_nothing_unsafe_is_planned(
    weight: int, percent: int | None, verb: Verb, *, automatic: bool, late: str | None, status: str
) -> None:
    """Whatever the release looks like: only images, replicas, annotations and a share; a rollback gives no more."""
    found = state(*HISTORY[:2], revision(7, "v1.3.9", "v1.4.0", weight, status=status))
    found = changed(found, SIDE, late=late)
    change = plan_helm(found, Wish(verb=verb, percent=percent, automatic=automatic))
    if isinstance(change, str):
        return
    for patch in change.patches:
        assert patch.version
        assert set(patch.body) <= {"spec", "metadata"}
        assert set(patch.body.get("metadata", {})) <= {"annotations"}
        assert set(patch.body.get("spec", {})) <= {"template", "replicas"}
    if verb is Verb.ROLLBACK:
        assert change.weight is not None
        assert change.weight <= weight
    else:
        assert late is None
        assert status == "deployed"  # a failed one has no deployed one before it here
    assert "hunter2" not in repr(change)
