"""Slack's Web API: channels and their messages, as a scene leaves them, and those that were posted since."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from http_server import Call, HttpServer, Reply
from world import DAY, HOUR, World, WorldRef

CHANNELS = ("general", "production-alerts", "production-logs", "announcements", "incident-response", "operations")
Posted = dict[str, list[dict[str, Any]]]  # messages that somebody posted, by channel; they outlive a scene
BOT, OPERATOR = "U0GONOGO", "U0OPERATOR"


@dataclass(frozen=True, slots=True)
class Workspace:
    """Its channels, and what a world left in one of them before anybody posts here."""

    channels: tuple[str, ...]
    messages: Callable[[Any, str], list[dict[str, Any]]]

    @property
    def ids(self) -> dict[str, str]:
        """Names by id."""
        return {self.id(name): name for name in self.channels}

    def id(self, name: str) -> str:
        """As Slack writes one."""
        return f"C{self.channels.index(name):010d}"


def start(ref: Any, host: str = "127.0.0.1", space: Workspace | None = None) -> str:
    """Serve `space`, ION's without one; returns the URL below which /api/METHOD stands."""
    posted: Posted = {}
    space = space or Workspace(CHANNELS, _messages)
    return HttpServer(lambda call: _answer(ref, call, posted, space), host).url


def _answer(ref: WorldRef, call: Call, posted: Posted, space: Workspace) -> Reply:
    world = ref.world
    if world.fault("slack-rate-limited"):
        return Reply(status=429, body={"ok": False, "error": "ratelimited"}, headers={"Retry-After": "30"})
    arguments = call.form()
    if call.headers.get("content-type", "").startswith("application/json") and call.body:
        arguments |= {name: str(value) for name, value in call.json().items()}
    token = ref.secrets.get("GONOGO_SLACK_TOKEN", "")
    if not call.bearer(token) and arguments.get("token") != token:
        return Reply(body={"ok": False, "error": "invalid_auth"})  # as Slack does: 200, and not ok
    match call.path.rpartition("/")[2]:
        case "auth.test":
            return Reply(body={"ok": True, "url": "https://naeda.slack.com/", "user": "gonogo", "user_id": BOT})
        case "conversations.list":
            return _list(world, arguments, space)
        case "conversations.history":
            return _history(world, arguments, posted, space)
        case "chat.postMessage":
            return _post(world, arguments, posted, space)
        case method:
            return Reply(body={"ok": False, "error": "unknown_method", "req_method": method})


def _list(world: World, arguments: dict[str, str], space: Workspace) -> Reply:
    channels = [
        {
            "id": space.id(name),
            "name": name,
            "is_channel": True,
            "is_member": True,
            "is_archived": False,
            "is_private": False,
        }
        for name in space.channels
        if not (name == "production-alerts" and world.fault("slack-channel-missing"))
    ]
    page, cursor = _page(channels, arguments, most=4)  # Slack gives fewer than asked for, and a cursor
    return Reply(body={"ok": True, "channels": page, "response_metadata": {"next_cursor": cursor}})


def _history(world: World, arguments: dict[str, str], posted: Posted, space: Workspace) -> Reply:
    name = space.ids.get(arguments.get("channel", ""))
    if name is None:
        return Reply(body={"ok": False, "error": "channel_not_found"})
    oldest, latest = float(arguments.get("oldest") or 0), float(arguments.get("latest") or 1e12)
    told = [
        message
        for message in (*space.messages(world, name), *posted.get(name, ()))
        if oldest < float(message["ts"]) < latest
    ]
    page, cursor = _page(sorted(told, key=lambda m: m["ts"], reverse=True), arguments, most=999)
    body: dict[str, Any] = {"ok": True, "messages": page, "has_more": bool(cursor), "pin_count": 0}
    return Reply(body=body | ({"response_metadata": {"next_cursor": cursor}} if cursor else {}))


def _post(world: World, arguments: dict[str, str], posted: Posted, space: Workspace) -> Reply:
    names = space.ids | {f"#{name}": name for name in space.channels}
    name = names.get(arguments.get("channel", ""))
    if name is None:
        return Reply(body={"ok": False, "error": "channel_not_found"})
    if not arguments.get("text"):
        return Reply(body={"ok": False, "error": "no_text"})
    message = {"type": "message", "ts": f"{time.time():.6f}", "user": BOT, "text": arguments["text"]}
    with world.lock:
        posted.setdefault(name, []).append(message)
    return Reply(body={"ok": True, "channel": space.id(name), "ts": message["ts"], "message": message})


def _page(rows: list[dict[str, Any]], arguments: dict[str, str], most: int) -> tuple[list[dict[str, Any]], str]:
    first = int(arguments.get("cursor") or 0)
    size = min(int(arguments.get("limit") or 100), most)
    return rows[first : first + size], str(first + size) if first + size < len(rows) else ""


def _messages(world: World, channel: str) -> list[dict[str, Any]]:
    version = world.release["version"]
    is_out = world.scene in ("deployed", "rolled-back")
    told: list[tuple[str, float, str, str]] = [
        ("operations", world.now - 3 * HOUR, OPERATOR, "Morning check done, nothing unusual. 아침 점검 완료."),
        ("production-logs", world.now - 2 * DAY, BOT, "Daily summary of ION v1.2.2: success 99.9 %, P95 1.4 s"),
        ("production-alerts", world.now - 9 * DAY, BOT, "Deploy of ION API v1.2.2 to production is done"),
    ]
    if is_out and not world.fault("slack-no-notice"):
        text = f"Deploy of ION API v{version} to production is done. ION API v{version} 배포 완료"
        told.append(("production-alerts", world.t0 + 300, BOT, text))
    if is_out and not world.fault("slack-no-summary"):
        text = f"First metrics of ION API v{version}: success 99.9 %, mean 0.9 s, P95 1.5 s. 첫 지표 요약"
        told.append(("production-logs", world.t0 + 1.8 * HOUR, BOT, text))
    if is_out:
        told.append(("announcements", world.t0 + 1.9 * HOUR, OPERATOR, f"ION {version} is live. 새 버전 안내"))
    if world.rolled_back_at is not None:
        text = f"Rollback of ION API v{version}: the previous revision serves 100 % again"
        told.append(("production-alerts", world.rolled_back_at + 60, BOT, text))
        told.append(
            ("incident-response", world.rolled_back_at - 600, OPERATOR, "P95 is rising, rolling back. 롤백 진행")
        )
    return [
        {"type": "message", "ts": f"{at:.6f}", "user": user, "text": text}
        for name, at, user, text in told
        if name == channel
    ]
