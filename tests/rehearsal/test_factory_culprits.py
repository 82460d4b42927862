"""A red item says which object it is about wherever a person reads: the board, the reports and verdict.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from gonogo.flows.book import Book, Request, open_books
from gonogo.flows.judging import judge_all
from gonogo.flows.look import collect, conclude
from gonogo.flows.started import Starter
from gonogo.model.run import Run
from gonogo.model.verdict import Verdict
from gonogo.reporting.html import html
from gonogo.reporting.markdown import report
from gonogo.reporting.terminal import board
from gonogo.reporting.verdict_json import verdict_json

ROOT = Path(__file__).parents[2]
Look = Callable[[str, str], Run]
# Fault -> (the item, and what it has to say).
CULPRITS: dict[str, tuple[str, tuple[str, ...]]] = {
    "password-old": ("fac-quarter-keys", (" days > 90 days: database-password: ",)),
    "pod-flapping": (
        "fac-day-pods",
        ("21 > 4: chat-service-", "21 restarts, OOMKilled", "ended within a day, 1 found"),
    ),
    "alerts-flapping": ("fac-quarter-policies", ("> 36: LLMHighFailureRate: ", "DatabaseHighCPU: ")),
    "rules-mixed": ("fac-dr-rule-version", ("v1.4.0: ", "v1.3.9: ", " judgments")),
    "dump-not-restorable": ("fac-month-restore", ("postgres/daily/2",)),
    "mcp-timeouts": ("fac-day-mcp-timeouts", (": erp.lookup: ",)),
    "breaker-opened-unalerted": (
        "fac-quarter-policies",
        (
            " none expected: breaker mcp-hub ",
            " h of 30 days",
        ),
    ),
    "smoke-complex-fails": ("fac-smoke-workflow-complex", ('"COMPLETED": instance 1',)),
    "staging-rollout-stuck": ("fac-stg-rollout", ("equals true: it exceeded its progress deadline",)),
}


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """The run of one item under a fault."""
    out = tmp_path_factory.mktemp("out")
    request = Request(root=ROOT, environments=("factory-local",), out=out, actions=("restore-rehearsal",))
    book: Book = open_books(request)[0]
    starter = Starter(book.environment, book.root)
    try:
        starter.up("", ())

        def one(item: str, fault: str) -> Run:
            only = tuple(check for check in book.checks if check.id == item)
            narrow = replace(book, checks=only, faults=(fault,))
            collected = collect(narrow, (only[0].phase.value,), starter=starter)
            now = max(evidence.ended for evidence in collected.evidence.values())
            return conclude(collected, judge_all(collected.plan, collected.evidence, now))

        yield one
    finally:
        starter.end()


@pytest.mark.parametrize("fault", CULPRITS)
def test_the_object_is_named(look: Look, fault: str) -> None:
    """In words, on the board and in every report; and its line stands in the details of verdict.json."""
    item, said = CULPRITS[fault]
    run = look(item, fault)
    assert [outcome.verdict for outcome in run.outcomes] == [Verdict.FAIL]
    document = verdict_json(run)
    (told,) = document["checks"]
    assert told["details"]
    places = {
        "board": board(run),
        "report.md": report(run).replace("\\", "").replace("&gt;", ">"),
        "report.html": unescape(html(run)),
        "verdict.json": json.dumps(told, ensure_ascii=False).replace('\\"', '"'),
    }
    for place, text in places.items():
        assert [one for one in said if one not in text] == [], place
