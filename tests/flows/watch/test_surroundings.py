"""Samples from Cloud Monitoring and alerts into Slack, against the rehearsal's own of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.canary_sim import MINUTE, RULEBOOK

from gonogo.config.addresses import resolve_addresses
from gonogo.config.environment import load_environment
from gonogo.flows.started import started
from gonogo.flows.watch.alerting import Alert
from gonogo.flows.watch.cloud import CloudSampler
from gonogo.flows.watch.intervals import CATCH_UP, PATIENCE, whole_minute
from gonogo.flows.watch.slack import SlackPost
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Seen
from gonogo.model.rulebook import Rulebook, Source
from gonogo.model.watch import CANARY, STABLE
from gonogo.probes.base import Vantage
from gonogo.probes.google.monitoring import CloudMonitoringOptions, look
from gonogo.probes.slack import Slack
from gonogo.probes.slack import look as look_at_slack

ROOT = Path(__file__).parents[3]
BOOK = replace(RULEBOOK, source=Source(lag=MINUTE))


@pytest.fixture(scope="module")
def vantage() -> Iterator[Vantage]:
    local = load_environment("local", ROOT / "environments")
    with started(local, ROOT, "stage-5") as up:
        environment = resolve_addresses(local, up.addresses)
        made = Vantage(
            environment=environment, release=None, now=datetime.now(UTC), t0=None, reveal=dict(up.secrets).__getitem__
        )
        yield made
        made.close()


def test_a_sample_holds_what_both_sides_did(vantage: Vantage) -> None:
    now = whole_minute(datetime.now(UTC)) + timedelta(seconds=5)
    (sample,) = CloudSampler(vantage, BOOK, now - 2 * MINUTE).take(None, now).samples
    assert (sample.since, sample.until) == (whole_minute(now) - 2 * MINUTE, whole_minute(now) - MINUTE)
    for name in (CANARY, STABLE):
        side = sample.sides[name]
        assert side.unseen == {}
        assert side.requests is not None
        assert side.requests > 0
        assert side.successes == side.requests - (side.errors or 0)
        assert sum(bucket.count for bucket in side.latency or ()) == side.requests
        assert 0 < side.gauges["memory"] < 1
        assert 0 < side.gauges["cpu"] < 1


def test_nothing_is_counted_twice_or_lost_when_a_look_is_late(vantage: Vantage) -> None:
    """Looks at odd moments, one of them four minutes late: the sum is what one look at the whole time tells."""
    end = whole_minute(datetime.now(UTC)) - MINUTE
    sampler = CloudSampler(vantage, BOOK, end - 8 * MINUTE)
    taken = []
    for seconds in (70, 75, 140, 400, 430, 480, 540):
        after = taken[-1].until if taken else None
        taken += sampler.take(after, end - 8 * MINUTE + timedelta(seconds=seconds)).samples
    assert [one.since for one in taken] == [end - (8 - n) * MINUTE for n in range(8)]
    vantage.now = end
    options = CloudMonitoringOptions(
        metric="run.googleapis.com/request_count", side=CANARY, over=8 * MINUTE, exact=True
    )
    whole = look(options, vantage).outcome
    assert isinstance(whole, Seen), whole
    assert sum(one.sides[CANARY].requests or 0 for one in taken) == whole.data["sum"]


def test_what_is_long_past_stays_a_gap(vantage: Vantage) -> None:
    now = datetime.now(UTC)
    taken = CloudSampler(vantage, BOOK, now - 60 * MINUTE).take(None, now)
    assert len(taken.samples) == CATCH_UP
    assert "were not looked at: a gap" in taken.notes[0]
    assert taken.samples[-1].until == whole_minute(now - MINUTE)


def test_what_nobody_tells_is_unseen_with_its_reason(vantage: Vantage) -> None:
    """Minutes that are still to come hold no point. They are asked for again for five, and then they are a gap."""
    now = whole_minute(datetime.now(UTC)) + timedelta(hours=2)
    sampler = CloudSampler(vantage, BOOK, now - MINUTE)
    early = sampler.take(now - MINUTE, now + MINUTE)
    assert early.samples == ()
    assert "asked for again: no_data: Cloud Monitoring" in early.notes[0]
    (sample,) = sampler.take(now - MINUTE, now + (PATIENCE + 1) * MINUTE).samples
    side = sample.sides[CANARY]
    assert side.requests is None
    assert set(side.unseen) == {"requests", "latency", "memory", "cpu"}
    assert all(why.startswith("no_data: Cloud Monitoring") and "\n" not in why for why in side.unseen.values())


@pytest.mark.parametrize("every", ["90s", "30s"])
def test_an_interval_is_made_of_whole_minutes(vantage: Vantage, every: str) -> None:
    book: Rulebook = replace(BOOK, every=timedelta(seconds=int(every.removesuffix("s"))))
    with pytest.raises(ConfigError, match="Cloud Monitoring tells whole minutes"):
        CloudSampler(vantage, book, datetime.now(UTC))


def test_an_alert_stands_in_the_channel_and_is_known_again(vantage: Vantage) -> None:
    """Whatever is in its text: a sign that Slack takes for a link or a mention is none."""
    post = SlackPost.of(vantage, "watch 20261120T000000Z-abc123")
    assert post is not None
    text = "ion-canary: critical at sample 7: error_ratio > 0.1: 0.5 <!channel>"
    alert = Alert(key="critical:7", level="critical", to="production-alerts", text=text)
    assert not post.heard(alert)
    post(alert)
    assert post.heard(alert)
    assert not post.heard(replace(alert, key="critical:77"))
    vantage.now = datetime.now(UTC)
    seen = look_at_slack(Slack(channel="production-alerts"), vantage).outcome
    assert isinstance(seen, Seen)
    assert "<!" not in seen.data["messages"][0]["text"]
    assert "&lt;!channel&gt;" in seen.data["messages"][0]["text"]
