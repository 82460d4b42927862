"""incident and drill: what people recorded as documents, also in a notice; a record that cannot be is no evidence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.flows.recorded import Recorded
from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes import PROBES
from gonogo.probes.base import Vantage

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
INCIDENT = """id: INC-1
class: database_damage
began: 2026-11-20T08:00:00Z
detected: 2026-11-20T08:01:00Z
summary: {en: A table was damaged., ko: 테이블이 손상되었습니다.}
phases:
  declare: {started: 2026-11-20T08:02:00Z, ended: 2026-11-20T08:10:00Z}
"""


def step(name: str, start: int, result: str = "passed") -> str:
    at = datetime(2026, 11, 1, start, tzinfo=UTC)
    times = f"started: {at.isoformat()}, ended: {(at + timedelta(minutes=30)).isoformat()}"
    return f"{name}: {{{times}, result: {result}, link: https://x}}\n"


def drill(**results: str) -> str:
    names = ("switch_over", "data_consistency", "smoke", "switch_back")
    steps = "".join(step(name, at, results.get(name, "passed")) for at, name in enumerate(names, start=2))
    return "by: DevOps lead\n" + steps


@pytest.fixture
def ask(tmp_path: Path, vantage_of: Callable[..., Vantage]) -> Callable[..., Any]:
    def asking(kind: str, text: str | None, *, now: datetime = NOW, **options: Any) -> Seen | Unseen:
        path = tmp_path / "record.yaml"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text, encoding="utf-8")
        (tmp_path / "environments" / "notice.txt").write_text("$incident.class_ko, ${incident.restored_ko}", "utf-8")
        environment = Environment(
            name="dr",
            system="factory",
            describe="",
            incident="record.yaml",
            drill="record.yaml",
            templates={"notice": "notice.txt"},
        )
        vantage = vantage_of(environment=environment, now=now)
        vantage.records = Recorded(environment=environment, root=tmp_path)
        return PROBES[kind].look(PROBES[kind].options(**options), vantage).outcome

    return asking


def test_an_incident_is_told_up_to_now(ask: Callable[..., Any]) -> None:
    """The timeline as the judge reads it."""
    data = ask("incident", INCIDENT).data
    assert (data["class"], data["elapsed_s"], data["restored"], len(data["not_begun"])) == (
        "database_damage",
        3600,
        None,
        5,
    )


def test_a_notice_takes_its_fields_from_the_incident(ask: Callable[..., Any]) -> None:
    """What is not recorded is named as empty; without an incident there is nothing to say."""
    told = ask("declared", INCIDENT, template="notice").data["template"]
    assert told["empty"] == ["incident.restored_ko"]
    assert told["text"] == "데이터베이스 손상, ${incident.restored_ko}"
    assert ask("declared", None, template="notice").cause is Cause.NO_DATA


def test_a_notice_that_is_being_written_is_no_data(ask: Callable[..., Any]) -> None:
    """With `whole` a recovery under way is undecided, not failed: it says the keys of the file, and what is ahead."""
    unended = ask("declared", INCIDENT, template="notice", whole=True)
    assert unended.cause is Cause.NO_DATA
    assert unended.detail.startswith(
        "record.yaml: phases.infrastructure.ended is not recorded yet; phases.restore.ended"
    )
    times = "{started: 2026-11-20T08:12:00Z, ended: 2026-11-20T08:20:00Z}"
    rows = "".join(f"  {name}: {times}\n" for name in ("infrastructure", "restore", "services", "verify", "switch"))
    assert ask("declared", INCIDENT + rows, template="notice", whole=True).data["template"]["missing"] == []
    ahead = ask("declared", INCIDENT + rows.replace("08:20", "18:20"), template="notice", whole=True)
    assert "phases.switch.ended lies in the future" in ahead.detail


def test_a_drill_is_told_with_its_age(ask: Callable[..., Any]) -> None:
    """Results of the four steps and how long ago it ended."""
    data = ask("drill", drill(smoke="failed")).data
    assert (data["failed"], data["age_s"]) == (["smoke"], timedelta(days=19, hours=3.5).total_seconds())
    assert [row["took_s"] for row in data["steps"]] == [1800] * 4


@pytest.mark.parametrize(
    ("kind", "text", "now", "cause"),
    [
        ("incident", None, NOW, Cause.NO_DATA),
        ("drill", None, NOW, Cause.NO_DATA),
        ("incident", INCIDENT, NOW - timedelta(hours=2), Cause.BROKEN),
        ("drill", drill(), datetime(2026, 11, 1, 3, tzinfo=UTC), Cause.BROKEN),
        ("drill", drill().replace("T03:", "T12:"), NOW, Cause.BROKEN),
    ],
    ids=["no incident", "no drill", "begins later", "ends later", "a step after switching back"],
)
def test_no_record_or_one_that_cannot_be(
    ask: Callable[..., Any], kind: str, text: str | None, now: datetime, cause: Cause
) -> None:
    """Nothing recorded, or recorded for another time, is not decidable."""
    outcome = ask(kind, text, now=now)
    assert isinstance(outcome, Unseen)
    assert outcome.cause is cause


def test_a_broken_file_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    """Of the phases that rest on it alone; a name that leads out of the project is refused."""
    (tmp_path / "record.yaml").write_text("id: 7\n", encoding="utf-8")
    environment = Environment(name="dr", system="factory", describe="", incident="record.yaml")
    records = Recorded(environment=environment, root=tmp_path)
    records.check(("daily", "quarterly"))
    with pytest.raises(ConfigError, match="id wants a text"):
        records.check(("recovery",))
    outside = Environment(name="dr", system="factory", describe="", drill="../drill.yaml")
    with pytest.raises(ConfigError, match="leads out of the project"):
        Recorded(environment=outside, root=tmp_path).check(("quarterly",))
