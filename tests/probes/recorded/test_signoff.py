"""signoff: the records of one item out of a file that is only ever appended to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.environment import Environment
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.recorded.signoff import Signoff, look

Make = Callable[..., Vantage]


def record(**more: str) -> dict[str, str]:
    return {
        "id": "ion-pre-team-ready",
        "release": "v1.2.3",
        "environment": "local",
        "by": "kim",
        "at": "2026-11-20T08:00:00+00:00",
        "until": "2026-11-21T08:00:00+00:00",
        "link": "https://chat.example/1",
        **more,
    }


@pytest.fixture
def ask(tmp_path: Path, vantage_of: Make) -> Callable[..., Seen | Unseen]:
    def asking(*lines: Any, tail: bytes = b"") -> Seen | Unseen:
        encoded = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in lines]
        (tmp_path / "signed.jsonl").write_bytes(b"".join(line + b"\n" for line in encoded) + tail)
        environment = Environment(name="local", system="ion", describe="", signoffs="signed.jsonl")
        return look(Signoff(id="ion-pre-team-ready"), vantage_of(environment=environment)).outcome

    return asking


def test_records_of_the_item(ask: Callable[..., Seen | Unseen]) -> None:
    """Only this item's records, in the order written; the newest is the last."""
    outcome = ask(record(by="lee"), record(id="other"), record(by="kim", extra="dropped"))
    assert isinstance(outcome, Seen)
    assert [each["by"] for each in outcome.data["records"]] == ["lee", "kim"]
    assert outcome.data["newest"] == record(by="kim")
    assert outcome.notes == ()


def test_another_releases_record_does_not_hide_ours(ask: Callable[..., Seen | Unseen]) -> None:
    """The newest is that of this environment and release; without one, the last of the item, for the judge to name."""
    ours, later = record(by="kim"), record(by="lee", release="v9")
    outcome = ask(ours, later, record(by="park", environment="ion-prod"))
    assert isinstance(outcome, Seen)
    assert outcome.data["newest"] == ours
    other = ask(later)
    assert isinstance(other, Seen)
    assert other.data["newest"] == later


def test_no_file_holds_no_records(vantage_of: Make) -> None:
    """Nothing signed yet is an answer, and noted."""
    outcome = look(Signoff(id="x"), vantage_of()).outcome
    assert isinstance(outcome, Seen)
    assert (outcome.data["records"], outcome.data["newest"]) == ([], None)
    assert outcome.notes == ("signoffs.jsonl is not there yet: nothing is signed",)


def test_row_87_a_torn_last_line_is_dropped_and_noted(ask: Callable[..., Seen | Unseen]) -> None:
    """Row 87: the tail of a writer that was killed does not count, whole records before it do."""
    outcome = ask(record(), tail=b'{"id": "ion-pre-team-ready", "rel')
    assert isinstance(outcome, Seen)
    assert len(outcome.data["records"]) == 1
    assert outcome.notes == ("signed.jsonl:2: a torn last line was dropped",)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b'{"id": "ion-pre', "signed.jsonl:2 is not JSON"),
        (b"\xff\xfe", "signed.jsonl:2 is not JSON"),
        (b'{"id": "a", "id": "b"}', "'id' stands 2 times"),
        (b"[]", "signed.jsonl:2: no sign-off, it lacks id, release"),
        (json.dumps(record() | {"until": 5}).encode(), "signed.jsonl:2: no sign-off, it lacks until"),
    ],
)
def test_row_88_a_corrupt_line_makes_the_file_partial(
    ask: Callable[..., Seen | Unseen], line: bytes, named: str
) -> None:
    """Row 88: a line in the middle that is no record is named, and nothing of the file is believed."""
    outcome = ask(record(), line, record())
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.PARTIAL
    assert named in outcome.detail


def test_row_76_a_folder_is_no_file(tmp_path: Path, vantage_of: Make) -> None:
    """Row 76: a path that leads to something else is Unseen, not empty."""
    environment = Environment(name="local", system="ion", describe="", signoffs="environments")
    outcome = look(Signoff(id="x"), vantage_of(environment=environment)).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.UNREACHABLE
