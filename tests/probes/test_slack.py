"""slack: a channel's messages by Slack's own client, with our transport below it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from gonogo.model.environment import Auth, AuthKind, BackEnd
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.slack import Slack, look, post

NOW = datetime.fromisoformat("2026-11-20T09:00:00+00:00")
LIST, HISTORY = "/api/conversations.list", "/api/conversations.history"
CHANNELS = {"ok": True, "channels": [{"id": "C1", "name": "production-alerts"}, {"id": "C2", "name": "operations"}]}

Make = Callable[..., Vantage]


def said(text: str, minutes: int = 5, **more: Any) -> dict[str, Any]:
    return {"ts": f"{(NOW - timedelta(minutes=minutes)).timestamp():.6f}", "text": text, "user": "U1", **more}


def history(*messages: dict[str, Any], following: str = "") -> dict[str, Any]:
    more = {"has_more": bool(following), "response_metadata": {"next_cursor": following}}
    return {"ok": True, "messages": list(messages), **more}


@pytest.fixture
def vantage(fake: Any, vantage_of: Make) -> Make:
    def make(**options: Any) -> Vantage:
        auth = Auth(kind=AuthKind.BEARER, secret="SLACK")
        names = options.pop("names", {})
        back_end = BackEnd(address=fake.url, auth=auth, names=names, timeout=timedelta(seconds=30))
        return vantage_of({"slack": back_end}, secrets={"SLACK": "xoxb-right-horse"}, **options)

    fake.answers |= {LIST: CHANNELS, HISTORY: history()}
    return make


def asked(call: Any) -> dict[str, str]:
    return {**call.query, **call.form}


def test_messages_of_a_channel_by_its_name(fake: Any, vantage: Make) -> None:
    """The name becomes an id, the token goes along, comings and goings are left out, Korean text survives."""
    fake.answers[HISTORY] = history(
        said("배포 v1.2.3", 5), said("joined", 6, subtype="channel_join"), said("bot", 7, user=None, bot_id="B1")
    )
    sight = look(Slack(channel="#production-alerts", over=timedelta(hours=1)), vantage())
    assert isinstance(sight.outcome, Seen), sight.outcome
    data = sight.outcome.data
    assert (data["channel"], data["count"]) == ("production-alerts", 2)
    assert [(each["text"], each["user"]) for each in data["messages"]] == [("배포 v1.2.3", "U1"), ("bot", "B1")]
    assert datetime.fromisoformat(data["messages"][0]["t"]) == NOW - timedelta(minutes=5)
    assert [call.path for call in fake.calls] == [LIST, HISTORY]
    assert {call.headers["authorization"] for call in fake.calls} == {"Bearer xoxb-right-horse"}
    assert asked(fake.calls[1])["channel"] == "C1"
    assert float(asked(fake.calls[1])["oldest"]) == (NOW - timedelta(hours=1)).timestamp()


def test_channels_are_listed_once_a_run(fake: Any, vantage: Make) -> None:
    """Two looks at two channels share one conversations.list."""
    here = vantage()
    for channel in ("production-alerts", "operations"):
        assert isinstance(look(Slack(channel=channel), here).outcome, Seen)
    assert [call.path for call in fake.calls].count(LIST) == 1


def test_an_id_of_the_environment_spares_the_list(fake: Any, vantage: Make) -> None:
    """A channel whose id the environment names is asked for directly."""
    assert isinstance(look(Slack(channel="operations"), vantage(names={"operations": "C9"})).outcome, Seen)
    assert [(call.path, asked(call)["channel"]) for call in fake.calls] == [(HISTORY, "C9")]


def test_since_the_deploy(fake: Any, vantage: Make) -> None:
    """since_t0 asks from T0; before T0 there is nothing to see, and nothing is sent."""
    t0 = NOW - timedelta(minutes=30)
    assert isinstance(look(Slack(channel="operations", since_t0=True), vantage(t0=t0)).outcome, Seen)
    assert float(asked(fake.calls[1])["oldest"]) == t0.timestamp()
    fake.calls.clear()
    for early in (None, NOW + timedelta(hours=1)):
        outcome = look(Slack(channel="operations", since_t0=True), vantage(t0=early)).outcome
        assert isinstance(outcome, Unseen)
        assert outcome.cause is Cause.NO_DATA
    assert fake.calls == []


def test_row_44_all_pages_are_read(fake: Any, vantage: Make) -> None:
    """Row 44: channels and messages are read to their last page."""
    fake.answers[LIST] = lambda call: (
        CHANNELS
        if asked(call).get("cursor") == "two"
        else {"ok": True, "channels": [{"id": "C0", "name": "general"}], "response_metadata": {"next_cursor": "two"}}
    )
    fake.answers[HISTORY] = lambda call: (
        history(said("older", 9)) if asked(call).get("cursor") else history(said("newer"), following="next")
    )
    outcome = look(Slack(channel="operations"), vantage()).outcome
    assert isinstance(outcome, Seen)
    assert [each["text"] for each in outcome.data["messages"]] == ["newer", "older"]


@pytest.mark.parametrize(
    "page",
    [history(said("a"), following="same"), {"ok": True, "messages": [], "has_more": True}],
    ids=["repeats", "lost"],
)
def test_row_44_a_cursor_that_repeats_or_is_lost_is_partial(fake: Any, vantage: Make, page: dict[str, Any]) -> None:
    """Row 44: half a history is PARTIAL."""
    fake.answers[HISTORY] = page
    outcome = look(Slack(channel="operations"), vantage()).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.PARTIAL


def test_an_unknown_channel_is_no_data(vantage: Make) -> None:
    """A channel that the token cannot see is named."""
    outcome = look(Slack(channel="nowhere"), vantage()).outcome
    assert outcome == Unseen(cause=Cause.NO_DATA, detail="no channel #nowhere among the 2 that this token may see")


@pytest.mark.parametrize(
    ("answer", "cause", "named"),
    [
        ({"ok": False, "error": "invalid_auth"}, Cause.DENIED, "invalid_auth"),
        ({"ok": False, "error": "missing_scope", "needed": "channels:history"}, Cause.DENIED, "needs channels:history"),
        ({"ok": False, "error": "ratelimited"}, Cause.LIMITED, "ratelimited"),
        ({"ok": False, "error": "fatal_error"}, Cause.BROKEN, "fatal_error"),
        ((401, {}), Cause.DENIED, "answered 401"),
        ((429, {}, {"Retry-After": "900"}), Cause.LIMITED, "Retry-After: 900"),
        ((503, b"down"), Cause.BROKEN, "answered 503"),
        (b"<html>", Cause.BROKEN, "not JSON"),
        (b'{"ok": false, "ok": true, "messages": []}', Cause.BROKEN, "stands 2 times"),
        ({"ok": True}, Cause.BROKEN, "promised shape"),
        ((302, b"", {"Location": "http://127.0.0.1:1/steal"}), Cause.BROKEN, "answered 302"),
    ],
)
def test_row_48_what_is_no_answer_decides_nothing(
    fake: Any, vantage: Make, answer: Any, cause: Cause, named: str
) -> None:
    """Row 48: refusals, limits, redirects and nonsense are Unseen, sent once, without the token."""
    fake.answers[HISTORY] = answer
    outcome = look(Slack(channel="operations"), vantage()).outcome
    assert isinstance(outcome, Unseen)
    assert outcome.cause is cause, outcome
    assert named in outcome.detail
    assert "xoxb" not in outcome.detail
    assert [call.path for call in fake.calls].count(HISTORY) == 1


def test_row_17_proxy_variables_are_ignored(fake: Any, vantage: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 17: the SDK's own reading of HTTP_PROXY leads nowhere."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert isinstance(look(Slack(channel="operations"), vantage()).outcome, Seen)
    assert len(fake.calls) == 2


def test_a_path_in_the_address_is_kept(fake: Any, vantage_of: Make) -> None:
    """An address with a path is the API's own; one without gets Slack's /api/."""
    fake.answers["/slack/conversations.history"] = history()
    vantage = vantage_of({"slack": BackEnd(address=f"{fake.url}/slack/", names={"operations": "C2"})})
    assert isinstance(look(Slack(channel="operations"), vantage).outcome, Seen)


def test_a_missing_package_names_the_extra(vantage: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without slack-sdk the way to get it is told."""
    import sys

    monkeypatch.setitem(sys.modules, "slack_sdk", None)
    with pytest.raises(ConfigError, match=r"pip install 'gonogo\[slack\]'"):
        look(Slack(channel="operations"), vantage())


POST = "/api/chat.postMessage"


def test_a_message_is_posted_to_the_channel_of_that_name(fake: Any, vantage: Make) -> None:
    """By its id, with the token, and nothing in it is unfolded."""
    fake.answers[POST] = {"ok": True, "channel": "C1", "ts": "1.0"}
    post(vantage(), "production-alerts", "NO-GO 카나리")
    assert [call.path for call in fake.calls] == [LIST, POST]
    said = asked(fake.calls[1])
    assert (said["channel"], said["text"], str(said["unfurl_links"]).lower()) == ("C1", "NO-GO 카나리", "false")


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        ({"ok": False, "error": "not_in_channel"}, Cause.DENIED),
        ({"ok": False, "error": "ratelimited"}, Cause.LIMITED),
        ({"ok": False, "error": "msg_too_long"}, Cause.BROKEN),
    ],
)
def test_a_message_that_was_not_taken_is_a_failure(
    fake: Any, vantage: Make, answer: dict[str, Any], cause: Cause
) -> None:
    fake.answers[POST] = answer
    with pytest.raises(Failure, match=str(answer["error"])) as failure:
        post(vantage(), "production-alerts", "text")
    assert failure.value.cause is cause


def test_a_message_to_no_channel_is_not_sent(fake: Any, vantage: Make) -> None:
    with pytest.raises(Failure, match="no channel #nowhere"):
        post(vantage(), "nowhere", "text")
    assert [call.path for call in fake.calls] == [LIST]
