"""GO only with proof: tables and properties of the decision."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.model.verdict import Decision, Gated, Outcome, Verdict, Waiver

Make = Callable[..., Outcome]
Gate = Callable[..., Gated]
PASS, FAIL, HOLD = Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE
RANK = {Decision.GO: 0, Decision.HOLD: 1, Decision.NO_GO: 2}
items = st.lists(
    st.tuples(st.sampled_from([PASS, PASS, PASS, FAIL, HOLD]), st.booleans(), st.booleans()), max_size=8
)  # verdict, advisory, summary


def waiver(now: datetime, left: timedelta = timedelta(days=1), **changed: str) -> Waiver:
    """A waiver of c0."""
    names = {
        "id": "c0",
        "environment": "ion-canary",
        "release": "v1.2.3",
        "owner": "Mina",
        "reason": "known",
        **changed,
    }
    return Waiver(until=now + left, **names)


@pytest.mark.parametrize(
    ("verdicts", "decision", "reasons"),
    [
        ([PASS], "GO", ()),
        ([PASS, PASS], "GO", ()),
        ([PASS, HOLD], "HOLD", ("c1: why c1",)),
        ([PASS, FAIL], "NO-GO", ("c1: why c1",)),
        ([HOLD, FAIL, FAIL], "NO-GO", ("c1: why c1", "c2: why c2", "c0: why c0")),
        ([], "HOLD", ("nothing was checked: the manifest is empty",)),
    ],
)
def test_blocking(outcome: Make, gate: Gate, verdicts: list[Verdict], decision: str, reasons: tuple[str, ...]) -> None:
    """One failure is NO-GO and wins; one undecided item is HOLD; reasons are worst first."""
    gated = gate([outcome(f"c{n}", verdict) for n, verdict in enumerate(verdicts)])
    assert (gated.decision.value, gated.reasons) == (decision, reasons)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"narrowed": True, "executed_ids": {"c0"}}, "narrowed: 1 of 2 items ran", id="row77"),
        pytest.param({"narrowed": True}, "narrowed: 2 of 2 items ran", id="row77-said-so"),
        pytest.param({"executed_ids": {"c0"}}, "c1: did not run", id="row78"),
        pytest.param({"executed_ids": ()}, "c0: did not run", id="row79"),
        pytest.param({"manifest_ids": ("c0", "c1", "c2")}, "c2: did not run", id="row80-lost"),
        pytest.param(
            {"manifest_ids": ("c0", "c1", "c2"), "executed_ids": {"c0", "c1", "c2"}}, "c2: has no outcome", id="row80"
        ),
        pytest.param({"manifest_ids": ("c0", "c1", "c1")}, "c1: stands there more than once", id="row90-plan"),
        pytest.param({"executed_ids": ["c0", "c1", "c1"]}, "c1: stands there more than once", id="row90-run"),
        pytest.param({"manifest_ids": ("c0",)}, "c1: is not in the manifest", id="row90-foreign"),
        pytest.param({"executed_ids": {"c0", "c1", "x"}}, "x: is not in the manifest", id="row90-foreign-run"),
        pytest.param({"problems": ("evidence was not written: disk full",)}, "disk full", id="row85"),
        pytest.param({"problems": ("configuration changed",)}, "configuration changed", id="row75"),
    ],
)
def test_integrity(outcome: Make, gate: Gate, changed: dict[str, Any], reason: str) -> None:
    """All passed, and yet HOLD: the run itself is not whole."""
    gated = gate([outcome("c0", PASS), outcome("c1", PASS)], **changed)
    assert gated.decision is Decision.HOLD
    assert any(reason in text for text in gated.reasons)
    failed = gate([outcome("c0", FAIL), outcome("c1", PASS)], **changed)
    assert failed.decision is Decision.NO_GO
    assert failed.reasons[0] == "c0: why c0"


def test_an_outcome_twice(outcome: Make, gate: Gate) -> None:
    """Row 80: an item that both passed and failed has failed; one that passed twice is HOLD."""
    assert gate([outcome("c0", PASS), outcome("c0", FAIL)]).decision is Decision.NO_GO
    assert gate([outcome("c0", PASS), outcome("c0", PASS)]).decision is Decision.HOLD


@pytest.mark.parametrize(
    ("verdicts", "advisory", "decision"),
    [
        ([PASS], [FAIL], "GO"),
        ([PASS], [HOLD], "GO"),
        ([FAIL], [PASS], "NO-GO"),
        ([], [PASS], "GO"),
        ([], [PASS, FAIL], "GO"),
        ([], [FAIL], "HOLD"),
        ([], [HOLD], "HOLD"),
    ],
)
def test_advisory(outcome: Make, gate: Gate, verdicts: list[Verdict], advisory: list[Verdict], decision: str) -> None:
    """Advisory items never decide, but something has to have passed."""
    outcomes = [outcome(f"b{n}", verdict) for n, verdict in enumerate(verdicts)]
    outcomes += [outcome(f"a{n}", verdict, advisory=True) for n, verdict in enumerate(advisory)]
    assert gate(outcomes).decision.value == decision


def test_an_advisory_item_that_did_not_run(outcome: Make, gate: Gate) -> None:
    """The manifest has to have run, advisory items too."""
    outcomes = [outcome("c0", PASS), outcome("c1", PASS, advisory=True)]
    assert gate(outcomes, executed_ids={"c0"}).decision is Decision.HOLD


def test_valid_waiver(outcome: Make, gate: Gate, now: datetime) -> None:
    """A waived failure does not decide, stays a failure, and is shown."""
    one = waiver(now)
    gated = gate([outcome("c0", FAIL), outcome("c1", PASS)], waivers=(one,))
    assert (gated.decision, gated.reasons) == (Decision.GO, ())
    assert gated.waived == {"c0": one}
    assert gated.counts["fail"] == 1
    assert gated.counts["waived"] == 1


def test_expired_waiver(outcome: Make, gate: Gate, now: datetime) -> None:
    """A failure whose waiver has expired is HOLD and names waiver and expiry."""
    gated = gate([outcome("c0", FAIL), outcome("c1", PASS)], waivers=(waiver(now, timedelta(0)),))
    assert gated.decision is Decision.HOLD
    assert gated.reasons == ("c0: the waiver of Mina expired 2026-11-20 09:00 UTC; why c0",)
    assert gated.waived == {}


@pytest.mark.parametrize("changed", [{"release": "v1.2.2"}, {"environment": "ion-prod"}, {"id": "c1"}])
def test_waiver_of_something_else(outcome: Make, gate: Gate, now: datetime, changed: dict[str, str]) -> None:
    """Row 91: a waiver is bound to item, environment and release."""
    gated = gate([outcome("c0", FAIL), outcome("c1", PASS)], waivers=(waiver(now, **changed),))
    assert gated.decision is Decision.NO_GO


def test_what_a_waiver_does_not_do(outcome: Make, gate: Gate, now: datetime) -> None:
    """It covers no undecided item, needs a release, and proves nothing by itself."""
    one = (waiver(now),)
    assert gate([outcome("c0", HOLD), outcome("c1", PASS)], waivers=one).decision is Decision.HOLD
    assert gate([outcome("c0", FAIL), outcome("c1", PASS)], waivers=one, release=None).decision is Decision.NO_GO
    only = gate([outcome("c0", FAIL)], waivers=one)
    assert only.decision is Decision.HOLD
    assert only.reasons == ("nothing passed: no item of the manifest proves anything",)


def test_summaries(outcome: Make, gate: Gate, now: datetime) -> None:
    """A summary repeats what is weighed by itself: it never makes NO-GO, and never GO, alone."""
    board = outcome("board", FAIL, summary=True)
    expired = (waiver(now, timedelta(0)),)
    assert gate([outcome("c0", FAIL), outcome("c1", PASS), board], waivers=expired).decision is Decision.HOLD
    assert gate([outcome("c0", FAIL), outcome("c1", PASS), board]).decision is Decision.NO_GO
    assert gate([outcome("c0", PASS), board]).decision is Decision.HOLD
    assert gate([replace(board, verdict=PASS)]).decision is Decision.HOLD
    assert gate([outcome("c0", PASS), replace(board, verdict=PASS)]).decision is Decision.GO


def test_not_due_is_shown(outcome: Make, gate: Gate) -> None:
    """What is not due yet is shown and does not decide."""
    late = {"c9": timedelta(hours=24)}
    gated = gate([outcome("c0", PASS)], not_due=late)
    assert gated.decision is Decision.GO
    assert gated.not_due == {"c9": timedelta(hours=24)}
    assert gated.counts == {
        "manifest": 1,
        "executed": 1,
        "pass": 1,
        "fail": 0,
        "inconclusive": 0,
        "waived": 0,
        "not_due": 1,
    }


def test_what_is_not_due_and_was_judged_all_the_same(outcome: Make, gate: Gate) -> None:
    """Its outcome neither decides nor is a stranger."""
    outcomes = [outcome("c0", PASS), outcome("c9", FAIL)]
    assert gate(outcomes, manifest_ids=("c0",), not_due={"c9": None}).decision is Decision.GO
    assert gate(outcomes, manifest_ids=("c0",)).decision is Decision.HOLD


def test_one_of_ten_thousand(outcome: Make, gate: Gate) -> None:
    """Row 92: ten thousand items and one failure is NO-GO with its id."""
    outcomes = [outcome(f"c{n}", PASS) for n in range(10_000)]
    outcomes[7_777] = outcome("c7777", FAIL)
    gated = gate(outcomes)
    assert (gated.decision, gated.reasons) == (Decision.NO_GO, ("c7777: why c7777",))


def _outcomes(outcome: Make, given_items: list[tuple[Verdict, bool, bool]]) -> list[Outcome]:
    return [outcome(f"c{n}", v, advisory=a, summary=s) for n, (v, a, s) in enumerate(given_items)]


@given(items, st.data())
def test_monotone(outcome: Make, gate: Gate, now: datetime, given_items: Any, data: st.DataObject) -> None:
    """Nothing that gets worse makes the decision better."""
    outcomes = _outcomes(outcome, given_items)
    waivers = tuple(
        waiver(now, data.draw(st.sampled_from([timedelta(-1), timedelta(1)])), id=o.check.id)
        for o in outcomes
        if data.draw(st.booleans())
    )
    executed = {o.check.id for o in outcomes if data.draw(st.integers(0, 5))}
    known = {"waivers": waivers, "executed_ids": executed, "manifest_ids": tuple(o.check.id for o in outcomes)}
    before = RANK[gate(outcomes, **known).decision]
    for place, one in enumerate(outcomes):
        if one.verdict is PASS:
            for worse in (FAIL, HOLD):
                changed = [*outcomes[:place], replace(one, verdict=worse), *outcomes[place + 1 :]]
                assert RANK[gate(changed, **known).decision] >= before
        assert RANK[gate(outcomes[:place] + outcomes[place + 1 :], **known).decision] >= min(before, 1)
    for id_ in executed:
        assert RANK[gate(outcomes, **{**known, "executed_ids": executed - {id_}}).decision] >= before
    for harm in ({"narrowed": True}, {"problems": ("x",)}):
        assert RANK[gate(outcomes, **{**known, **harm}).decision] >= max(before, 1)


@given(items, st.integers())
def test_order_does_not_matter(outcome: Make, gate: Gate, given_items: Any, seed: int) -> None:
    """Row 95: shuffled outcomes come to the same answer, reasons included."""
    outcomes = _outcomes(outcome, given_items)
    shuffled = outcomes[:]
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    ids = tuple(o.check.id for o in outcomes)
    assert gate(shuffled, manifest_ids=ids) == gate(outcomes, manifest_ids=ids)


@given(items)
def test_go_is_proven(outcome: Make, gate: Gate, given_items: Any) -> None:
    """GO exactly if every blocking item passed and some item that is no summary did."""
    proven = all(v is PASS for v, advisory, _ in given_items if not advisory)
    some = any(v is PASS and not summary for v, _, summary in given_items)
    assert (gate(_outcomes(outcome, given_items)).decision is Decision.GO) is (proven and some)


@given(items)
def test_an_empty_manifest_is_never_go(outcome: Make, gate: Gate, given_items: Any) -> None:
    """Row 77: nothing was asked for, so nothing is proven."""
    gated = gate(_outcomes(outcome, given_items), manifest_ids=())
    assert gated.decision is Decision.HOLD
    assert gated.reasons[0] == "nothing was checked: the manifest is empty"


@given(st.integers(1, 50))
def test_all_passed_is_go(outcome: Make, gate: Gate, n: int) -> None:
    """A healthy system gets its GO."""
    gated = gate([outcome(f"c{k}", PASS) for k in range(n)])
    assert (gated.decision, gated.reasons) == (Decision.GO, ())
