"""Changes of a Helm release that go wrong: what is done then, what is told, and what Helm's history says."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.helm_stand import CANARY, OPERATOR, READER, REHEARSAL, STABLE, HelmStand, apply, rollback

from gonogo.config.faults import load_faults
from gonogo.flows.rollout.order import take_order
from gonogo.flows.rollout.plan import NotSeen
from gonogo.flows.rollout.roll import roll
from gonogo.judges.plans.rollout import Verb
from gonogo.model.errors import ExitStatus
from gonogo.model.helm import WEIGHT
from gonogo.reporting.files import NotKept

GO, NO_GO, HOLD = ExitStatus.GO, ExitStatus.NO_GO, ExitStatus.HOLD
BRIEF = timedelta(seconds=3)
SECRETS = ("not-to-be-seen", OPERATOR, "never to be seen")


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HelmStand]:
    one = HelmStand(tmp_path, monkeypatch)
    yield one
    one.server.close()


def test_every_fault_of_a_rollout_is_met() -> None:
    """What faults.yaml names for apply, rollback and rule-deployment stands in the tables of these tests."""
    faults = load_faults(REHEARSAL / "factory" / "faults.yaml")
    folder = Path(__file__).parent
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("test_*.py")))
    named = {(fault, verb) for fault, one in faults.items() for verb in one.rollout}
    assert {verb for _, verb in named} >= {"apply", "rollback"}
    assert {fault for fault, _ in named if f'("{fault}", ' not in text} == set()


@pytest.mark.parametrize(
    ("fault", "status", "said", "after"),
    [
        ("rollout-denied", NO_GO, "not changed: PATCH .*403: .*cannot patch", ("v1.3.9", 10, (7, "deployed"))),
        ("rollout-conflict", NO_GO, "changed since it was read; .*again: v1.4.0 100 %", ("v1.3.9", 10, (8, "failed"))),
        ("rollout-unavailable-twice", NO_GO, "not changed: PATCH .*503", ("v1.3.9", 10, (8, "failed"))),
        ("rollout-answer-lost", GO, "in force: v1.4.0 100 %", ("v1.4.0", 0, (8, "deployed"))),
        ("rollout-stuck", NO_GO, "asked for, and not in force within 3s: .*: 1 of 4 new", ("v1.4.0", 0, (8, "failed"))),
        ("helm-history-empty", NO_GO, "Helm has no history of judgment-service in production", ("v1.3.9", 10, None)),
    ],
)  # fmt: skip
def test_a_promotion_that_goes_wrong(
    stand: HelmStand, fault: str, status: ExitStatus, said: str, after: tuple[str, int, tuple[int, str] | None]
) -> None:
    """Nothing is sent twice; it says what became of it by reading back, and so does Helm's history."""
    stand.play("canary", fault)
    ended = apply(stand, within=BRIEF)
    assert ended.status is status, ended.document["said"]
    assert re.search(said, ended.document["said"])
    assert (stand.tag(), stand.weight, stand.history[-1][:2] if stand.history else None) == after
    if fault == "rollout-conflict":
        assert apply(stand).status is GO  # planned again, beside the revision that failed
        assert stand.history[-2:] == [
            (8, "failed", stand.history[-2][2]),
            (9, "deployed", "Promotion of v1.4.0 (gonogo)"),
        ]
    if fault == "rollout-stuck":
        assert "`gonogo rollout rollback --env mine --yes mine` goes back to v6" in ended.document["said"]
        stand.world = type(stand.world)("canary", frozenset(), stand.world.now, stand.world.release)
        assert rollback(stand).status is GO
        assert (stand.tag(), stand.history[-1][1]) == ("v1.3.9", "deployed")


@pytest.mark.parametrize(
    ("fault", "status", "said", "weight"),
    [
        ("rollout-denied", NO_GO, "not changed: PATCH .*403", 10),
        ("rollout-conflict", GO, "in force: v1.3.9 100 %", 0),
        ("rollout-unavailable-twice", GO, "in force: v1.3.9 100 %", 0),
        ("rollout-answer-lost", GO, "in force: v1.3.9 100 %", 0),
        ("helm-history-empty", NO_GO, "Helm has no history", 10),
    ],
)
def test_a_rollback_that_goes_wrong_is_tried_again(
    stand: HelmStand, fault: str, status: ExitStatus, said: str, weight: int
) -> None:
    """What may pass is tried again on what is read anew; a refusal is told at once, with whom to call."""
    stand.play("canary", fault)
    ended = rollback(stand, within=timedelta(seconds=10))
    assert ended.status is status, ended.document["said"]
    assert re.search(said, ended.document["said"])
    assert stand.weight == weight
    if status is GO:
        assert stand.history[-1][1] == "deployed"
        assert [one[1] for one in stand.history].count("deployed") == 1


def test_a_rollback_of_pods_that_never_get_ready_is_no_go(stand: HelmStand) -> None:
    """As `kubectl rollout status` decides: the share is back at once, the rollout is not complete."""
    apply(stand)
    stand.world = type(stand.world)("canary", frozenset({"rollout-stuck"}), stand.world.now, stand.world.release)
    ended = rollback(stand, within=BRIEF)
    assert ended.status is NO_GO
    assert "traffic is v1.3.9 100 %; judgment-service: 1 of 4 new replicas" in (ended.document["said"])
    assert "call Kim, slack:@kim, 09:00-18:00" in ended.document["notes"]
    assert stand.history[-1][1] == "failed"


@pytest.mark.parametrize("plural", ["deployments", "ingresses", "secrets"])
def test_somebody_else_was_faster(stand: HelmStand, plural: str) -> None:
    """Any of the objects that were planned on: nothing is done, it says what is there now and plans on that."""
    names = {"deployments": STABLE, "ingresses": CANARY, "secrets": f"sh.helm.release.v1.{STABLE}.v7"}

    def meddle(what: str) -> None:
        if ": PATCH" in what:
            found = stand.store.get(plural, "production", names[plural])
            assert found is not None
            stand.store.put(plural, found)

    ended = roll(take_order(stand.asked("100"), Verb.APPLY), tell=meddle)
    assert ended.status is NO_GO
    assert "was changed since it was read" in ended.document["said"]
    assert (stand.tag(), stand.weight, stand.writes) == ("v1.3.9", 10, {})
    assert len(stand.history) == 3


def test_two_at_once_are_one(stand: HelmStand) -> None:
    """Somebody began the next revision: Helm's own lock, its name, is taken."""

    def meddle(what: str) -> None:
        if ": PATCH" in what:
            found = stand.store.get("secrets", "production", f"sh.helm.release.v1.{STABLE}.v7")
            assert found is not None
            name = f"sh.helm.release.v1.{STABLE}.v8"
            stand.store.put("secrets", {**found, "metadata": {**found["metadata"], "name": name, "labels": {}}})

    ended = roll(take_order(stand.asked("100"), Verb.APPLY), tell=meddle)
    assert ended.status is NO_GO
    assert (stand.tag(), stand.weight, stand.writes) == ("v1.3.9", 10, {("POST", "secrets"): 1})


def test_a_part_that_was_done_is_told(stand: HelmStand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Deployment was set and the Ingress refused: it says so, and Helm's history has a failed revision."""
    answer = stand._answer

    def refuses(call: Any) -> Any:
        if call.method == "PATCH" and "ingresses" in call.path and "dryRun" not in call.query:
            from http_server import Reply

            return Reply(status=422, body={"message": "admission webhook denied the request"})
        return answer(call)

    monkeypatch.setattr(stand, "_answer", refuses)
    ended = apply(stand)
    assert ended.status is NO_GO
    assert "admission webhook denied the request; done before that: judgment-service" in ended.document["said"]
    assert "`gonogo rollout rollback --env mine --yes mine` goes back to v6" in ended.document["said"]
    assert (stand.tag(), stand.weight, stand.history[-1][1]) == ("v1.4.0", 10, "failed")
    assert "done before that" in stand.history[-1][2]


def test_a_history_that_cannot_be_closed_is_no_go_ahead(stand: HelmStand, monkeypatch: pytest.MonkeyPatch) -> None:
    """In force, and Helm still has it under way: HOLD, since Helm would refuse the next upgrade."""
    answer = stand._answer

    def refuses(call: Any) -> Any:
        if call.method == "PATCH" and "secrets" in call.path:
            from http_server import Reply

            return Reply(status=403, body={"message": "no"})
        return answer(call)

    monkeypatch.setattr(stand, "_answer", refuses)
    ended = apply(stand)
    assert ended.status is HOLD
    assert "in force: v1.4.0 100 %; Helm's history still has revision 8 under way" in ended.document["said"]


@pytest.mark.parametrize(
    ("fault", "said"), [("kubernetes-token-expired", "401"), ("secrets-denied", "403"), ("kubernetes-down", "refused")]
)
def test_what_cannot_be_seen_is_hold(stand: HelmStand, fault: str, said: str) -> None:
    """Nothing is planned on what was not seen."""
    stand.play("canary", fault)
    if fault == "kubernetes-down":
        stand.server.open(False)
    else:
        stand._answer = _refusing(int(said))
    with pytest.raises(NotSeen, match=said):
        apply(stand)
    assert not stand.writes


def _set(stand: HelmStand, plural: str, name: str, change: Any) -> None:
    found = copy.deepcopy(stand.store.get(plural, "production", name))
    assert found is not None
    change(found)
    stand.store.put(plural, found)


@pytest.mark.parametrize(
    ("plural", "name", "change", "said"),
    [
        ("ingresses", CANARY, lambda one: one["metadata"]["annotations"].update({f"{WEIGHT}-total": "1000"}),
         "its canary weight is of '1000', not of 100"),
        ("ingresses", CANARY, lambda one: one["metadata"]["annotations"].update({WEIGHT: "ten"}), "no percentage"),
        ("deployments", STABLE, lambda one: one.pop("spec"), "malformed: KeyError"),
        ("secrets", f"sh.helm.release.v1.{STABLE}.v6", lambda one: one["data"].update({"release": "AAAA"}),
         "is no record of Helm"),
        ("secrets", f"sh.helm.release.v1.{STABLE}.v6", lambda one: one.update({"data": {}}), "holds no release"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_hold(stand: HelmStand, plural: str, name: str, change: Any, said: str) -> None:
    """Nothing is planned on an object that does not read."""
    _set(stand, plural, name, change)
    with pytest.raises(NotSeen, match=said):
        rollback(stand)
    assert not stand.writes


def _refusing(status: int, message: str = "no") -> Any:
    from http_server import Reply

    return lambda _: Reply(status=status, body={"kind": "Status", "message": message})


def test_a_reader_cannot_change_anything(stand: HelmStand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that may only look: refused by the server before anything was done."""
    monkeypatch.setenv("SHOP_KUBERNETES_TOKEN", READER)
    with pytest.raises(NotSeen, match="403"):
        apply(stand)
    assert not stand.writes


def test_what_cannot_be_recorded_is_not_begun_and_a_rollback_is(stand: HelmStand) -> None:
    """As on Cloud Run."""
    (stand.root / "reports").write_text("in the way", encoding="utf-8")
    with pytest.raises(NotKept, match="nothing was changed"):
        apply(stand)
    assert not stand.writes
    assert rollback(stand).status is GO
    assert stand.weight == 0


@pytest.mark.parametrize(("message", "status"), [("admission webhook x does not support dry run", GO), ("no", NO_GO)])
def test_a_webhook_that_takes_no_trials(
    stand: HelmStand, monkeypatch: pytest.MonkeyPatch, message: str, status: ExitStatus
) -> None:
    """It says nothing of the change, which is bound to what was read all the same; any other refusal counts."""
    answer = stand._answer

    def refuses(call: Any) -> Any:
        return _refusing(400, message)(call) if "dryRun" in call.query else answer(call)

    monkeypatch.setattr(stand, "_answer", refuses)
    assert rollback(stand).status is status
    assert stand.weight == (0 if status is GO else 10)
