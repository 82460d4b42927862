"""GO only at the end of a watch that was seen to its end; NO-GO at once; everything else is HOLD."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.canary_sim import RULEBOOK, START, World, watch
from tests.watch_sim import ALERTING, HOUR, Channel, FakeHands, logged, make_watch

from gonogo.flows.watch.parts import Reports, RolledBack
from gonogo.flows.watch.sampler import Taken
from gonogo.flows.watch.store import Store
from gonogo.flows.watch_replay import replay
from gonogo.model.verdict import Decision
from gonogo.model.watch import CANARY, CanaryVerdict, SideSample
from gonogo.reporting.files import file_digest

BAD = World(errors=0.3)


def test_go_is_said_at_the_end_and_not_before(tmp_path: Path) -> None:
    """Proven after 40 min, said after two hours; the verdict holds the digest of the samples."""
    hands = FakeHands()
    one = make_watch(tmp_path, watch(1, 200, World(errors=0.001)), lasts=2 * HOUR, hands=hands)
    seen: list[tuple[float, str]] = []
    one.show = lambda it: seen.append((hands.ticks, it.status()["decision"]))
    assert one.run() is Decision.GO
    assert {word for at, word in seen if at < 7200} == {"HOLD"}
    document = json.loads((one.store.folder / "verdict.json").read_text(encoding="utf-8"))
    assert document["decision"] == "GO"
    assert document["digests"]["samples.jsonl"] == file_digest(one.store.folder / "samples.jsonl")
    assert 118 <= document["last"]["seq"] <= 120


def test_no_go_ends_the_watch_at_once(tmp_path: Path) -> None:
    hands = FakeHands()
    one = make_watch(tmp_path, watch(1, 120, BAD, onset=20), lasts=2 * HOUR, hands=hands)
    assert one.run() is Decision.NO_GO
    assert 21 * 60 <= hands.ticks <= 24 * 60
    assert not any("rollback" in text for text in logged(one, "action"))


def test_the_recorded_samples_give_the_same_decision_again(tmp_path: Path) -> None:
    one = make_watch(tmp_path, watch(3, 120, BAD, onset=20), lasts=2 * HOUR)
    one.run()
    rules = tmp_path / "rules.yaml"
    texts = {name: [rule.text for rule in getattr(RULEBOOK, name)] for name in ("go", "rollback")}
    rules.write_text(json.dumps({**texts, "for": "2h"}), encoding="utf-8")
    again = replay(one.store.folder / "samples.jsonl", rules=rules, environment=None, root=tmp_path)
    assert again.last == one.verdict


def test_a_watch_without_samples_is_hold(tmp_path: Path) -> None:
    one = make_watch(tmp_path, [])
    assert one.run() is Decision.HOLD
    assert logged(one, "decision") == ["ended with HOLD: no sample was taken"]


def test_row82_stopped_before_its_end_is_hold(tmp_path: Path) -> None:
    """Also when all that was seen so far would be GO."""
    hands = FakeHands()
    one = make_watch(tmp_path, watch(1, 150, World(errors=0.001)), lasts=24 * HOUR, hands=hands)
    hands.at[2 * 3600] = lambda: setattr(hands, "stopped", True)
    assert one.run() is Decision.HOLD
    assert one.verdict is not None
    assert one.verdict.decision is Decision.GO
    assert json.loads((one.store.folder / "verdict.json").read_text(encoding="utf-8"))["early"]


@pytest.mark.parametrize("silent", [6, 15])
def test_an_end_that_was_not_seen_is_hold(tmp_path: Path, silent: int) -> None:
    """What was proven in the first hours says nothing of the last minutes."""
    one = make_watch(tmp_path, watch(1, 180 - silent, World(errors=0.001)), lasts=3 * HOUR)
    assert one.run() is Decision.HOLD
    assert one.verdict is not None
    assert one.verdict.decision is Decision.GO


def test_a_back_end_that_fails_to_the_end_is_hold(tmp_path: Path) -> None:
    """Samples come, and nothing was seen in them."""
    samples = list(watch(1, 180, World(errors=0.001)))
    blind = SideSample(unseen={"requests": "unreachable: the back end is away"})
    samples[170:] = [replace(one, sides={**one.sides, CANARY: blind}) for one in samples[170:]]
    one = make_watch(tmp_path, samples, lasts=3 * HOUR)
    assert one.run() is Decision.HOLD
    assert "not seen on both sides" in logged(one, "decision")[-1]


def test_most_of_the_time_has_to_be_watched(tmp_path: Path) -> None:
    """Two hours of four, the last of them seen, are HOLD."""
    one = make_watch(tmp_path, list(watch(1, 240, World(errors=0.001)))[120:], lasts=4 * HOUR)
    assert one.run() is Decision.HOLD
    assert "samples of 2h; 4h were to be watched" in logged(one, "decision")[-1]


def test_row120_a_clock_that_jumps_is_told_and_moves_no_end(tmp_path: Path) -> None:
    """Put back by an hour, the watch lasts as long as was asked for; put ahead, its time is over sooner, as a gap."""
    for jump, lasted in ((-1, 2 * 3600), (1, 3600)):
        hands = FakeHands()

        def leap(hands: FakeHands = hands, jump: int = jump) -> None:
            hands.wall += jump * HOUR

        hands.at[1800] = leap
        one = make_watch(tmp_path / str(jump), watch(1, 20, World()), lasts=2 * HOUR, hands=hands)
        assert one.run() is Decision.HOLD
        assert abs(hands.ticks - lasted) <= 60
        assert any("the clock went 1h" in note for note in logged(one, "note"))


def test_row124_a_suspended_machine_leaves_a_gap(tmp_path: Path) -> None:
    """An hour asleep in a watch of three: the samples of that time are missing, and the decision is HOLD."""
    hands = FakeHands()

    def sleep() -> None:
        hands.wall += HOUR

    hands.at[3600] = sleep
    samples = [one for n, one in enumerate(watch(1, 190, World(errors=0.001))) if not 60 <= n < 120]
    one = make_watch(tmp_path, samples, lasts=3 * HOUR, hands=hands)
    assert one.run() is Decision.HOLD
    assert one.verdict is not None
    assert [(gap.until - gap.since) for gap in one.verdict.gaps] == [HOUR]


def test_a_late_tick_loses_nothing(tmp_path: Path) -> None:
    """The sampler is asked from where the last sample ended; ticks that were missed are not made up for."""
    hands = FakeHands()
    hands.at[600] = lambda: hands.pause(250)
    one = make_watch(tmp_path, watch(1, 60, World()), hands=hands)
    one.run()
    assert one.verdict is not None
    assert one.verdict.seq == 60
    assert one.verdict.gaps == ()


class _Back:
    """A rollback that notes when it was done."""

    def __init__(self, *, fails: bool = False) -> None:
        self.calls: list[CanaryVerdict] = []
        self.fails = fails

    def __call__(self, verdict: CanaryVerdict) -> RolledBack:
        self.calls.append(verdict)
        if self.fails:
            raise RuntimeError("Cloud Run says no")
        return RolledBack(done=True, text="ion-api serves 100 % again", did={"stable": 100})


def test_no_go_rolls_back_and_says_so(tmp_path: Path) -> None:
    back, channel = _Back(), Channel()
    one = make_watch(tmp_path, watch(1, 60, BAD), rollback=back, channel=channel, rulebook=ALERTING)
    assert one.run() is Decision.NO_GO
    assert len(back.calls) == 1
    assert logged(one, "action") == ["rollback begins", "ion-api serves 100 % again"]
    assert any("100 % again" in text for text in channel.texts)


def test_a_rollback_that_fails_pages(tmp_path: Path) -> None:
    channel = Channel()
    one = make_watch(tmp_path, watch(1, 60, BAD), rollback=_Back(fails=True), channel=channel, rulebook=ALERTING)
    assert one.run() is Decision.NO_GO
    assert any("ROLLBACK FAILED" in text and "Cloud Run says no" in text for text in channel.texts)


def test_both_sides_bad_is_no_go_without_a_rollback(tmp_path: Path) -> None:
    back = _Back()
    one = make_watch(tmp_path, watch(1, 60, BAD, World(requests=1200, errors=0.3)), rollback=back)
    assert one.run() is Decision.NO_GO
    assert back.calls == []
    assert logged(one, "action") == ["no rollback: the stable side breaks the same rules"]


def test_a_report_comes_every_half_hour_and_its_failure_ends_nothing(tmp_path: Path) -> None:
    def fails() -> str:
        raise OSError("no load run could be made")

    one = make_watch(
        tmp_path, watch(1, 120, World()), lasts=2 * HOUR, reports=Reports(every=timedelta(minutes=30), look=fails)
    )
    one.run()
    said = logged(one, "report")
    assert len([text for text in said if "so far at sample" in text]) in (3, 4)
    assert any("no load run could be made" in text for text in said)


def test_a_sample_is_taken_as_soon_as_it_can_be_told(tmp_path: Path) -> None:
    """Begun 40 s after the minute with 30 s of lag, looks come a moment after each half minute."""
    hands = FakeHands(START + timedelta(seconds=40))
    one = make_watch(tmp_path, watch(1, 60, World()), hands=hands, lasts=timedelta(minutes=10))
    looked: list[float] = []
    take = one.sampler.take

    class Telling:
        def take(self, after: datetime | None, now: datetime) -> Taken:
            looked.append(now.second)
            return take(after, now - timedelta(seconds=30))

        def due(self, after: datetime | None) -> datetime:
            return (after or START) + timedelta(seconds=91)

    one.sampler = Telling()
    one.run()
    assert looked[0] == 40
    assert set(looked[1:-1]) == {31}


def test_nobody_is_told_of_a_go_that_was_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when the verdict is written; a process that goes on comes to the same GO, and tells it."""
    channel, hands = Channel(), FakeHands()
    samples = list(watch(1, 60, World(errors=0.001)))
    one = make_watch(tmp_path, samples, hands=hands, channel=channel, rulebook=ALERTING)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "verdict", full)
        with pytest.raises(OSError, match="No space"):
            one.run()
    assert not [text for text in channel.texts if "GO" in text]
    later = FakeHands(hands.wall + timedelta(seconds=20))
    assert make_watch(tmp_path, samples, hands=later, channel=channel, rulebook=ALERTING).run() is Decision.GO
    assert [text for text in channel.texts if "GO" in text] == ["e: the watch ended with GO: all is proven"]


def test_a_watch_that_goes_on_long_after_its_last_sample_is_hold(tmp_path: Path) -> None:
    """All but the last two minutes were seen, and then nobody watched for six."""
    samples, hands = list(watch(1, 60, World(errors=0.001)))[:58], FakeHands()

    def die() -> None:
        raise KeyboardInterrupt

    hands.at[58 * 60 + 10] = die
    with pytest.raises(KeyboardInterrupt):
        make_watch(tmp_path, samples, hands=hands).run()
    assert make_watch(tmp_path, samples, hands=FakeHands(START + timedelta(minutes=64))).run() is Decision.HOLD
