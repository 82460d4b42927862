"""Each cause of the four playbooks as a fault: the right one is named, and no other; what only looks like one is none.

One rehearsal, switched, and the checklist as `pytest -m incident` judges it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gonogo.flows.book import Book, Request, open_books
from gonogo.flows.judging import judge_all
from gonogo.flows.look import collect
from gonogo.flows.started import Starter
from gonogo.model.verdict import Outcome, Verdict

ROOT = Path(__file__).parents[2]
ITEMS = {
    "judgment": "fac-inc-judgment-down",
    "llm": "fac-inc-llm",
    "postgres": "fac-inc-postgres",
    "false-alarms": "fac-inc-false-alarms",
}
# Fault -> (the cause, its playbook, other playbooks whose trouble it explains).
CAUSES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "incident-oom": ("judgment-oom", "judgment", ()),
    "incident-pool": ("pool-exhausted", "judgment", ()),
    "incident-bad-code": ("bad-code", "judgment", ()),
    "redis-down": ("redis-down", "judgment", ()),
    "incident-llm-down": ("llm-down", "llm", ("judgment",)),
    "incident-llm-slow": ("llm-slow", "llm", ("judgment",)),
    "incident-db-slow": ("database-slow", "postgres", ("judgment",)),
    "incident-db-locks": ("database-locks", "postgres", ("judgment",)),
    "incident-db-connections": ("database-connections", "postgres", ("judgment",)),
    "incident-db-full": ("database-full", "postgres", ("judgment",)),
    "database-down": ("database-down", "postgres", ("judgment",)),
    "incident-false-alarms": ("rule-deploy", "false-alarms", ()),
    "rules-taken-back": ("rule-deploy-taken-back", "false-alarms", ()),
}
NEAR_MISSES = ("deployed-just-now", "rules-deployed-lately", "oom-yesterday", "nightly-job", "provider-incident")
BLIND = ("incident-db-full", "database-down")  # where the votes cannot be read, nobody knows of false alarms

Look = Callable[..., dict[str, Outcome]]


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """What `pytest -m incident --env factory-local` comes to with these faults."""
    out = tmp_path_factory.mktemp("out")
    book: Book = open_books(Request(root=ROOT, environments=("factory-local",), out=out))[0]
    starter = Starter(book.environment, book.root)
    try:
        starter.up("deployed", ())

        def one(*faults: str) -> dict[str, Outcome]:
            collected = collect(replace(book, faults=faults), ("incident",), starter=starter)
            now = max(evidence.ended for evidence in collected.evidence.values())
            return {o.check.id: o for o in judge_all(collected.plan, collected.evidence, now)}

        yield one
    finally:
        starter.end()


def named(outcomes: dict[str, Outcome]) -> dict[str, str]:
    """Playbook -> the cause that its item names."""
    return {
        playbook: finding.blame.name
        for playbook, item in ITEMS.items()
        for finding in outcomes[item].findings
        if finding.blame is not None and finding.blame.name is not None
    }


@pytest.mark.parametrize("fault", CAUSES)
def test_the_cause_is_named_and_no_other(look: Look, fault: str) -> None:
    """The item of its playbook fails with it; the trouble that it explains is told as that, and passes."""
    cause, playbook, explained = CAUSES[fault]
    outcomes = look(fault)
    assert named(outcomes) == {playbook: cause}
    assert outcomes[ITEMS[playbook]].verdict is Verdict.FAIL
    for other in set(ITEMS) - {playbook}:
        outcome = outcomes[ITEMS[other]]
        if other in explained:
            assert outcome.reason.startswith(f"explained by {cause} (playbook {playbook})"), outcome.reason
        if fault not in BLIND or other != "false-alarms":
            assert outcome.verdict is Verdict.PASS, outcome.reason
        assert all(finding.blame is None for finding in outcome.findings)
    # Only a comparison that was made speaks for taking rules back.
    assert (outcomes["fac-inc-simulate"].verdict is Verdict.FAIL) is (cause == "rule-deploy")


@pytest.mark.parametrize(
    ("fault", "also"),
    [
        ("incident-pool", "deployed-just-now"),
        ("incident-oom", "deployed-just-now"),
        ("incident-oom", "provider-incident"),
        ("incident-db-locks", "nightly-job"),
    ],
)
def test_what_happens_beside_is_not_blamed(look: Look, fault: str, also: str) -> None:
    """A deploy, a long query and an incident of the provider at the same time do not change the cause."""
    cause, playbook, _ = CAUSES[fault]
    assert named(look(fault, also)) == {playbook: cause}


@pytest.mark.parametrize("faults", [(), NEAR_MISSES], ids=["health", "near misses"])
def test_what_only_looks_like_a_cause(look: Look, faults: tuple[str, ...]) -> None:
    """A fresh deploy that is well, rules that nobody disputes, an old kill, the nightly job: all four pass."""
    outcomes = look(*faults)
    assert {item: outcomes[item].reason for item in ITEMS.values() if outcomes[item].verdict is not Verdict.PASS} == {}
    assert named(outcomes) == {}


@pytest.mark.parametrize(
    ("faults", "playbook", "verdict", "text"),
    [
        (("incident-unknown", "rules-deployed-lately"), "judgment", Verdict.FAIL, "no cause fits: "),
        (("mcp-hub-down",), "judgment", Verdict.PASS, "no judgment trouble"),
        (("database-cpu-96pct",), "postgres", Verdict.FAIL, "no cause fits: PostgreSQL uses"),
        (("votes-few",), "false-alarms", Verdict.INCONCLUSIVE, "n=2/10"),
        (("llm-recovering",), "llm", Verdict.INCONCLUSIVE, "not recovered yet: "),
        (("kubernetes-down", "incident-unknown"), "judgment", Verdict.FAIL, "no cause named: "),
        (("kubernetes-down",), "judgment", Verdict.INCONCLUSIVE, "not seen: "),
        (
            ("incident-llm-down", "incident-db-locks"),
            "llm",
            Verdict.FAIL,
            "not told apart: database-locks and llm-down",
        ),
    ],
)
def test_no_cause_is_named(look: Look, faults: tuple[str, ...], playbook: str, verdict: Verdict, text: str) -> None:
    """Trouble without a cause that fits, too few samples, what was not seen, and two causes at once name none."""
    outcomes = look(*faults)
    assert named(outcomes) == {}
    assert outcomes[ITEMS[playbook]].verdict is verdict
    assert text in outcomes[ITEMS[playbook]].reason


def test_a_cause_stands_without_what_it_does_not_need(look: Look) -> None:
    """Kubernetes cannot be seen, and the lock is named all the same."""
    assert named(look("incident-db-locks", "kubernetes-down")) == {"postgres": "database-locks"}


def test_a_deployment_is_told_to_the_second(look: Look) -> None:
    """Nobody reads microseconds in an incident."""
    found = look("incident-false-alarms")[ITEMS["false-alarms"]]
    (line,) = [one for finding in found.findings for one in finding.details if " was deployed at " in one]
    assert re.fullmatch(r"rd-0041 was deployed at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", line)


def test_what_if_speaks_for_and_against(look: Look) -> None:
    """The previous rule set would not have raised what is disputed; where little is, it would change nothing."""
    assert "for a rollback: " in look("incident-false-alarms")["fac-inc-simulate"].reason
    assert "against a rollback: " in look("rules-deployed-lately")["fac-inc-simulate"].reason


@pytest.mark.parametrize(
    ("fault", "verdict"), [("provider-incident", Verdict.FAIL), ("provider-status-broken", Verdict.INCONCLUSIVE)]
)
def test_the_provider(look: Look, fault: str, verdict: Verdict) -> None:
    """An open incident fails; a page that is none is not a page without incidents."""
    assert look(fault)["fac-inc-provider"].verdict is verdict


def test_every_cause_of_the_checklist_is_rehearsed() -> None:
    """A cause that no fault proves could be wrong for years."""
    document = yaml.safe_load((ROOT / "checks/factory/incident.yaml").read_text(encoding="utf-8"))
    rules = [rule for item in document["items"] for rule in item["pass"] if "likely_cause" in rule]
    assert {cause["name"] for cause in rules[0]["likely_cause"]["causes"]} == {cause for cause, _, _ in CAUSES.values()}
    assert [rule["likely_cause"]["playbook"] for rule in rules] == list(ITEMS)
    assert all(rule["likely_cause"]["causes"] == rules[0]["likely_cause"]["causes"] for rule in rules)
