"""A sample that was acknowledged is there: after a kill, with a torn tail cut off, and never with a line changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.canary_sim import START, World, watch
from tests.watch_sim import HOUR, FakeHands, logged, make_watch

from gonogo.flows.watch.store import SAMPLES, Store, read_log
from gonogo.model.errors import ConfigError
from gonogo.model.secret import Redactor
from gonogo.model.verdict import Decision
from gonogo.model.watch import CANARY, Sample, SideSample

SAMPLES_OF_AN_HOUR = list(watch(1, 60, World(errors=0.001)))


def store_of(base: Path, count: int = 3, redactor: Redactor | None = None) -> Store:
    store = Store.create(base, {"environment": "e"}, START, redactor or Redactor())
    for sample in SAMPLES_OF_AN_HOUR[:count]:
        store.append(sample)
    return store


def test_row87_a_torn_last_line_is_cut_off_and_noted(tmp_path: Path) -> None:
    """At every byte of the last line: what was whole stays, and the next sample goes on from there."""
    store = store_of(tmp_path)
    path = store.folder / SAMPLES
    whole = path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for cut in (start + 1, start + 50, len(whole) - 1):
        path.write_bytes(whole[:cut])
        again = Store.open(store.folder)
        recorded = again.resume()
        assert [one.seq for one in recorded.samples] == [1, 2]
        assert "no end and was left out" in recorded.notes[0]
        again.append(SAMPLES_OF_AN_HOUR[2])
        assert path.read_bytes() == whole


def test_row88_a_file_that_is_no_watch_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"schema": "gonogo/watch-plan/9"}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"plan\.json: not of schema gonogo/watch-plan/1"):
        Store.open(tmp_path)


@pytest.mark.parametrize("harm", ["flip", "delete", "swap", "double"])
def test_row90_nothing_is_built_upon_a_line_that_was_touched(tmp_path: Path, harm: str) -> None:
    store = store_of(tmp_path)
    path = store.folder / SAMPLES
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(
        b"".join(
            {
                "flip": (first, second.replace(b'"errors":', b'"errors":1', 1), third),
                "delete": (first, third),
                "swap": (second, first, third),
                "double": (first, second, second, third),
            }[harm]
        )
    )
    with pytest.raises(ConfigError, match=r"samples\.jsonl"):
        Store.open(store.folder).resume()


def test_row85_a_full_disk_tears_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line was written when the disk was full: it is taken back, and what was kept before stays."""
    store = store_of(tmp_path)
    before = (store.folder / SAMPLES).read_bytes()
    monkeypatch.setattr(os, "write", _half(os.write))
    with pytest.raises(OSError, match="No space"):
        store.append(SAMPLES_OF_AN_HOUR[3])
    assert (store.folder / SAMPLES).read_bytes() == before


def _half(write: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
    state = {"first": True}

    def half(handle: int, data: bytes) -> int:
        if state.pop("first", False):
            return write(handle, bytes(data)[:100])
        raise OSError(28, "No space left on device")

    return half


def test_a_watch_that_cannot_be_kept_is_no_go_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No verdict is written: no verdict file is no GO."""
    one = make_watch(tmp_path, SAMPLES_OF_AN_HOUR)

    def full(_: Sample) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Store, "append", lambda _self, sample: full(sample))
    with pytest.raises(OSError, match="No space"):
        one.run()
    assert not (one.store.folder / "verdict.json").exists()


def test_secrets_stay_out_of_everything(tmp_path: Path) -> None:
    store = Store.create(tmp_path, {"environment": "e"}, START, Redactor(["hunter2-hunter2"]))
    sample = SAMPLES_OF_AN_HOUR[0]
    side = SideSample(unseen={"requests": "the token hunter2-hunter2 is refused"})
    store.append(Sample(seq=1, since=sample.since, until=sample.until, sides={CANARY: side}))
    store.log(START, "note", "hunter2-hunter2 again")
    store.status({"notes": ["hunter2-hunter2"]})
    store.verdict({"reasons": ["hunter2-hunter2"]})
    for path in store.folder.iterdir():
        assert "hunter2" not in path.read_text(encoding="utf-8"), path


def test_a_watch_that_was_cut_off_comes_to_the_same_end(tmp_path: Path) -> None:
    """Killed after any sample and gone on with, it holds the same samples and says the same as one that was not."""
    whole = make_watch(tmp_path / "whole", SAMPLES_OF_AN_HOUR)
    assert whole.run() is Decision.GO
    expected = (whole.store.folder / SAMPLES).read_bytes()
    for cut in (1, 30, 59):
        base, hands = tmp_path / str(cut), FakeHands()

        def die() -> None:
            raise KeyboardInterrupt

        hands.at[cut * 60] = die
        with pytest.raises(KeyboardInterrupt):
            make_watch(base, SAMPLES_OF_AN_HOUR, hands=hands).run()
        again = make_watch(base, SAMPLES_OF_AN_HOUR, hands=FakeHands(hands.wall))
        assert again.run() is Decision.GO
        assert (again.store.folder / SAMPLES).read_bytes() == expected
        assert again.verdict == whole.verdict
        assert any(note.startswith("goes on after sample") for note in logged(again, "note"))


def test_the_time_between_is_a_gap(tmp_path: Path) -> None:
    """Forty minutes of an hour away: what came meanwhile is not there, and the decision is HOLD."""
    hands = FakeHands()

    def die() -> None:
        raise KeyboardInterrupt

    hands.at[610] = die
    with pytest.raises(KeyboardInterrupt):
        make_watch(tmp_path, SAMPLES_OF_AN_HOUR[:10], hands=hands).run()
    later = FakeHands(START + 50 * (HOUR / 60))
    again = make_watch(tmp_path, SAMPLES_OF_AN_HOUR[50:], hands=later)
    assert again.run() is Decision.HOLD
    assert again.verdict is not None
    assert [gap.until - gap.since for gap in again.verdict.gaps] == [40 * (HOUR / 60)]


def test_a_log_with_a_torn_line_goes_on(tmp_path: Path) -> None:
    store = store_of(tmp_path)
    store.log(START, "note", "one")
    with (store.folder / "log.jsonl").open("ab") as file:
        file.write(b'{"at": "2026')
    store.log(START, "note", "두 번째")
    assert [entry["text"] for entry in read_log(store.folder)] == ["one", "두 번째"]
    assert json.loads((store.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])["kind"] == "note"
