"""A message into ION's chat answer or its recommendations, and the faults of both."""

from __future__ import annotations

import re
import time
import zlib
from typing import Any

import clock
from world import PERSONAS, World

CHAT_FAULTS = {"stable": "chat", "canary": "canary-chat", "staging": "staging-chat"}
SLOW_S = {"chat-slow": 11.5, "canary-chat-slow": 15.5}
ANSWERS = {
    "ko": "안녕하세요, {persona}입니다. 말씀하신 '{message}'에 대해 함께 생각해 볼게요. 작은 목표 하나를 정해 보세요.",
    "en": "Hello, this is {persona}. Let us think about '{message}' together. Start with one small goal.",
}
_HANGUL = re.compile("[가-힣]")


def persona_for(user_id: str, message: str) -> str:
    """The persona that takes this user's message; always the same one."""
    return PERSONAS[zlib.crc32(f"{user_id}|{message}".encode()) % len(PERSONAS)]


def duration_s(world: World, side: str, message: str, *, is_chat: bool = True) -> float:
    """How long an answer takes: 50 to 150 ms by the message, or what a fault says."""
    slow = f"{CHAT_FAULTS[side]}-slow"
    if is_chat and world.fault(slow):
        return SLOW_S[slow]
    return 0.05 + zlib.crc32(message.encode()) % 100 / 1000


def chat(world: World, side: str, user_id: str, message: str) -> dict[str, Any]:
    """The body of a successful POST /chat."""
    persona = persona_for(user_id, message)
    language = "ko" if _HANGUL.search(message) else "en"
    text = ANSWERS[language].format(persona=persona, message=message)
    answer: dict[str, Any] = {
        "success": True,
        "response": text,
        "confidence": 0.86 + zlib.crc32(message.encode()) % 11 / 100,
        "persona_used": persona,
        "user_id": user_id,
        "timestamp": stamp(clock.now()),
    }
    prefix = CHAT_FAULTS[side]
    if world.fault(f"{prefix}-unconfident"):
        answer["confidence"] = 0.61
    if world.fault(f"{prefix}-confidence-string"):
        answer["confidence"] = str(answer["confidence"])
    if world.fault(f"{prefix}-confidence-percent"):
        answer["confidence"] = 92
    if world.fault(f"{prefix}-confidence-nan"):
        answer["confidence"] = float("nan")
    if world.fault(f"{prefix}-empty"):
        answer["response"] = ""
    if world.fault(f"{prefix}-garbled"):
        answer["response"] = text.encode("utf-8").decode("latin-1")
    if world.fault(f"{prefix}-error-field"):
        answer["error"] = "persona router fell back to its default"
    if world.fault(f"{prefix}-unsuccessful"):
        answer["success"] = False
    return answer


def recommendations(user_id: str) -> dict[str, Any]:
    """The body of a successful POST /api/v2/recommend/personalized."""
    return {
        "success": True,
        "user_id": user_id,
        "recommendations": [
            {"id": f"mentoring-{n}", "title": title, "score": round(0.95 - n / 20, 2)}
            for n, title in enumerate(("목표 세우기", "시간 관리", "Writing a first plan"), start=1)
        ],
        "timestamp": stamp(clock.now()),
    }


def stamp(at: float) -> str:
    """Epoch seconds as RFC 3339 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
