"""A Helm release on the rehearsal's cluster: promoted, given a share, taken back; what is sent, kept, told to Helm."""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from tests.helm_stand import CANARY, OPERATOR, READER, REHEARSAL, STABLE, HelmStand, apply, rollback
from tests.helm_states import HISTORY, state

from gonogo.cli import main
from gonogo.config.environment import load_environment
from gonogo.flows.rollout.order import take_order
from gonogo.flows.rollout.roll import Rolled, check_roll_back, roll, roll_back
from gonogo.flows.standing import standing
from gonogo.judges.helm.plan import plan_helm
from gonogo.judges.plans.rollout import Verb, Wish
from gonogo.model.errors import ConfigError, ExitStatus, SafetyRefusal
from gonogo.model.helm import WEIGHT, HelmChange, Patch
from gonogo.probes.helm.rollout import kubectl_lines
from gonogo.probes.helm.storage import _packed, document_of

GO, NO_GO, HOLD = ExitStatus.GO, ExitStatus.NO_GO, ExitStatus.HOLD
BRIEF = timedelta(seconds=3)
SECRETS = ("not-to-be-seen", OPERATOR, "never to be seen")


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HelmStand]:
    one = HelmStand(tmp_path, monkeypatch)
    yield one
    one.server.close()


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
    assert kept["after"]["history"][0]["status"] == "deployed"
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


def test_another_canary_of_the_release_is_left_alone(stand: HelmStand) -> None:
    """A release of several services: only the Ingress that leads to this canary is set."""
    for plural in ("deployments", "ingresses"):
        found = copy.deepcopy(stand.store.get(plural, "production", CANARY))
        assert found is not None
        found["metadata"]["name"] = "bi-service-canary"
        if plural == "ingresses":
            backend = found["spec"]["rules"][0]["http"]["paths"][0]["backend"]
            backend["service"]["name"] = "bi-service-canary"
        stand.store.put(plural, found)
    newest = stand.store.get("secrets", "production", f"sh.helm.release.v1.{STABLE}.v7")
    assert newest is not None
    document = document_of(newest)
    parts = [part for part in document["manifest"].split("---\n") if part]
    parts += [part.replace(CANARY, "bi-service-canary") for part in parts if "kind: Ingress" in part and CANARY in part]
    document["manifest"] = "".join(f"---\n{part}" for part in parts)
    stand.store.put("secrets", {**newest, "data": {"release": _packed(document)}})
    assert apply(stand, "50").status is GO
    other = stand.store.get("ingresses", "production", "bi-service-canary")
    assert other is not None
    assert (stand.weight, other["metadata"]["annotations"][WEIGHT]) == (50, "10")


def test_an_account_of_its_own_for_changes(stand: HelmStand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking has the reader's token, a rollout that of back end kubernetes_operator; all else is the same."""
    monkeypatch.setenv("SHOP_KUBERNETES_TOKEN", READER)
    monkeypatch.setenv("SHOP_OPERATOR_TOKEN", OPERATOR)
    path = stand.root / "environments" / "mine.yaml"
    own = "back_ends:\n  kubernetes_operator: {auth: {kind: bearer, secret: SHOP_OPERATOR_TOKEN}}\n"
    path.write_text(path.read_text(encoding="utf-8").replace("back_ends:\n", own), encoding="utf-8")
    monkeypatch.delenv("SHOP_OPERATOR_TOKEN")
    looked = roll(take_order(stand.asked("100", yes=None), Verb.APPLY))
    assert looked.status is GO
    assert looked.document["before"]["split"] == {"v1.3.9": 90, "v1.4.0": 10}
    with pytest.raises(ConfigError, match="the variable SHOP_OPERATOR_TOKEN is not set"):
        apply(stand)
    monkeypatch.setenv("SHOP_OPERATOR_TOKEN", OPERATOR)
    changed = apply(stand)
    assert changed.status is GO
    assert changed.document["before"] == looked.document["before"]
    assert stand.tag() == "v1.4.0"


def test_the_role_of_the_documentation_is_enough() -> None:
    """These tests play with the rules of ClusterRole gonogo-operator, and no others."""
    from factory.cluster.roles import READER as LOOKING
    from factory.cluster.roles import ROLLOUT

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


def test_what_stands_and_serves_nobody_is_no_go(stand: HelmStand) -> None:
    """Taken back already, and no pod of it is there: nothing is sent, it is no GO, and somebody is paged."""
    stand.declare("rollback")
    assert rollback(stand).status is GO
    live = stand.store.get("deployments", "production", STABLE)
    assert live is not None
    stand.store.put("deployments", {**live, "status": {**live["status"], "availableReplicas": 0}})
    sent = stand.writes.total()
    for ended in (rollback(stand), rollback(stand, yes=None)):
        assert ended.status is NO_GO
        assert ended.document["said"] == (
            "NO-GO  it stands already: v1.3.9 100 %, but judgment-service has no pod; nothing was changed"
        )
    pages: list[str] = []
    assert (rolled_by_itself(stand, pages).done, len(pages), stand.writes.total()) == (False, 1, sent)


def test_annotations_and_replicas_go_back_too(stand: HelmStand) -> None:
    """What the newest revision set of a Deployment beside its image is what it was, on the wire as on paper."""
    newest = stand.store.get("secrets", "production", f"sh.helm.release.v1.{STABLE}.v7")
    live = stand.store.get("deployments", "production", STABLE)
    assert newest is not None
    assert live is not None
    document = document_of(newest)
    text = document["manifest"].replace("annotations: {}", "annotations:\n    owner: b", 1)
    document["manifest"] = text.replace("replicas: 4", "replicas: 5", 1)
    stand.store.put("secrets", {**newest, "data": {"release": _packed(document)}})
    metadata = {**live["metadata"], "annotations": {**live["metadata"]["annotations"], "owner": "b"}}
    stand.store.put("deployments", {**live, "metadata": metadata, "spec": {**live["spec"], "replicas": 5}})
    ended = rollback(stand)
    assert ended.status is GO
    assert "replicas 5 -> 4; annotations owner" in ended.document["plan"]["sets"][1]
    after = stand.store.get("deployments", "production", STABLE)
    assert after is not None
    assert (after["spec"]["replicas"], "owner" in after["metadata"]["annotations"]) == (4, False)
    assert "owner" not in stand.record(8)["manifest"]


def test_a_command_line_says_what_is_set_whatever_stands_in_it() -> None:
    """An annotation may hold a quote, and what follows it is no command."""
    patch = Patch(
        kind="Deployment",
        name=STABLE,
        version="7",
        what="",
        body={"metadata": {"annotations": {"note": "it's; echo x"}}},
    )
    (line,) = kubectl_lines(state(*HISTORY), replace(planned_back(), patches=(patch,)))
    words = shlex.split(line)
    assert json.loads(words[-1])["metadata"]["annotations"] == {"note": "it's; echo x"}


def planned_back() -> HelmChange:
    change = plan_helm(state(*HISTORY), Wish(verb=Verb.ROLLBACK))
    assert isinstance(change, HelmChange)
    return change
