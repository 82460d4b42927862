"""The log of a watch by time."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gonogo.cli import main
from gonogo.flows.watch.looking import log, moment
from gonogo.model.errors import ConfigError

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six lines, one every hour from 06:00 on."""
    lines = [
        json.dumps({"at": (NOW - timedelta(hours=6 - n)).isoformat(), "kind": "note", "text": f"line {n}"})
        for n in range(6)
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("since", "until", "tail", "numbers"),
    [
        (None, None, None, [0, 1, 2, 3, 4, 5]),
        ("2h", None, None, [4, 5]),
        (None, "5h", None, [0, 1]),
        ("2026-11-20T07:00Z", "2026-11-20T09:00+00:00", None, [1, 2, 3]),
        ("2026-11-20T16:00+09:00", "2026-11-20T17:00+09:00", None, [1, 2]),
        ("2h", None, 1, [5]),
        ("1m", None, None, []),
    ],
)
def test_lines_of_a_time(
    folder: Path, since: str | None, until: str | None, tail: int | None, numbers: list[int]
) -> None:
    """From and to are part of it; a duration is that long ago; offsets are kept; --tail counts what is left."""
    lines = log(folder, tail, moment("--since", since, NOW), moment("--until", until, NOW))
    assert [int(line[-1]) for line in lines] == numbers


@pytest.mark.parametrize("text", ["yesterday", "2026-11-20", "2026-11-20T07:00", "5 hours", "", "-2h"])
def test_a_time_that_is_none(text: str) -> None:
    """One line; a time without its offset is one of many."""
    with pytest.raises(ConfigError, match="--since "):
        moment("--since", text, NOW)


def test_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong time is exit 4, whatever is watched."""
    monkeypatch.chdir(tmp_path)
    assert main(["watch", "log", "--since", "soon"]) == 4
    assert "--since 'soon': write a duration like 2h" in capsys.readouterr().err
