"""One alert a change of state, by the levels of the environment; never twice for the same, also after a restart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.canary_sim import MINUTE, RULEBOOK, START, World, watch
from tests.watch_sim import ALERTING, HOUR, Channel, FakeHands, logged, make_watch

from gonogo.config.rules import check_rulebook
from gonogo.flows.watch.alerting import TRIES
from gonogo.model.errors import ConfigError, Origin
from gonogo.model.evidence import Cause
from gonogo.model.rulebook import Alerting
from gonogo.model.watch import CANARY, Sample, SideSample
from gonogo.probes.failure import Failure

PATIENT = replace(ALERTING, rollback=(replace(RULEBOOK.rollback[0], limit=0.99),), false_alarms=1e-300)


def with_errors(samples: list[Sample], ratio: float, *where: range) -> list[Sample]:
    """Samples of which some have this share of errors on the canary."""
    made = list(samples)
    for at in (at for each in where for at in each):
        side = made[at].sides[CANARY]
        made[at] = replace(
            made[at], sides={**made[at].sides, CANARY: replace(side, errors=round(ratio * (side.requests or 0)))}
        )
    return made


HEALTHY = list(watch(1, 200, World(errors=0.0)))


def test_a_state_is_told_when_it_begins_and_when_it_is_over(tmp_path: Path) -> None:
    """Ten bad minutes are one alert; three clean samples end them."""
    channel = Channel()
    samples = with_errors(HEALTHY[:60], 0.5, range(10, 20))
    one = make_watch(tmp_path, samples, rulebook=PATIENT, channel=channel)
    one.run()
    critical = [alert for alert in channel.said if alert.level == "critical"]
    assert [alert.key for alert in critical] == ["critical:11", "critical-over:23"]
    assert critical[0].text.startswith("e: critical at sample 11: error_ratio > 0.1: 0.49")
    assert {alert.to for alert in critical} == {"alarms"}


def test_a_state_that_flutters_is_told_once(tmp_path: Path) -> None:
    """Every other sample bad: it began once and is not over."""
    channel = Channel()
    samples = with_errors(HEALTHY[:40], 0.5, range(10, 40, 2))
    make_watch(tmp_path, samples, rulebook=PATIENT, channel=channel, lasts=40 * MINUTE).run()
    assert [alert.key for alert in channel.said if alert.level == "critical"] == ["critical:11"]


def test_a_warning_that_lasts_is_told_once_an_hour(tmp_path: Path) -> None:
    channel = Channel()
    samples = with_errors(HEALTHY[:180], 0.07, range(10, 180))
    make_watch(tmp_path, samples, rulebook=PATIENT, channel=channel, lasts=3 * HOUR).run()
    warnings = [alert.text for alert in channel.said if alert.level == "warning"]
    assert [text.split(": ")[1] for text in warnings] == [
        "warning at sample 11",
        "still warning at sample 71",
        "still warning at sample 131",
    ]


def test_a_word_every_morning(tmp_path: Path) -> None:
    """At 9 in Seoul, which is midnight in UTC; once a day, whatever the state."""
    channel = Channel()
    book = replace(PATIENT, alerts={"info": Alerting(to="notes", at="10:30+09:00")})
    make_watch(tmp_path, HEALTHY[:120], rulebook=book, channel=channel, lasts=2 * HOUR).run()
    assert [alert.key for alert in channel.said] == ["info-day:2026-11-20", "ended"]
    assert "after 90 samples" in channel.said[0].text


@pytest.mark.parametrize("at", ["9:00+09:00", "24:00Z", "09:00", "morning"])
def test_a_time_of_the_day_has_its_zone(at: str) -> None:
    book = replace(RULEBOOK, alerts={"info": Alerting(to="notes", at=at)})
    with pytest.raises(ConfigError, match=r"watch\.alerts\.info\.at: .* is no time of the day"):
        check_rulebook(book, lambda *_: Origin(file="e.yaml"))


def test_a_channel_that_fails_is_tried_again_and_ends_nothing(tmp_path: Path) -> None:
    """Three failures, then it stands there once; what nobody knows of is looked for before it is posted again."""
    channel = Channel(fails=3)
    samples = with_errors(HEALTHY[:60], 0.5, range(10, 60))
    one = make_watch(tmp_path, samples, rulebook=PATIENT, channel=channel)
    one.run()
    assert [alert.key for alert in channel.said].count("critical:11") == 1
    assert channel.asked[:1] == ["critical:11"]
    assert len([text for text in logged(one, "error") if "critical:11" in text]) == 2


def test_a_channel_that_never_answers_is_given_up(tmp_path: Path) -> None:
    channel = Channel(fails=10_000)
    samples = with_errors(HEALTHY[:60], 0.5, range(10, 60))
    one = make_watch(tmp_path, samples, rulebook=PATIENT, channel=channel)
    one.run()
    assert len([text for text in logged(one, "error") if "alert critical:11 " in text]) == TRIES


def test_what_was_refused_needs_no_look_into_the_channel(tmp_path: Path) -> None:
    class Denied(Channel):
        def __call__(self, _: object) -> None:
            raise Failure(Cause.DENIED, "slack: not_in_channel")

    channel = Denied()
    make_watch(tmp_path, with_errors(HEALTHY[:60], 0.5, range(10, 60)), rulebook=PATIENT, channel=channel).run()
    assert channel.asked == []


def test_nothing_is_told_twice_after_a_restart(tmp_path: Path) -> None:
    """Cut off at any sample and gone on with, the channel holds what an uninterrupted watch says."""
    samples = with_errors(HEALTHY[:60], 0.5, range(10, 25), range(40, 50))
    whole = Channel()
    make_watch(tmp_path / "whole", samples, rulebook=PATIENT, channel=whole).run()
    for cut in (11, 12, 28, 45):
        channel, base, hands = Channel(), tmp_path / str(cut), FakeHands()
        first = make_watch(base, samples, rulebook=PATIENT, channel=channel, hands=hands)

        def die() -> None:
            raise KeyboardInterrupt

        hands.at[cut * 60] = die
        with pytest.raises(KeyboardInterrupt):
            first.run()
        hands = FakeHands(START + timedelta(seconds=cut * 60))
        make_watch(base, samples, rulebook=PATIENT, channel=channel, hands=hands).run()
        assert channel.texts == whole.texts


def test_an_alert_cut_off_in_posting_is_looked_for_first(tmp_path: Path) -> None:
    """It was posted, and the process died before it could note so."""

    class Dies(Channel):
        def __call__(self, alert: object) -> None:
            super().__call__(alert)  # type: ignore[arg-type]
            raise KeyboardInterrupt

    samples = with_errors(HEALTHY[:60], 0.5, range(10, 60))
    dying, hands = Dies(), FakeHands()
    with pytest.raises(KeyboardInterrupt):
        make_watch(tmp_path, samples, rulebook=PATIENT, channel=dying, hands=hands).run()
    channel = Channel()
    channel.said = dying.said
    make_watch(tmp_path, samples, rulebook=PATIENT, channel=channel, hands=FakeHands(hands.wall)).run()
    assert [alert.key for alert in channel.said].count("critical:11") == 1
    assert channel.asked == ["critical:11"]


def test_a_watch_that_sees_nothing_is_not_quiet(tmp_path: Path) -> None:
    """After ten samples without one side somebody is told, with the reason; and again when it is seen."""
    channel = Channel()
    samples = list(HEALTHY[:60])
    blind = SideSample(unseen={"requests": "denied: monitoring.timeSeries.list"})
    for at in range(20, 40):
        samples[at] = replace(samples[at], sides={**samples[at].sides, CANARY: blind})
    make_watch(tmp_path, samples, rulebook=PATIENT, channel=channel).run()
    warnings = [alert for alert in channel.said if alert.level == "warning"]
    assert [alert.key for alert in warnings] == ["blind:30", "seen:41"]
    assert "denied: monitoring.timeSeries.list" in warnings[0].text


def test_a_watch_to_which_nothing_comes_is_not_quiet(tmp_path: Path) -> None:
    channel = Channel()
    make_watch(tmp_path, HEALTHY[:5], rulebook=PATIENT, channel=channel).run()
    assert [alert.key for alert in channel.said] == ["silent:5", "ended"]
