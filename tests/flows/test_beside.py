"""Who answered a run at all: sides, and back ends beside them."""

from __future__ import annotations

from datetime import UTC, datetime

from gonogo.flows.judging import reached_beside, reached_sides
from gonogo.model.evidence import Cause, Evidence, Seen, Unseen

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def evidence(kind: str, side: str | None = None, *, silent: bool = False) -> Evidence:
    outcome = Unseen(cause=Cause.UNREACHABLE, detail="refused") if silent else Seen(data={})
    return Evidence(look=kind, kind=kind, source=kind, started=NOW, ended=NOW, outcome=outcome, side=side)


def test_what_stands_on_this_machine_proves_no_network() -> None:
    """Files, programs, what is silent and kinds of other versions count for nothing; a full server has answered."""
    found = [
        evidence("postgres", "postgres", silent=True),
        evidence("prometheus"),
        evidence("object_store"),
        evidence("kubernetes_pods", silent=True),
        *(evidence(kind) for kind in ("declared", "csv_file", "vulnerabilities", "signoff", "of another version")),
    ]
    assert reached_beside(found) == {"prometheus", "object_store"}
    assert reached_sides(found) == set()
    full = Evidence(
        look="f", kind="postgres", source="f", started=NOW, ended=NOW, side="postgres",
        outcome=Unseen(cause=Cause.FULL, detail="53300"),
    )  # fmt: skip
    assert reached_sides([*found, full]) == {"postgres"}
