"""What counts as a proof, and that no item is without a fault: the static half of run_proof.py."""

from __future__ import annotations

import pytest
from tests.proof.run_proof import (
    MOST_ALSO,
    PHASES,
    ROOT,
    Proof,
    books,
    document,
    has_limit,
    judge,
    proven_by,
    tasks,
)

from gonogo.flows.book import Book, fault_table
from gonogo.flows.judging import sums_up
from gonogo.model.check import Check


@pytest.fixture(scope="module")
def opened() -> tuple[Book, ...]:
    return books(ROOT / "reports" / "out")


@pytest.fixture
def book(opened: tuple[Book, ...]) -> Book:
    return opened[0]


def _check(book: Book, check_id: str) -> Check:
    return next(check for check in book.checks if check.id == check_id)


def test_the_proof_is_of_all_items(opened: tuple[Book, ...]) -> None:
    """Both systems, every phase, and what changes something too: no action is asked for that is not allowed."""
    assert [book.environment.system for book in opened] == ["ion", "factory"]
    for book in opened:
        planned = {task.phase for task in tasks(book, None)}
        assert {check.phase.value for check in book.checks} == planned
        assert book.candidates(PHASES) == book.checks
        assert set(book.actions) <= set(book.environment.guards.actions)


def test_every_item_is_turned_by_a_named_fault(opened: tuple[Book, ...]) -> None:
    """An item without a fault fails the build."""
    for book in opened:
        turned = {one for fault in fault_table(book.environment, book.root).values() for one in fault.turns}
        assert [c.id for c in book.checks if c.id not in turned and not sums_up(c)] == []


def test_faults_name_items_that_exist_in_their_phases(opened: tuple[Book, ...]) -> None:
    """A fault that turns nothing of its phases proves nothing."""
    for book in opened:
        phase_of = {check.id: check.phase for check in book.checks}
        table = fault_table(book.environment, book.root)
        assert {one for fault in table.values() for one in fault.turns} - set(phase_of) == set()
        for name, fault in table.items():
            assert {phase_of[one] for one in fault.turns} <= set(fault.phases), name


@pytest.mark.parametrize(
    ("check_id", "verdict", "also", "proven"),
    [
        ("ion-post-p95", "fail", 3, True),
        ("ion-post-p95", "fail", MOST_ALSO, True),
        ("ion-post-p95", "fail", MOST_ALSO + 1, False),
        ("ion-post-p95", "inconclusive", 0, False),
        ("ion-pre-team-comms", "inconclusive", 8, True),
    ],
)
def test_a_limit_needs_a_narrow_failure(book: Book, check_id: str, verdict: str, also: int, *, proven: bool) -> None:
    """A source that vanished does not prove a limit, nor does a fault that turns everything."""
    faults = {"some-fault": {"verdict": verdict, "also": [f"other-{n}" for n in range(also)]}}
    assert proven_by(_check(book, check_id), faults) is proven


def test_no_fault_proves_nothing(book: Book) -> None:
    """An item that nothing turned is not proven, and one that was red on health is not green."""
    p95 = _check(book, "ion-post-p95")
    assert has_limit(p95)
    assert judge(Proof(green={p95.id: True}), [p95]) != []
    faults = {p95.id: {"latency-p95-3s": {"verdict": "fail", "also": []}}}
    assert judge(Proof(green={p95.id: True}, red_by=faults), [p95]) == []
    assert judge(Proof(green={p95.id: False}, red_by=faults), [p95]) == [f"{p95.id} is not green on health"]


def test_the_document_holds_every_item(book: Book) -> None:
    """proof.json names each item, also one that was never seen."""
    made = document(Proof(), book.checks)
    assert set(made["items"]) == {check.id for check in book.checks}
