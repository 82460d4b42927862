"""ledger: a sign-off is on disk when it is said to be, and no bad one gets in."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from gonogo.flows import ledger
from gonogo.flows.ledger import append_signoff, read_signoffs
from gonogo.flows.locked import appending
from gonogo.model.errors import ConfigError, ExitStatus

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "id": "ion-pre-team-ready",
    "release": "v1.2.3",
    "environment": "ion-prod",
    "by": "김민준",
    "until": NOW + timedelta(hours=48),
    "link": "https://chat.example/thread/1",
    "now": NOW,
    "known": ("ion-pre-team-ready", "ion-pre-final-review"),
}


def test_a_record_is_written_and_read_back(tmp_path: Path) -> None:
    """One UTF-8 JSON line a record, times in UTC, the folder made if need be."""
    path = tmp_path / "reports" / "signoffs.jsonl"
    seoul = timezone(timedelta(hours=9))
    record = append_signoff(path, **GOOD | {"until": datetime(2026, 11, 22, 18, 0, tzinfo=seoul)})
    append_signoff(path, **GOOD | {"id": "ion-pre-final-review"})
    assert record["until"] == "2026-11-22T09:00:00+00:00"
    assert record["at"] == "2026-11-20T09:00:00+00:00"
    records, notes = read_signoffs(path)
    assert (records[0], len(records), notes) == (record, 2, ())
    lines = path.read_text(encoding="utf-8").splitlines()
    assert "김민준" in lines[0]
    assert json.loads(lines[0]) == record


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "ion-pre-team-redy"}, "'ion-pre-team-redy' is no item to sign off; did you mean 'ion-pre-team-ready'?"),
        ({"id": "zzz"}, "'zzz' is no item to sign off; 2 items are"),
        ({"by": "  "}, "by is empty"),
        ({"by": "kim\n{}"}, "by is not one line of plain text"),
        ({"release": ""}, "release is empty"),
        ({"until": NOW}, "until 2026-11-20T09:00:00+00:00 is past"),
        ({"until": NOW.replace(tzinfo=None)}, "has no time zone"),
        ({"link": "chat.example/1"}, "link 'chat.example/1' is no http or https address"),
        ({"link": "javascript:alert(1)"}, "is no http or https address"),
        ({"link": "https://kim:secret@chat.example/"}, "without a user name"),
        ({"link": "https://[half/"}, "is no http or https address"),
        ({"link": "https:///nowhere"}, "is no http or https address"),
    ],
)
def test_a_bad_record_is_refused_and_nothing_is_written(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    """One line says why, exit 4, and no file appears."""
    path = tmp_path / "signoffs.jsonl"
    with pytest.raises(ConfigError) as caught:
        append_signoff(path, **GOOD | change)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status is ExitStatus.CONFIGURATION
    assert not path.exists()


def test_row_87_a_torn_last_line_is_cut_before_the_next_record(tmp_path: Path) -> None:
    """Row 87: the tail of a killed writer neither counts nor spoils the record after it."""
    path = tmp_path / "signoffs.jsonl"
    append_signoff(path, **GOOD)
    with path.open("ab") as file:
        file.write(b'{"id": "ion-pre-team-ready", ' + b"x" * 9000)
    assert read_signoffs(path)[1] == ("signoffs.jsonl:2: a torn last line was dropped",)
    append_signoff(path, **GOOD | {"by": "lee"})
    records, notes = read_signoffs(path)
    assert ([each["by"] for each in records], notes) == (["김민준", "lee"], ())


def test_a_file_that_is_one_torn_line_starts_anew(tmp_path: Path) -> None:
    """The first writer was killed: nothing was recorded."""
    path = tmp_path / "signoffs.jsonl"
    path.write_bytes(b'{"id"')
    append_signoff(path, **GOOD)
    assert len(read_signoffs(path)[0]) == 1


def test_row_88_a_corrupt_file_takes_no_more_records(tmp_path: Path) -> None:
    """Row 88: a line that is no record is named by reader and writer; the file stays as it is."""
    path = tmp_path / "signoffs.jsonl"
    path.write_bytes(b"{broken}\n")
    for act in (lambda: read_signoffs(path), lambda: append_signoff(path, **GOOD)):
        with pytest.raises(ConfigError, match=r"signoffs\.jsonl:1 is not JSON"):
            act()
    assert path.read_bytes() == b"{broken}\n"


def test_no_file_is_no_records(tmp_path: Path) -> None:
    """Reading makes nothing."""
    assert read_signoffs(tmp_path / "signoffs.jsonl") == ([], ("signoffs.jsonl is not there yet: nothing is signed",))
    assert list(tmp_path.iterdir()) == []


def test_row_86_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Row 86: a folder in the file's place, or a file in the folder's."""
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "signoffs.jsonl"):
        with pytest.raises(ConfigError, match="cannot be written"):
            append_signoff(path, **GOOD)


def test_row_85_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 85: what did not reach the disk is not called recorded, and does not spoil the file."""
    path = tmp_path / "signoffs.jsonl"
    append_signoff(path, **GOOD)
    write = os.write
    monkeypatch.setattr(ledger.os, "write", lambda descriptor, line: write(descriptor, line[:20]))
    with pytest.raises(ConfigError, match="half of the record"):
        append_signoff(path, **GOOD)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledger.os, "write", full)
    with pytest.raises(ConfigError, match="was not written: No space left on device"):
        append_signoff(path, **GOOD)
    monkeypatch.undo()
    append_signoff(path, **GOOD | {"by": "lee"})
    assert [each["by"] for each in read_signoffs(path)[0]] == ["김민준", "lee"]


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    """Many at once: every record is there, whole."""
    path = tmp_path / "signoffs.jsonl"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda at: append_signoff(path, **GOOD | {"by": f"writer {at}"}), range(24)))
    assert sorted(each["by"] for each in read_signoffs(path)[0]) == sorted(f"writer {at}" for at in range(24))


def test_row_89_a_file_that_somebody_holds_is_told(tmp_path: Path) -> None:
    """Row 89: held elsewhere for longer than one waits is an error; free again, it can be had."""
    path = tmp_path / "signoffs.jsonl"
    wait = timedelta(milliseconds=50)
    with appending(path), pytest.raises(ConfigError, match="is being written by somebody else"), appending(path, wait):
        pytest.fail("two held it")
    append_signoff(path, **GOOD)
    assert len(read_signoffs(path)[0]) == 1
