"""The likely cause: one or none, told apart from what follows from it, whatever the order and whatever is not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gonogo.judges.incident.likely_cause import LikelyCause, diagnose
from gonogo.judges.incident.playbook import Playbook, Suspect, Symptom, follows
from gonogo.judges.incident.suspects import Holds
from gonogo.model.evidence import Cause, Evidence, Unseen
from gonogo.model.verdict import Case, Finding, Verdict

Ask = Callable[..., Finding]
See = Callable[..., Evidence]
Make = Callable[..., Case]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
PLAYBOOKS = ("service", "model", "database")


def symptom(look: str, key: str = "bad") -> Symptom:
    return Symptom(when=f"{look}.{key}", says=f"{look} is {{{look}.word}}")  # type: ignore[arg-type]


def suspect(name: str, playbook: str, *looks: str, **more: Any) -> Suspect:
    return Suspect(
        name=name,
        playbook=playbook,
        says=f"{name} went wrong",
        symptoms=tuple(symptom(look) for look in looks),
        next=f"Mend {name}.",
        **more,
    )


# The pool runs dry by itself, because the database is slow, or because the model is.
CAUSES = (
    suspect("memory", "service", "pods"),
    suspect("pool", "service", "pool"),
    suspect("slow", "database", "queries", instead_of=("pool",), explains=("service",)),
    suspect("locks", "database", "locks", instead_of=("slow",), explains=("service",)),
    suspect("away", "model", "calls", instead_of=("pool",), explains=("service",)),
)
BOOKS = (
    Playbook(name="service", trouble=(symptom("health"),)),
    Playbook(name="model", trouble=(symptom("calls"),)),
    Playbook(name="database", trouble=(symptom("queries"), symptom("locks"))),
)
LOOKS = ("health", "pods", "pool", "queries", "locks", "calls")
GOOD = {"bad": False, "word": "good"}
BAD = {"bad": True, "word": "bad"}
GONE = Unseen(cause=Cause.UNREACHABLE, detail="refused")


def looks(see: See, *bad: str, without: tuple[str, ...] = ()) -> dict[str, Evidence]:
    """Every look: bad, not seen, or good."""
    return {one: see(GONE if one in without else BAD if one in bad else GOOD, source=one) for one in LOOKS}


def ask(judge: Ask, evidence: Mapping[str, Evidence], playbook: str, causes: tuple[Suspect, ...] = CAUSES) -> Finding:
    return judge("likely_cause", evidence, playbook=playbook, playbooks=BOOKS, causes=causes)


def test_nothing_wrong(judge: Ask, see: See) -> None:
    """Every item passes where nothing is wrong."""
    assert {ask(judge, looks(see), one).verdict for one in PLAYBOOKS} == {PASS}


@pytest.mark.parametrize(
    ("bad", "named", "playbook"),
    [
        (("health", "pods"), "memory", "service"),
        (("health", "pool"), "pool", "service"),
        (("health", "pool", "queries"), "slow", "database"),
        (("health", "pool", "queries", "locks"), "locks", "database"),
        (("health", "pool", "locks"), "locks", "database"),
        (("health", "pool", "calls"), "away", "model"),
        (("calls",), "away", "model"),
    ],
)
def test_what_follows_is_not_blamed(judge: Ask, see: See, bad: tuple[str, ...], named: str, playbook: str) -> None:
    """The item of the cause's playbook fails with it, at any distance from its symptoms; all others pass."""
    for one in PLAYBOOKS:
        finding = ask(judge, looks(see, *bad), one)
        assert finding.verdict is (FAIL if one == playbook else PASS), one
        if one == playbook:
            assert finding.blame is not None
            assert finding.blame.name == named
            assert finding.blame.next_step == f"Mend {named}."
            assert finding.reason == f"likely cause: {named} went wrong [{named}]"
        else:
            assert finding.blame is None


def test_what_others_say(judge: Ask, see: See) -> None:
    """A playbook whose trouble is explained says by what; the cause says what follows from it."""
    evidence = looks(see, "health", "pool", "queries")
    assert ask(judge, evidence, "service").reason == "explained by slow (playbook database): health is bad"
    assert ask(judge, evidence, "model").reason.startswith("no model trouble; slow is named by database")
    assert ask(judge, evidence, "database").details == ("queries is bad", "follows from it: pool")


def test_no_cause_fits(judge: Ask, see: See) -> None:
    """Trouble that no cause has the symptoms of is told as that, and fails."""
    finding = ask(judge, looks(see, "health"), "service")
    assert finding.verdict is FAIL
    assert finding.reason == "no cause fits: health is bad"
    assert finding.blame is not None
    assert finding.blame.name is None


def test_trouble_of_another_kind(judge: Ask, see: See) -> None:
    """A cause that does not account for a playbook's trouble lets its item fail, without a second cause."""
    evidence = looks(see, "health", "pods", "calls")
    causes = (*(one for one in CAUSES if one.name != "away"), suspect("quota", "model", "queries"))
    finding = ask(judge, evidence, "model", causes)
    assert finding.verdict is FAIL
    assert finding.reason == "memory does not explain: calls is bad"


def test_what_troubles_nobody_is_no_cause(judge: Ask, see: See) -> None:
    """Pods that were killed once, and a service that is well: nothing is blamed."""
    finding = ask(judge, looks(see, "pods", "pool"), "service")
    assert finding.verdict is PASS
    assert finding.blame is None


def test_two_causes_are_not_one(judge: Ask, see: See) -> None:
    """Two that fit, of which neither follows from the other: both are told, none is named."""
    evidence = looks(see, "health", "pods", "calls")
    for one in ("service", "model"):
        finding = ask(judge, evidence, one)
        assert finding.verdict is FAIL
        assert finding.blame is not None
        assert finding.blame.name is None
        assert finding.reason == "not told apart: away and memory fit, and neither follows from the other"


@pytest.mark.parametrize(
    ("bad", "without", "playbook", "expected", "text"),
    [
        # what was not seen could not lie behind it: the cause stands without it
        (("health", "pods"), ("queries",), "service", FAIL, "likely cause: memory"),
        (("health", "queries"), ("pool", "pods"), "database", FAIL, "likely cause: slow"),
        # it could: no cause is named, and the trouble that is seen fails
        (("health", "pool"), ("queries",), "service", FAIL, "no cause named: pool fits, but may follow from slow"),
        (("pool",), ("health",), "service", HOLD, "not seen: not reachable: refused (health)"),
        (("health",), ("pods",), "service", FAIL, "not excluded, since not all was seen: memory"),
        # no trouble is seen
        ((), ("pods",), "service", PASS, "no service trouble"),
        ((), ("health",), "service", HOLD, "not seen: not reachable: refused (health)"),
        ((), ("pods",), "model", PASS, "no model trouble"),
        # whether there is trouble or not, it is explained
        (("queries",), ("health",), "service", PASS, "slow explains any"),
    ],
)
def test_what_was_not_seen(
    judge: Ask, see: See, *, bad: tuple[str, ...], without: tuple[str, ...], playbook: str, expected: Verdict, text: str
) -> None:
    """Missing evidence is neither a cause nor the absence of one."""
    finding = ask(judge, looks(see, *bad, without=without), playbook)
    assert finding.verdict is expected
    assert text in finding.reason


STATES = st.fixed_dictionaries({look: st.sampled_from([GOOD, BAD, {}, {"bad": "yes"}, GONE]) for look in LOOKS})


@settings(max_examples=200, deadline=None)
@given(state=STATES, order=st.permutations(CAUSES))
def test_one_cause_or_none(judge: Ask, see: See, state: dict[str, Any], order: list[Suspect]) -> None:
    """At most one item names a cause; no item passes with a cause of its own proven; at least one item is red where
    anything is wrong; the order of causes changes nothing.
    """
    evidence = {name: see(document, source=name) for name, document in state.items()}
    findings = {one: ask(judge, evidence, one, tuple(order)) for one in PLAYBOOKS}
    for one, finding in findings.items():
        again = ask(judge, evidence, one)
        assert (finding.verdict, finding.reason, finding.details) == (again.verdict, again.reason, again.details)
    names = [found.blame.name for found in findings.values() if found.blame is not None and found.blame.name]
    assert len(names) <= 1
    books = {"service": ("health",), "model": ("calls",), "database": ("queries", "locks")}
    troubled = {name for name, seen in books.items() if any(state[look] is BAD for look in seen)}
    proven = {
        one
        for one in CAUSES
        if all(state[str(each.when).partition(".")[0]] is BAD for each in one.symptoms)
        and troubled & {one.playbook, *one.explains}
    }
    follow = {name for one in proven for name in follows(one, CAUSES)}
    for root in (one for one in proven if one.name not in follow):
        assert findings[root.playbook].verdict is not PASS
    assert set(names) <= {one.name for one in proven} - follow
    if any(state[name] is BAD for name in ("health", "calls", "queries", "locks")):
        assert any(finding.verdict is not PASS for finding in findings.values())
        assert FAIL in {finding.verdict for finding in findings.values()}


@settings(max_examples=100, deadline=None)
@given(state=STATES, gone=st.sets(st.sampled_from(LOOKS), min_size=1))
def test_missing_evidence_makes_no_cause(make_case: Make, see: See, state: dict[str, Any], gone: set[str]) -> None:
    """Taking evidence away proves no cause that was not proven, and excludes none that was not excluded."""
    whole = {name: see(document, source=name) for name, document in state.items()}
    part = {name: see(GONE, source=name) if name in gone else one for name, one in whole.items()}
    before = {one.suspect.name: one.holds for one in diagnose(BOOKS, CAUSES, make_case(whole)).all}
    after = {one.suspect.name: one.holds for one in diagnose(BOOKS, CAUSES, make_case(part)).all}
    for name, holds in after.items():
        assert holds is Holds.UNKNOWN or holds is before[name]


def test_trouble_that_lingers(judge: Ask, see: See) -> None:
    """What is over and has not recovered is neither a cause nor a pass."""
    books = (Playbook(name="service", trouble=(symptom("health"),), lingers=(symptom("pods"),)), *BOOKS[1:])

    def found(*bad: str) -> Finding:
        return judge("likely_cause", looks(see, *bad), playbook="service", playbooks=books, causes=CAUSES)

    assert found().verdict is PASS
    assert found("pods").verdict is HOLD
    assert found("pods").reason == "not recovered yet: pods is bad"
    assert found("pods", "health").verdict is FAIL


def test_a_second_condition(judge: Ask, see: See) -> None:
    """What `also` asks is not needed where `when` does not hold; where it does, it has to be seen."""

    def found(*bad: str, without: tuple[str, ...] = ()) -> Finding:
        both = Symptom(when="health.bad", also="pods.bad", says="both")  # type: ignore[arg-type]
        books = (Playbook(name="service", trouble=(both,)),)
        causes = (suspect("memory", "service", "pods"),)
        evidence = looks(see, *bad, without=without)
        return judge("likely_cause", evidence, playbook="service", playbooks=books, causes=causes)

    assert found("pods").verdict is PASS
    assert found(without=("pods",)).verdict is PASS
    assert found("health").verdict is PASS
    assert found("health", without=("pods",)).verdict is HOLD
    assert found("health", "pods").verdict is FAIL


def test_what_was_changed_lately_is_told(judge: Ask, see: See) -> None:
    """Where no cause fits, what happened lately stands beside the trouble; where one does, it does not."""
    evidence = looks(see, "health", "pods")
    options = {"playbook": "service", "playbooks": BOOKS, "causes": CAUSES[1:], "beside": (symptom("pods"),)}
    told = judge("likely_cause", evidence, **options)
    assert told.reason == "no cause fits: health is bad"
    assert told.blame is not None
    assert told.blame.evidence == ("pods is bad",)


def test_every_order(judge: Ask, see: See) -> None:
    """Whatever the order in the checklist, the same cause is named."""
    evidence = looks(see, "health", "pool", "queries", "locks")
    named = {ask(judge, evidence, "database", order).reason for order in permutations(CAUSES)}
    assert named == {"likely cause: locks went wrong [locks]"}


def test_an_objective_that_is_broken(judge: Ask, see: See) -> None:
    """A symptom may be a value beyond an objective; too few samples make it unknown, not true."""

    def found(p95: Any, n: Any) -> Finding:
        slow = Symptom(value="m.p95_s", breaks="p95", samples="m.n", says="P95 {m.p95_s} s")  # type: ignore[arg-type]
        cause = Suspect(name="slow", playbook="service", says="slow at {m.p95_s} s", symptoms=(slow,), next="Wait.")
        evidence = {"m": see({"p95_s": p95, "n": n}), "o": see({})}
        evidence |= {f"o{at}": see({}, source=f"http look {at}") for at in range(1, 7)}
        books = (Playbook(name="service", trouble=(slow,)),)
        return judge("likely_cause", evidence, playbook="service", playbooks=books, causes=(cause,))

    assert found(2.5, 20).reason == "likely cause: slow at 2.5 s [slow]"
    assert found(1.9, 20).verdict is PASS
    assert found(2.5, 19).verdict is HOLD
    assert "n=19/20" in found(2.5, 19).reason
    assert "; http look, http look 1, http look 2 and 4 more)" in found(2.5, 19).reason  # not all looks of all causes
    assert found("2.5", 20).verdict is HOLD
    assert found(2.5, None).verdict is HOLD


def test_silence_as_a_symptom(judge: Ask, see: See) -> None:
    """A side that alone is silent has trouble; where nothing answers, the observer has it."""
    silent = Symptom(unseen="health", says="the service does not answer")
    full = Symptom(unseen="sql", because=(Cause.FULL,), says="the database takes no connections")
    causes: tuple[Suspect, ...] = (
        Suspect(name="full", playbook="database", says="full", symptoms=(full,), next="Wait."),
    )
    causes = (
        *causes,
        Suspect(name="code", playbook="service", says="bad", symptoms=(symptom("pods"),), next="Wait."),
    )

    def found(playbook: str, health: Any, sql: Any, **case: Any) -> Finding:
        evidence = {"health": see(health, side="stable"), "sql": see(sql), "pods": see(GOOD)}
        books = (Playbook(name="service", trouble=(silent,)), Playbook(name="database", trouble=(full,)))
        return judge("likely_cause", evidence, case=case, playbook=playbook, playbooks=books, causes=causes)

    assert found("service", {}, {}).verdict is PASS
    others = frozenset({"canary"})
    assert found("service", GONE, {}, reached=others).verdict is FAIL
    assert "the service does not answer: refused" in found("service", GONE, {}, reached=others).reason
    assert found("service", GONE, {}).verdict is HOLD
    assert found("service", Unseen(cause=Cause.DENIED, detail="403"), {}, reached=others).verdict is HOLD
    assert found("database", {}, Unseen(cause=Cause.FULL, detail="53300")).verdict is FAIL
    assert found("database", {}, GONE).verdict is HOLD


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"causes": (CAUSES[0], CAUSES[0])}, "memory stands twice"),
        ({"causes": (suspect("a", "service", "pods", instead_of=("b",)),)}, "stands instead of b, which is no cause"),
        (
            {
                "causes": (
                    suspect("a", "service", "pods", instead_of=("b",)),
                    suspect("b", "service", "pods", instead_of=("a",)),
                )
            },
            "a follows from itself",
        ),
        ({"playbook": "night"}, "night is none of the playbooks"),
        ({"playbooks": (*BOOKS, BOOKS[0])}, "service stands twice"),
        ({"causes": (suspect("a", "night", "pods"),)}, "a names the playbook night, which is none"),
        ({"causes": (suspect("a", "service", "pods", explains=("night",)),)}, "names the playbook night"),
    ],
)
def test_a_list_that_is_none(options: dict[str, Any], text: str) -> None:
    """Causes that stand twice, are unknown or go round in a circle are a configuration error."""
    with pytest.raises(ValueError, match=text):
        LikelyCause(**{"playbook": "service", "playbooks": BOOKS, "causes": CAUSES, **options})


@pytest.mark.parametrize("given", [{}, {"when": "a", "unseen": "b"}, {"value": "a"}, {"breaks": "p95"}])
def test_a_symptom_that_is_none(given: dict[str, Any]) -> None:
    """A symptom is looked for in one way."""
    with pytest.raises(ValueError, match="exactly one of"):
        Symptom(says="x", **given)
    with pytest.raises(ValueError, match="Incomplete expression"):
        Symptom(says="{a[}", when="a")  # type: ignore[arg-type]
