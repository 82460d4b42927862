"""Changes of traffic on the rehearsal's Cloud Run: what is sent, what is not, what is kept, and how it ends."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gonogo.config.faults import load_faults
from gonogo.flows.rollout.order import take_order
from gonogo.flows.rollout.plan import NotSeen
from gonogo.flows.rollout.roll import Ended, roll
from gonogo.judges.plans.rollout import Verb
from gonogo.model.errors import ConfigError, ExitStatus, SafetyRefusal
from gonogo.reporting.files import NotKept

if TYPE_CHECKING:
    from conftest import Stand

OLDER, OLD, NEW = "ion-api-00040-xyz", "ion-api-00041-abc", "ion-api-00042-def"
GO, NO_GO, HOLD = ExitStatus.GO, ExitStatus.NO_GO, ExitStatus.HOLD
BRIEF = timedelta(seconds=3)


def apply(stand: Stand, to: str | None = None, **more: Any) -> Ended:
    return roll(take_order(stand.asked(to, **more), Verb.APPLY))


def rollback(stand: Stand, to: str | None = None, **more: Any) -> Ended:
    return roll(take_order(stand.asked(to, **more), Verb.ROLLBACK))


def test_a_plan_only_reads(stand: Stand) -> None:
    """Now, to come, the very request and its command line; nothing but reading reaches Cloud Run, nothing is kept."""
    ended = apply(stand, "25", yes=None)
    document = ended.document
    assert ended.status is GO
    assert document["before"]["split"] == {OLD: 95, NEW: 5}
    assert document["plan"]["split"] == {OLD: 75, NEW: 25}
    assert document["call"]["request"]["update_mask"] == {"paths": ["traffic"]}
    assert document["call"]["request"]["service"]["etag"] == document["before"]["etag"]
    assert [(one["percent"], one.get("tag")) for one in document["call"]["request"]["service"]["traffic"]] == [
        (75, None),
        (25, "canary"),
    ]
    assert document["gcloud"] == (
        f"gcloud run services update-traffic ion-api --to-revisions={OLD}=75,{NEW}=25 --region=us-central1"
        " --project=naeda-genesis"
    )
    assert document["notes"] == ["this skips 10 %"]
    assert (
        "nothing was changed; `gonogo rollout apply --env mine --to 25 --yes mine` makes the change" in document["said"]
    )
    assert set(stand.calls) == {"get_service", "list_revisions"}
    assert stand.split == {OLD: 95, NEW: 5}
    assert stand.records == []


@pytest.mark.parametrize("verb", Verb)
def test_nothing_is_sent_without_yes(stand: Stand, verb: Verb) -> None:
    """Without --yes every verb is a dry run: Cloud Run gets no change, also where nothing else stands in its way."""
    stand.declare("traffic", "rollback")
    ended = roll(take_order(stand.asked(yes=None), verb))
    assert ended.status is GO
    assert not ended.document["done"]
    assert stand.updates == 0
    assert set(stand.calls) == {"get_service", "list_revisions"}


@pytest.mark.parametrize("yes", ["", "Mine", "mine ", "yes", "local", "ion-prod"])
@pytest.mark.parametrize("verb", Verb)
def test_another_name_is_refused_before_any_packet(stand: Stand, verb: Verb, yes: str) -> None:
    """Only the environment's own name, letter by letter."""
    with pytest.raises(SafetyRefusal, match="--yes is the name of the environment, mine"):
        take_order(stand.asked(yes=yes), verb)
    assert not stand.calls


@pytest.mark.parametrize(
    ("verb", "actions"), [(Verb.APPLY, ("rollback", "metrics-reset")), (Verb.ROLLBACK, ("traffic", "metrics-reset"))]
)
def test_a_live_environment_needs_its_own_leave(stand: Stand, verb: Verb, actions: tuple[str, ...]) -> None:
    """Both guards: the name, and the action among guards.actions; each verb has its own. A dry run says so."""
    stand.declare(*actions, live=True)
    with pytest.raises(SafetyRefusal, match=r"does not allow the action '(traffic|rollback)' \(guards.actions: "):
        take_order(stand.asked(), verb)
    assert not stand.calls
    dry = roll(take_order(stand.asked(yes=None), verb))
    assert "does not allow the action" in dry.document["refusals"][0]
    assert "makes the change" not in dry.document["said"]
    stand.declare("traffic", "rollback", live=True)
    assert roll(take_order(stand.asked(), verb)).status is GO
    assert stand.updates == 1


def test_apply(stand: Stand) -> None:
    """The split is in force with its tag, read back; the record says before, plan, call, after and where to go back."""
    ended = apply(stand, "10")
    assert ended.status is GO
    assert stand.split == {OLD: 90, NEW: 10}
    assert [(share.revision, share.tag) for share in stand.service.traffic if share.tag] == [(NEW, "canary")]
    assert stand.updates == 1
    assert stand.calls["get_operation"] >= 1
    (path,) = stand.records
    assert re.fullmatch(r"\d{8}T\d{6}Z-mine-rollout-[0-9a-f]{6}", path.parent.name)
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert kept == json.loads(json.dumps(ended.document))
    assert kept["before"]["split"] == {OLD: 95, NEW: 5}
    assert kept["after"]["split"] == kept["plan"]["split"] == {OLD: 90, NEW: 10}
    assert kept["call"]["method"] == "google.cloud.run.v2.Services.UpdateService"
    assert kept["previous"] == OLD
    assert kept["who"] == {"by": "the command line", "owner": "Operations"}
    assert kept["done"] is True
    assert kept["said"] == f"GO  in force: {OLD} 90 %, {NEW} 10 %"


def test_without_to_it_is_the_stage_of_the_environment(stand: Stand) -> None:
    """rollout.stage is 10."""
    assert apply(stand).document["plan"]["split"] == {OLD: 90, NEW: 10}


def test_what_stands_is_not_sent_again(stand: Stand) -> None:
    """The same stage once more is GO, and nothing is sent or kept."""
    ended = apply(stand, "5")
    assert ended.status is GO
    assert "it stands already" in ended.document["said"]
    assert (stand.updates, stand.records) == (0, [])


@pytest.mark.parametrize(
    ("to", "scene", "faults", "why"),
    [
        ("ion-api-00099-not", "stage-5", (), "there is no revision ion-api-00099-not (there is "),
        (OLDER, "stage-5", ("previous-revision-not-ready",), f"{OLDER} is not READY: "),
        ("10", "deployed", (), f"{NEW} is the newest READY revision and serves already"),
        ("10", "before", ("new-revision-missing",), f"{OLD} is the newest READY revision and serves already"),
    ],
)
def test_what_is_not_possible(stand: Stand, to: str, scene: str, faults: tuple[str, ...], why: str) -> None:
    """NO-GO with the reason; nothing is sent."""
    stand.play(scene, *faults)
    ended = apply(stand, to)
    assert ended.status is NO_GO
    assert why in ended.document["why"]
    assert ended.document["call"] is None
    assert stand.updates == 0


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("7", r"--to 7 is no stage of mine \(rollout.stages: 5, 10, 25, 50, 100\)"),
        ("0", "--to 0 is no stage"),
        ("999", "--to 999 is no stage"),
        ("5.5", "--to is a percentage or the name of a revision, not '5.5'"),
        ("-5", "--to is a percentage or the name of a revision"),
        ("", "--to is a percentage or the name of a revision"),
        ("../x", "--to is a percentage or the name of a revision"),
        ("A B", "--to is a percentage or the name of a revision"),
    ],
)
def test_a_wish_that_is_none(stand: Stand, to: str, message: str) -> None:
    """Bad input is one line, and nothing is sent."""
    with pytest.raises(ConfigError, match=message):
        take_order(stand.asked(to), Verb.APPLY)
    assert not stand.calls


def test_every_fault_of_a_rollout_is_met() -> None:
    """What faults.yaml names for apply and rollback stands in the tables of these tests."""
    folder = Path(__file__).parent
    faults = load_faults(folder.parents[2] / "environments" / "rehearsal" / "faults.yaml")
    files = {"apply": "test_rollout.py", "rollback": "test_rollback.py"}
    for verb, name in files.items():
        text = (folder / name).read_text(encoding="utf-8")
        named = {fault for fault, one in faults.items() if verb in one.rollout}
        assert named
        assert {fault for fault in named if f'("{fault}", ' not in text} == set()


@pytest.mark.parametrize(
    ("fault", "status", "said", "after"),
    [
        ("update-denied", NO_GO, "not changed: .*PERMISSION_DENIED", {OLD: 95, NEW: 5}),
        ("update-aborted-once", NO_GO, "changed since it was read; .* planned again: .* would be", {OLD: 95, NEW: 5}),
        ("update-unavailable-twice", NO_GO, "not changed: .*UNAVAILABLE", {OLD: 95, NEW: 5}),
        ("update-answer-lost", GO, "in force", {OLD: 75, NEW: 25}),
        ("update-fails-late", NO_GO, "not changed: .*INTERNAL: Route update failed", {OLD: 95, NEW: 5}),
        ("split-never-stands", NO_GO, "asked for, and not in force within 3s: traffic is", {OLD: 95, NEW: 5}),
        ("revision-fails-under-traffic", NO_GO, f"in force, but {NEW} is not READY", {OLD: 75, NEW: 25}),
    ],
)
def test_an_apply_that_goes_wrong(
    stand: Stand, fault: str, status: ExitStatus, said: str, after: dict[str, int]
) -> None:
    """It says what became of it by reading back, sends nothing twice, and keeps the record."""
    stand.play("stage-5", fault)
    ended = apply(stand, "25", within=BRIEF)
    assert ended.status is status
    assert re.search(said, ended.document["said"])
    assert stand.updates == 1
    assert stand.split == after
    (path,) = stand.records
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert (kept["done"], kept["after"]["split"]) == (status is GO, after)
    moved = fault in {"split-never-stands", "revision-fails-under-traffic"}
    assert ("gonogo rollout rollback --env mine --yes mine" in kept["said"]) is moved


def test_a_split_that_somebody_else_changed(stand: Stand) -> None:
    """What was planned on one split is never made of another: it says what is now, and plans on that."""

    def meddle(what: str) -> None:
        if what.startswith("UpdateService"):
            stand.service.generation += 1
            stand.service.traffic[0].percent, stand.service.traffic[1].percent = 50, 50

    ended = roll(take_order(stand.asked("10"), Verb.APPLY), tell=meddle)
    assert ended.status is NO_GO
    assert stand.split == {OLD: 50, NEW: 50}
    assert stand.updates == 1
    assert f"traffic is {OLD} 50 %, {NEW} 50 %; planned again: {OLD} 90 %, {NEW} 10 %" in ended.document["said"]


@pytest.mark.parametrize(
    ("fault", "status", "said"),
    [
        ("cloud-run-denied", HOLD, "PERMISSION_DENIED"),
        ("cloud-run-hangs", HOLD, "the deadline of"),
    ],
)
def test_a_service_that_cannot_be_seen(stand: Stand, fault: str, status: ExitStatus, said: str) -> None:
    """HOLD: nothing is planned on what was not seen."""
    stand.declare(timeout="200ms")
    stand.play("stage-5", fault)
    with pytest.raises(NotSeen, match=said) as caught:
        apply(stand, "10")
    assert caught.value.exit_status is status
    assert stand.updates == 0


def test_what_cannot_be_recorded_is_not_begun_and_a_rollback_is(stand: Stand) -> None:
    """No record, no way back: apply ends before it sends. A rollback does not wait for a disk."""
    (stand.root / "reports").write_text("in the way", encoding="utf-8")
    with pytest.raises(NotKept, match=r"the record cannot be kept .*; nothing was changed"):
        apply(stand, "10")
    assert stand.updates == 0
    ended = rollback(stand)
    assert ended.status is GO
    assert stand.split == {OLD: 100}
    assert any("cannot be kept" in note for note in ended.document["notes"])
