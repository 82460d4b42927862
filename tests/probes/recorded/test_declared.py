"""declared: the environment's own facts, and a text in which no field is silently empty."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gonogo.model.environment import Contact, Contacts, Environment, Objective, Rollout
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.model.units import Unit
from gonogo.probes.base import Vantage
from gonogo.probes.recorded.declared import Declared, look

Make = Callable[..., Vantage]
HERE = Environment(
    name="local",
    system="ion",
    describe="",
    contacts=Contacts(first=Contact(name="Kim", reach="slack:@kim", hours="9-18"), slack="incidents"),
    objectives={"p95": Objective(unit=Unit.S, below=2, min_samples=20)},
    rollout=Rollout(rollback={"p95": Objective(unit=Unit.S, at_most=20)}),
    facts={"memory": "1Gi"},
    names={"personas": ("Lua", "Elro")},
    templates={"notice": "notice.txt"},
)


@pytest.fixture
def render(tmp_path: Path, vantage_of: Make) -> Callable[..., Seen | Unseen]:
    def rendering(text: str | None, t0: datetime | None = None) -> Seen | Unseen:
        vantage = vantage_of(environment=HERE, t0=t0)
        if text is not None:
            (tmp_path / "environments" / "notice.txt").write_text(text, encoding="utf-8")
        return look(Declared(template="notice"), vantage).outcome

    return rendering


def test_facts_of_the_file(vantage_of: Make) -> None:
    """Contacts, objectives, rollback thresholds, release, facts and names as JSON; what is missing is null."""
    outcome = look(Declared(), vantage_of(environment=HERE)).outcome
    assert isinstance(outcome, Seen)
    data = outcome.data
    assert data["contacts"]["first"] == {"name": "Kim", "reach": "slack:@kim", "hours": "9-18"}
    assert data["contacts"]["second"] is None
    assert data["objectives"] == {"p95": {"comparator": "below", "limit": 2.0, "unit": "s", "min_samples": 20}}
    assert data["rollback"]["p95"]["comparator"] == "at_most"
    assert (data["release"]["version"], data["release"]["pull_request"]) == ("v1.2.3", 41)
    assert (data["facts"], data["names"], data["template"]) == ({"memory": "1Gi"}, {"personas": ["Lua", "Elro"]}, None)


def test_no_release_is_null(vantage_of: Make) -> None:
    """Without a release the document says so."""
    outcome = look(Declared(), vantage_of(environment=HERE, release=None)).outcome
    assert isinstance(outcome, Seen)
    assert outcome.data["release"] is None


def test_a_text_is_rendered(render: Callable[..., Seen | Unseen]) -> None:
    """Short names, paths and $$; Korean text survives."""
    t0 = datetime(2026, 11, 20, 8, 30, tzinfo=UTC)
    text = "배포 $version of $system at $t0: $first_contact, ${contacts.first.hours}, $memory, #${pull_request}, $$5."
    outcome = render(text, t0)
    assert isinstance(outcome, Seen)
    template = outcome.data["template"]
    assert template["text"] == "배포 v1.2.3 of ion at 2026-11-20T08:30+00:00: Kim, 9-18, 1Gi, #41, $5."
    assert template["empty"] == []
    assert template["fields"]["first_contact"] == "Kim"


def test_empty_and_unknown_fields_are_listed(render: Callable[..., Seen | Unseen]) -> None:
    """A field without a value, one that nobody knows and one that waits for T0 stand in `empty` and in the text."""
    outcome = render("$version $second_contact $notes $colour $t0 $pagerduty")
    assert isinstance(outcome, Seen)
    template = outcome.data["template"]
    assert template["empty"] == ["second_contact", "notes", "colour", "t0", "pagerduty"]
    assert template["text"] == "v1.2.3 $second_contact $notes $colour $t0 $pagerduty"


def test_row_117_a_value_is_never_a_template(tmp_path: Path, vantage_of: Make) -> None:
    """Row 117: what a field holds is put in as it stands."""
    (tmp_path / "environments" / "notice.txt").write_text("$odd", encoding="utf-8")
    odd = "$version {{7*7}} %s {0.__class__}"
    environment = Environment(
        name="e", system="ion", describe="", facts={"odd": odd}, templates={"notice": "notice.txt"}
    )
    outcome = look(Declared(template="notice"), vantage_of(environment=environment)).outcome
    assert isinstance(outcome, Seen)
    assert outcome.data["template"]["text"] == odd


@pytest.mark.parametrize(
    ("text", "cause", "named"),
    [
        ("fine\ncosts $ 5", Cause.BROKEN, "notice.txt:2: a $ that begins no field"),
        ("${open", Cause.BROKEN, "notice.txt:1"),
        (None, Cause.NO_DATA, "notice.txt is not there"),
    ],
)
def test_a_template_that_cannot_be_read(
    render: Callable[..., Seen | Unseen], text: str | None, cause: Cause, named: str
) -> None:
    """A stray $ and a missing file are named."""
    outcome = render(text)
    assert isinstance(outcome, Unseen)
    assert outcome.cause is cause
    assert named in outcome.detail


def test_an_unknown_template_is_a_configuration_error(vantage_of: Make) -> None:
    """The templates that there are, are named."""
    with pytest.raises(ConfigError, match="local has no template 'news'; it has notice"):
        look(Declared(template="news"), vantage_of(environment=HERE))
