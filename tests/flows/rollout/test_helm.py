"""A Helm release on the rehearsal's cluster: promoted, given a share, taken back; what is sent, kept, told to Helm."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.helm_stand import CANARY, OPERATOR, READER, REHEARSAL, STABLE, HelmStand

from gonogo.cli import main
from gonogo.config.environment import load_environment
from gonogo.config.faults import load_faults
from gonogo.flows.rollout import Ended, Rolled, check_roll_back, roll, roll_back
from gonogo.flows.rollout_order import take_order
from gonogo.flows.rollout_plan import NotSeen
from gonogo.flows.standing import standing
from gonogo.judges.rollout_plan import Verb
from gonogo.model.errors import ConfigError, ExitStatus, SafetyRefusal
from gonogo.reporting.files import NotKept

GO, NO_GO, HOLD = ExitStatus.GO, ExitStatus.NO_GO, ExitStatus.HOLD
BRIEF = timedelta(seconds=1)
SECRETS = ("not-to-be-seen", OPERATOR, "never to be seen")


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HelmStand]:
    one = HelmStand(tmp_path, monkeypatch)
    yield one
    one.server.close()


def apply(stand: HelmStand, to: str = "100", **more: Any) -> Ended:
    return roll(take_order(stand.asked(to, **more), Verb.APPLY))


def rollback(stand: HelmStand, to: str | None = None, **more: Any) -> Ended:
    return roll(take_order(stand.asked(to, **more), Verb.ROLLBACK))


@pytest.mark.parametrize("verb", Verb)
def test_a_dry_run_only_reads(stand: HelmStand, monkeypatch: pytest.MonkeyPatch, verb: Verb) -> None:
    """The reader's token is enough; requests and command lines are shown, and no value of the release."""
    monkeypatch.setenv("SHOP_KUBERNETES_TOKEN", OPERATOR)
    ended = roll(take_order(stand.asked("100" if verb is Verb.APPLY else None, yes=None), verb))
    assert ended.status is GO
    assert {method for method, *_ in stand.calls} == {"GET"}
    document = ended.document
    assert document["before"]["split"] == {"v1.3.9": 90, "v1.4.0": 10}
    assert document["calls"][0]["method"] == "POST"
    assert all(one in document["commands"][0] for one in ("helm ", STABLE, "--namespace production"))
    assert document["commands"][1].startswith("kubectl --namespace production patch ")
    assert f"gonogo rollout {verb} --env mine" in document["said"]
    assert not any(one in json.dumps(document) for one in SECRETS)
    assert stand.records == []


def test_a_promotion(stand: HelmStand, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Stable runs the new image on every pod, the canary has no share, Helm's history tells it, so does the record."""
    monkeypatch.chdir(stand.root)
    assert main(["rollout", "apply", "--env", "mine", "--to", "100", "--yes", "mine"]) == 0
    page = capsys.readouterr().out
    assert "now       v1.3.9 90 %, v1.4.0 10 % (tag canary)\nplanned   v1.4.0 100 %\nsets      Deployment" in page
    assert "GO  in force: v1.4.0 100 %\nkept in " in page
    assert (stand.tag(), stand.tag(CANARY), stand.weight) == ("v1.4.0", "v1.4.0", 0)
    assert stand.history[-2:] == [
        (7, "superseded", "Upgrade complete"),
        (8, "deployed", "Promotion of v1.4.0 (gonogo)"),
    ]
    assert stand.writes == {
        ("POST", "secrets"): 1,
        ("PATCH", "deployments"): 1,
        ("PATCH", "ingresses"): 1,
        ("PATCH", "secrets"): 2,
    }
    assert stand.calls["PATCH", "deployments", "dry"] == stand.calls["PATCH", "ingresses", "dry"] == 1
    (path,) = stand.records
    kept = json.loads(path.read_text(encoding="utf-8"))
    assert (kept["done"], kept["previous"], kept["after"]["split"]) == (True, "v6", {"v1.4.0": 100})
    assert kept["who"] == {"by": "the command line", "owner": "Operations"}
    assert not any(one in text for one in SECRETS for text in (page, path.read_text(encoding="utf-8")))


def test_the_revision_is_one_that_helm_would_have_written(stand: HelmStand) -> None:
    """Values, chart and manifest as they stand; what is not touched keeps its very text; the values are all there."""
    before = stand.record(7)
    apply(stand)
    after = stand.record(8)
    assert after["config"] == {
        "image": {"tag": "v1.4.0"},
        "database": {"password": "not-to-be-seen"},
        "canary": {"enabled": True, "weight": 0, "image": {"tag": "v1.4.0"}},
    }
    assert after["chart"] == before["chart"]
    assert set(after["info"]) == set(before["info"])
    old, new = before["manifest"].splitlines(), after["manifest"].splitlines()
    assert len(old) == len(new)
    changed = [(a.strip(), b.strip()) for a, b in zip(old, new, strict=True) if a != b]
    assert [one for one in changed if "canary-weight" in one[0]] == [
        ("nginx.ingress.kubernetes.io/canary-weight: '10'", "nginx.ingress.kubernetes.io/canary-weight: '0'")
    ]
    assert [(a.rpartition(":")[2], b.rpartition(":")[2]) for a, b in changed if "image:" in a] == [("v1.3.9", "v1.4.0")]
    assert len(changed) == 2
    assert apply(stand, yes=None).document["said"].startswith("GO  it stands already: v1.4.0 100 %")


def test_a_share_and_back(stand: HelmStand) -> None:
    """Only the weight; a part of the way back, and none at all."""
    assert apply(stand, "50").status is GO
    assert (stand.weight, stand.tag(), stand.record(8)["config"]["canary"]["weight"]) == (50, "v1.3.9", 50)
    assert rollback(stand, "10").status is GO
    assert stand.weight == 10
    assert rollback(stand, "50", yes=None).document["why"] == (
        "the canary has 10 % now: to give it 50 % is no way back"
    )
    assert rollback(stand, "0").status is GO
    assert (stand.weight, stand.history[-1]) == (0, (10, "deployed", "Canary weight 0 % (gonogo)"))
    assert stand.calls["PATCH", "deployments"] == 0


def test_a_promotion_is_taken_back_once(stand: HelmStand) -> None:
    """To the revision before the canary, not to the one that gave it 10 %; a second time nothing is sent."""
    apply(stand)
    ended = rollback(stand)
    assert ended.status is GO
    assert (stand.tag(), stand.tag(CANARY), stand.weight) == ("v1.3.9", "v1.4.0", 0)
    assert stand.history[-1] == (9, "deployed", "Rollback to 6, canary weight 0 % (gonogo)")
    assert ended.document["previous"] == "v8"
    assert stand.record(9)["config"]["image"] == {"tag": "v1.3.9"}
    sent = stand.writes.total()
    assert "it stands already" in rollback(stand).document["said"]
    assert stand.writes.total() == sent
    assert rollback(stand, "v8").status is GO
    assert stand.tag() == "v1.4.0"


def test_after_helms_own_promotion(stand: HelmStand) -> None:
    """Deployed by helm itself, without canary objects: back to what was before it."""
    stand.play("deployed")
    ended = rollback(stand)
    assert (ended.status, stand.tag()) == (GO, "v1.3.9")
    assert ended.document["notes"] == ["v7 is passed over: it gave the canary traffic"]
    assert stand.history[-1] == (9, "deployed", "Rollback to 6 (gonogo)")


@pytest.mark.parametrize("verb", Verb)
def test_guards(stand: HelmStand, verb: Verb) -> None:
    """The name, and the action on a live environment; nothing is asked."""
    with pytest.raises(SafetyRefusal, match="--yes is the name of the environment, mine"):
        take_order(stand.asked(yes="yours"), verb)
    stand.declare("learning-rollback")
    path = stand.root / "environments" / "mine.yaml"
    live = path.read_text(encoding="utf-8").replace("live: false", "live: true").replace("http://127", "https://127")
    path.write_text(live, encoding="utf-8")
    with pytest.raises(SafetyRefusal, match=r"does not allow the action '(traffic|rollback)'"):
        take_order(stand.asked(), verb)
    assert not stand.calls


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
        ("rollout-stuck", NO_GO, "asked for, and not in force within 1s: .*: 1 of 4 new", ("v1.4.0", 0, (8, "failed"))),
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


def _refusing(status: int) -> Any:
    from http_server import Reply

    return lambda _: Reply(status=status, body={"kind": "Status", "message": "no"})


def test_a_reader_cannot_change_anything(stand: HelmStand, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that may only look: refused by the server before anything was done."""
    monkeypatch.setenv("SHOP_KUBERNETES_TOKEN", READER)
    with pytest.raises(NotSeen, match="403"):
        apply(stand)
    assert not stand.writes


def test_an_account_of_its_own_for_changes(stand: HelmStand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking has the reader's token, a rollout that of back end kubernetes_operator; all else is the same."""
    monkeypatch.setenv("SHOP_KUBERNETES_TOKEN", READER)
    monkeypatch.setenv("SHOP_OPERATOR_TOKEN", OPERATOR)
    path = stand.root / "environments" / "mine.yaml"
    own = "back_ends:\n  kubernetes_operator: {auth: {kind: bearer, secret: SHOP_OPERATOR_TOKEN}}\n"
    path.write_text(path.read_text(encoding="utf-8").replace("back_ends:\n", own), encoding="utf-8")
    assert apply(stand).status is GO
    assert stand.tag() == "v1.4.0"


def test_the_role_of_the_documentation_is_enough() -> None:
    """These tests play with the rules of ClusterRole gonogo-operator, and no others."""
    from factory.kubernetes_roles import READER as LOOKING
    from factory.kubernetes_roles import ROLLOUT

    page = (REHEARSAL.parents[1] / "docs" / "how-to" / "roll-out-and-back.md").read_text(encoding="utf-8")
    texts = page.split("```yaml\n")[1:]
    role = next(text.partition("```")[0] for text in texts if "name: gonogo-operator" in text)
    assert [*LOOKING, *yaml.safe_load(role)["rules"]] == [dict(rule) for rule in ROLLOUT]


@pytest.mark.parametrize(
    ("to", "verb", "message"),
    [
        ("7", Verb.APPLY, r"--to 7 is no stage of mine \(rollout.stages: 10, 50, 100\)"),
        ("0", Verb.APPLY, "--to 0 is no stage"),
        ("v1.4.0", Verb.ROLLBACK, "--to is a percentage or a revision of the release, like v6, not 'v1.4.0'"),
        ("judgment-service", Verb.ROLLBACK, "--to is a percentage or a revision of the release"),
    ],
)
def test_a_wish_that_is_none(stand: HelmStand, to: str, verb: Verb, message: str) -> None:
    """Bad input is one line, and nothing is sent."""
    with pytest.raises(ConfigError, match=message):
        take_order(stand.asked(to), verb)
    assert not stand.calls


def test_an_environment_that_names_no_release(stand: HelmStand) -> None:
    """It says what is missing."""
    path = stand.root / "environments" / "mine.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("production: production, ", ""), encoding="utf-8")
    with pytest.raises(ConfigError, match="mine has no release to roll out: back end kubernetes with"):
        take_order(stand.asked(), Verb.ROLLBACK)


def test_what_cannot_be_recorded_is_not_begun_and_a_rollback_is(stand: HelmStand) -> None:
    """As on Cloud Run."""
    (stand.root / "reports").write_text("in the way", encoding="utf-8")
    with pytest.raises(NotKept, match="nothing was changed"):
        apply(stand)
    assert not stand.writes
    assert rollback(stand).status is GO
    assert stand.weight == 0


def rolled_by_itself(stand: HelmStand, pages: list[str]) -> Rolled:
    environment = load_environment("mine", stand.root / "environments", root=stand.root)
    with standing(environment, stand.root) as where:
        return roll_back(where, root=stand.root, reports=stand.root / "reports" / "out", page=pages.append)


def test_a_watch_rolls_back_by_itself(stand: HelmStand) -> None:
    """Without --yes, by the environment's leave; the users are off the canary, and nothing is taken back twice."""
    stand.declare("rollback")
    pages: list[str] = []
    rolled = rolled_by_itself(stand, pages)
    assert (rolled.done, rolled.text, pages) == (True, "rollback: GO  in force: v1.3.9 100 %", [])
    assert (stand.weight, stand.history[-1][2]) == (0, "Rollback to 6, canary weight 0 % (gonogo)")
    again = rolled_by_itself(stand, pages)
    assert again.done
    assert "it stands already" in again.text
    stand.declare("traffic")
    environment = load_environment("mine", stand.root / "environments", root=stand.root)
    with pytest.raises(SafetyRefusal):
        check_roll_back(environment)
    assert not rolled_by_itself(stand, pages).done
    assert len(pages) == 1
