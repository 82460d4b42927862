"""A Slack channel's messages since a moment, by the Web API; and a message of ours into one."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import Observer, cause_of, observe
from gonogo.probes.http.transport import Ask, fetch
from gonogo.probes.json_strict import parse_json

if TYPE_CHECKING:
    from slack_sdk import WebClient

_PAGE = 200
_MAX_PAGES = 50
_TEXT = 4_000
# https://docs.slack.dev/reference/methods/conversations.history#errors
_DENIED = frozenset(
    (
        *("not_authed", "invalid_auth", "account_inactive", "token_revoked", "token_expired", "access_denied"),
        *("missing_scope", "no_permission", "not_in_channel", "not_allowed_token_type", "ekm_access_denied"),
    )
)
_COMINGS = frozenset(("channel_join", "channel_leave", "channel_topic", "channel_purpose", "channel_name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slack:
    """`channel` by its name; messages of the last `over`, or since the deploy."""

    channel: str
    over: timedelta = timedelta(hours=24)
    since_t0: bool = False


@dataclass(slots=True)
class _Channels:
    """Names to ids: asked for once a run, by the first look that needs them."""

    ids: dict[str, str] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


def look(options: Slack, vantage: Vantage) -> Sight:
    """{channel, since, messages: [{t, text, user}], count}, newest first. No message is an answer, no channel is
    none. The back end's `names` may give a channel's id; otherwise conversations.list does.
    """
    observer = Observer(vantage=vantage, name="slack")
    name = options.channel.removeprefix("#")

    def see() -> Seen | Unseen:
        since = vantage.t0 if options.since_t0 else vantage.now - options.over
        if since is None or since >= vantage.now:
            return Unseen(cause=Cause.NO_DATA, detail=f"#{name}: nothing can have been said since T0, it is not past")
        client = _client(observer)
        channel = observer.back_end.names.get(name) or _find(name, client, vantage)
        messages = [
            {
                "t": datetime.fromtimestamp(float(each["ts"]), UTC).isoformat(),
                "text": str(each.get("text") or "")[:_TEXT],
                "user": each.get("user") or each.get("username") or each.get("bot_id"),
            }
            for each in _pages(
                lambda cursor: client.conversations_history(
                    channel=channel, oldest=f"{since.timestamp():.6f}", limit=_PAGE, cursor=cursor
                ),
                "messages",
            )
            if each.get("subtype") not in _COMINGS
        ]
        return Seen(data={"channel": name, "since": since.isoformat(), "messages": messages, "count": len(messages)})

    return observe(f"{observer.url} #{name}", see)


def post(vantage: Vantage, channel: str, text: str) -> None:
    """Say it in a channel (chat.postMessage). Failure where it was not taken, or nobody knows whether it was.

    `text` is Slack's mrkdwn; links in it are not unfolded.
    """
    observer = Observer(vantage=vantage, name="slack")
    name = channel.removeprefix("#")
    client = _client(observer)
    at = observer.back_end.names.get(name) or _find(name, client, vantage)
    _asked(lambda: client.chat_postMessage(channel=at, text=text, unfurl_links=False, unfurl_media=False))


def _client(observer: Observer) -> WebClient:
    """Slack's own client, with our transport below it: one deadline, byte cap, no redirects, no proxies, and the
    token is added there, so that the client never holds it.
    """
    try:
        from slack_sdk import WebClient  # noqa: PLC0415 - clients are imported when first needed
    except ImportError:
        raise ConfigError("a slack probe needs slack-sdk: pip install 'gonogo[slack]'") from None
    url = observer.url

    class Client(WebClient):
        # The SDK goes through urllib, which follows redirects, heeds proxy variables and reads without end.
        def _perform_urllib_http_request_internal(self, url: str, req: Any) -> dict[str, Any]:
            ask = Ask(
                url=url,
                method=req.get_method(),
                headers=dict(req.header_items()),
                body=req.data,
                auth=observer.back_end.auth,
                ca=observer.back_end.ca,
                body_cap=16 * 1024 * 1024,
            )
            answer = fetch(observer.vantage, ask, observer.deadline)
            if answer.status != 200:
                raise Failure(cause_of(answer), f"{url} answered {answer.status}")
            parse_json(answer.body, url)  # the SDK's own reader takes NaN and doubled keys
            return {"status": 200, "headers": dict(answer.headers), "body": answer.body.decode("utf-8")}

    base = url if urlsplit(url).path else f"{url}/api"
    return Client(base_url=base, retry_handlers=[], logger=_silent())


def _silent() -> logging.Logger:
    """The SDK logs every failed request; here a failure is evidence."""
    logger = logging.getLogger("gonogo.slack")
    logger.setLevel(logging.CRITICAL + 1)
    return logger


def _find(name: str, client: WebClient, vantage: Vantage) -> str:
    channels = vantage.shared("slack channels", _Channels)
    with channels.lock:
        if channels.ids is None:
            kinds = "public_channel,private_channel"

            def ask(cursor: str | None) -> Any:
                return client.conversations_list(types=kinds, exclude_archived=True, limit=_PAGE, cursor=cursor)

            channels.ids = {row["name"]: row["id"] for row in _pages(ask, "channels")}
        ids = channels.ids
    if name not in ids:
        raise Failure(Cause.NO_DATA, f"no channel #{name} among the {len(ids)} that this token may see")
    return ids[name]


def _pages(ask: Callable[[str | None], Any], key: str) -> Iterator[Mapping[str, Any]]:
    """The rows of all pages; a cursor that comes again or is missing makes the whole PARTIAL."""
    cursors: set[str] = set()
    cursor: str | None = None
    while True:
        page = _asked(lambda at=cursor: ask(at))  # type: ignore[misc]
        yield from page[key]
        following = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if not following:
            if page.get("has_more"):
                raise Failure(Cause.PARTIAL, f"slack: more {key} were promised, and no cursor came")
            return
        if following in cursors or len(cursors) >= _MAX_PAGES:
            raise Failure(Cause.PARTIAL, f"slack: {len(cursors) + 1} pages of {key} did not reach an end")
        cursors.add(following)
        cursor = following


def _asked(call: Callable[[], Any]) -> Any:
    """One call's answer; what Slack says against it as a Failure."""
    from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415

    try:
        return call()
    except SlackApiError as error:
        said = str(error.response.get("error"))
        needs = f" (needs {error.response['needed']})" if error.response.get("needed") else ""
        cause = Cause.DENIED if said in _DENIED else Cause.LIMITED if said == "ratelimited" else Cause.BROKEN
        raise Failure(cause, f"slack: {said[:100]}{needs}") from None
    except SlackClientError as error:
        raise Failure(Cause.BROKEN, f"slack: {str(error)[:200]}") from None


PROBE = Probe(options=Slack, look=look, back_ends=("slack",), extra="slack", clients=("slack_sdk",))
