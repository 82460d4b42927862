"""The way back: to the recorded revision, a part of the way, one step, and by itself when a watch asks for it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from gonogo.config.environment import load_environment
from gonogo.flows.rollout.order import take_order
from gonogo.flows.rollout.roll import Ended, Rolled, check_roll_back, roll, roll_back
from gonogo.flows.standing import Standing, standing
from gonogo.judges.plans.rollout import Verb
from gonogo.model.errors import ConfigError, ExitStatus, SafetyRefusal

if TYPE_CHECKING:
    from conftest import Stand

OLDER, OLD, NEW = "ion-api-00040-xyz", "ion-api-00041-abc", "ion-api-00042-def"
GO, NO_GO = ExitStatus.GO, ExitStatus.NO_GO


def apply(stand: Stand, to: str, **more: Any) -> Ended:
    return roll(take_order(stand.asked(to, **more), Verb.APPLY))


def rollback(stand: Stand, to: str | None = None, **more: Any) -> Ended:
    return roll(take_order(stand.asked(to, **more), Verb.ROLLBACK))


def test_back_to_the_recorded_revision(stand: Stand) -> None:
    """After 10 and 100 % everything goes back to who served before; the tag stays; a second time nothing is sent."""
    apply(stand, "10")
    assert apply(stand, "100").document["previous"] == OLD
    assert stand.split == {NEW: 100}
    ended = rollback(stand)
    assert ended.status is GO
    assert stand.split == {OLD: 100}
    assert [(share.revision, share.tag) for share in stand.service.traffic if share.tag] == [(NEW, "canary")]
    sent = stand.updates
    again = rollback(stand)
    assert again.status is GO
    assert "it stands already" in again.document["said"]
    assert stand.updates == sent == 3
    assert stand.split == {OLD: 100}


def test_without_a_record_it_is_the_newest_ready_one_before(stand: Stand) -> None:
    """From 5 % and from 100 %, as somebody left it by hand."""
    assert rollback(stand, yes=None).document["plan"]["split"] == {OLD: 100}
    stand.play("deployed")
    assert rollback(stand, yes=None).document["plan"]["split"] == {OLD: 100}
    stand.play("deployed", "previous-revision-not-ready")
    ended = rollback(stand, yes=None)
    assert ended.status is NO_GO
    assert f"none of the revisions before {NEW} is READY" in ended.document["why"]


def test_it_says_where_a_rollback_goes_behind_what_serves(stand: Stand) -> None:
    """The canary has no traffic and no record tells why: a rollback by hand goes one further, and says so first."""
    stand.play("before")
    ended = rollback(stand, yes=None)
    assert ended.document["plan"]["split"] == {OLDER: 100}
    assert ended.document["notes"] == [f"{NEW} has no traffic: this goes back behind {OLD}, which serves now"]


def test_a_part_of_the_way(stand: Stand) -> None:
    """5/95: the newest revision keeps 5 %; more than it has is no way back."""
    apply(stand, "50")
    assert rollback(stand, "5").status is GO
    assert stand.split == {OLD: 95, NEW: 5}
    ended = rollback(stand, "25")
    assert ended.status is NO_GO
    assert ended.document["why"] == f"{NEW} has 5 % now: to give it 25 % is no way back"
    assert stand.split == {OLD: 95, NEW: 5}


def test_to_a_named_revision(stand: Stand) -> None:
    """Any READY one."""
    assert rollback(stand, OLDER).status is GO
    assert stand.split == {OLDER: 100}


def test_one_step_back_and_back_again(stand: Stand) -> None:
    """`before` is the whole split before the newest change: a rollback of a rollback gives the split that was."""
    assert rollback(stand, "before", yes=None).document["why"] == (
        "no record tells the split before: name a revision or a percentage"
    )
    apply(stand, "10")
    apply(stand, "25")
    assert rollback(stand, "before").status is GO
    assert stand.split == {OLD: 90, NEW: 10}
    assert rollback(stand, "before").status is GO
    assert stand.split == {OLD: 75, NEW: 25}
    assert rollback(stand).status is GO
    assert stand.split == {OLD: 100}


def test_a_record_of_another_release_is_not_gone_by(stand: Stand) -> None:
    """Somebody deployed by other means since: what serves now is not in the record, which is said and left out."""
    apply(stand, "10")
    (path,) = stand.records
    kept = json.loads(path.read_text(encoding="utf-8"))
    for share, name in zip(kept["plan"]["traffic"], ("ion-api-00030-aaa", "ion-api-00031-bbb"), strict=True):
        share["revision"] = name
    path.write_text(json.dumps({**kept, "previous": OLDER}), encoding="utf-8")
    ended = rollback(stand, yes=None)
    assert ended.document["plan"]["split"] == {OLD: 100}
    assert f"is not gone by: {NEW} serves now" in ended.document["notes"][0]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"environment": "mine"}', "\x00"])
def test_a_record_that_cannot_be_read_is_left_out(stand: Stand, text: str) -> None:
    """A rollback is not held up by it."""
    folder = stand.root / "reports" / "out" / "20261120T090000Z-mine-rollout-abcdef"
    folder.mkdir(parents=True)
    (folder / "rollout.json").write_text(text, encoding="utf-8")
    ended = rollback(stand)
    assert ended.status is GO
    assert "is no record that can be read" in ended.document["notes"][0]
    assert stand.split == {OLD: 100}


@pytest.mark.parametrize(
    ("fault", "status", "updates", "split"),
    [
        ("update-aborted-once", GO, 2, {OLD: 100}),
        ("update-unavailable-twice", GO, 3, {OLD: 100}),
        ("update-answer-lost", GO, 1, {OLD: 100}),
        ("update-denied", NO_GO, 1, {OLD: 95, NEW: 5}),
        ("update-fails-late", NO_GO, 5, {OLD: 95, NEW: 5}),
        ("split-never-stands", NO_GO, 1, {OLD: 95, NEW: 5}),
    ],
)
def test_a_rollback_that_goes_wrong_is_tried_again_within_bounds(
    stand: Stand, fault: str, status: ExitStatus, updates: int, split: dict[str, int]
) -> None:
    """What may pass is tried again on what is read anew; what will not is told at once."""
    stand.play("stage-5", fault)
    within = timedelta(seconds=3 if fault == "split-never-stands" else 30)
    ended = rollback(stand, within=within)
    assert (ended.status, stand.updates, stand.split) == (status, updates, split)
    assert (ended.document["notes"] == ["call Kim, slack:@kim, 09:00-18:00"]) is (status is NO_GO)


def test_a_rollback_whose_time_is_over_says_what_went_wrong(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """No try is begun that has no time left: the cause is what Cloud Run said, never a deadline of nothing."""
    monkeypatch.setattr("gonogo.flows.rollout.maker._FIRST_PAUSE_S", 60.0)
    stand.play("stage-5", "update-fails-late")
    ended = rollback(stand, within=timedelta(seconds=20))
    assert (ended.status, stand.updates) == (NO_GO, 1)
    assert "INTERNAL: Route update failed" in ended.document["said"]


def rolled_by_itself(stand: Stand, *, pages: list[str] | None = None, **more: Any) -> Rolled:
    environment = load_environment("mine", stand.root / "environments", root=stand.root)
    with standing(environment, stand.root) as where:
        return roll_back(
            where,
            root=stand.root,
            reports=stand.root / "reports" / "out",
            page=None if pages is None else pages.append,
            **more,
        )


def test_a_watch_rolls_back_at_once(stand: Stand) -> None:
    """Without --yes, by the environment's leave, on a live one too; read back, recorded, and nobody is paged."""
    stand.declare("rollback", live=True)
    pages: list[str] = []
    began = time.monotonic()
    rolled = rolled_by_itself(stand, pages=pages)
    assert time.monotonic() - began < 30  # of the 45 s that it has
    assert (rolled.done, pages) == (True, [])
    assert rolled.text == f"rollback: GO  in force: {OLD} 100 %"
    assert stand.split == {OLD: 100}
    (path,) = stand.records
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept["who"] == {"by": "the watch", "owner": "Operations"}
    assert (kept["done"], kept["after"]["split"], kept["before"]["split"]) == (True, {OLD: 100}, {OLD: 95, NEW: 5})


def test_a_watch_takes_nothing_back_twice(stand: Stand) -> None:
    """Somebody was faster, by hand and without a record: the canary has no traffic, and what serves stays."""
    stand.declare("rollback")
    stand.play("rolled-back")
    before = stand.split
    rolled = rolled_by_itself(stand)
    assert rolled.done
    assert "it stands already" in rolled.text
    assert (stand.updates, stand.split) == (0, before)


def test_a_watch_without_leave_changes_nothing_and_pages(stand: Stand) -> None:
    """`rollback` has to stand among guards.actions, on any environment; it is told before a watch begins, too."""
    stand.declare("traffic", "metrics-reset")
    pages: list[str] = []
    rolled = rolled_by_itself(stand, pages=pages)
    assert not rolled.done
    assert pages == [rolled.text]
    assert "mine does not allow the action 'rollback' (guards.actions: traffic, metrics-reset)" in rolled.text
    assert not stand.calls
    environment = load_environment("mine", stand.root / "environments", root=stand.root)
    with pytest.raises(SafetyRefusal):
        check_roll_back(environment)
    allowed = replace(environment, guards=replace(environment.guards, actions=("rollback",)))
    check_roll_back(allowed)
    with pytest.raises(ConfigError, match="mine has no traffic to split"):
        check_roll_back(replace(allowed, back_ends={}))


@pytest.mark.parametrize("fault", ["update-denied", "update-fails-late", "cloud-run-denied"])
def test_a_rollback_by_itself_that_fails_pages_once(stand: Stand, fault: str) -> None:
    """One page, with what went wrong."""
    stand.declare("rollback")
    stand.play("stage-5", fault)
    pages: list[str] = []
    rolled = rolled_by_itself(stand, pages=pages)
    assert not rolled.done
    assert pages == [rolled.text]
    assert rolled.text.startswith("rollback: ")
    assert stand.split == {OLD: 95, NEW: 5}


def test_a_cloud_run_that_hangs_is_asked_again_and_given_up_in_time(stand: Stand) -> None:
    """It is read several times within half of the time, then it is paged; nothing was sent."""
    stand.declare("rollback", timeout="100ms")
    stand.play("stage-5", "cloud-run-hangs")
    pages: list[str] = []
    began = time.monotonic()
    rolled = rolled_by_itself(stand, pages=pages, within=timedelta(seconds=3))
    assert time.monotonic() - began < 30
    assert pages == [rolled.text]
    assert "DEADLINE_EXCEEDED" in rolled.text or "ran out" in rolled.text
    assert stand.calls["get_service"] >= 2
    assert stand.updates == 0


def test_whatever_goes_wrong_is_paged(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what nobody thought of."""
    stand.declare("rollback")

    def broken(*_: object) -> Standing:
        raise RuntimeError("no such thing")

    monkeypatch.setattr("gonogo.flows.rollout.roll.plan_here", broken)
    pages: list[str] = []
    assert not rolled_by_itself(stand, pages=pages).done
    assert pages == ["rollback: RuntimeError: no such thing"]
