"""A seeded day of requests: the same offsets, personas and durations at every start."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from world import BACKGROUND, HOUR, PERSONAS, USERS

# Requests an hour. The canary takes 5 % of the users; while it does, the service is busy enough for 5 % to be judged.
CHATS = {
    "before": {"stable": 180},
    "stage-5": {"stable": 1140, "canary": 60},
    "deployed": {"stable": 180},
    "rolled-back": {"stable": 180},
}
RECOMMENDATIONS = {"stage-5": {"canary": 12}}
HEALTH_CHECKS = {"stable": 60, "canary": 120, "staging": 60}
HEALTH_PATH = {"stable": "/health", "canary": "/api/v2/health", "staging": "/health"}

QUIET_START, QUIET_END = 0.6 * HOUR, 1.5 * HOUR  # no error in the first and last part of the history
# (status, error type, message, how many in the history); the names of grave causes are left to the faults.
MISHAPS = (
    (500, "model_error", "Vertex AI answered 429 RESOURCE_EXHAUSTED, gave up after 3 attempts", 2),
    (500, "invalid_answer", "Answer of the model is not valid JSON", 3),
    (500, "internal", "Unhandled exception in the chat handler", 1),
    (400, "validation", "message must not be empty", 5),
    (401, "authentication", "API key is missing", 3),
    (404, "not_found", "No such session", 3),
    (200, "vertex_retry", "Vertex AI call succeeded at attempt 2 of 3", 14),
)
FEW_MISHAPS = ((500, "invalid_answer", "Answer of the model is not valid JSON", 1), (*MISHAPS[3][:3], 1))
QUESTIONS = (
    "오늘 기분이 어때?",
    "추천해 줘",
    "회의 준비를 도와줘",
    "How do I plan my week?",
    "Give me one idea",
    "왜?",
)


class Row(NamedTuple):
    """One request of the pattern; `offset` is in seconds from the start of the history, at its end."""

    offset: float
    side: str
    path: str
    status: int
    process_time_ms: float
    persona: str
    user_id: str
    error_type: str
    message: str
    message_length: int
    retries: int
    lot: float  # 0-1, decides what the request is drawn for: its revision, a fault


PAST = {"watch": "stage-5"}  # scenes that another one's past led to


@cache
def pattern(scene: str) -> tuple[Row, ...]:
    """All requests of BACKGROUND seconds of a healthy scene, by offset."""
    if scene in PAST:
        return pattern(PAST[scene])
    rows: list[Row] = []
    for side, hourly in CHATS[scene].items():
        rows += _chats(random.Random(f"{scene} {side} chat"), side, hourly)
    for side, hourly in RECOMMENDATIONS.get(scene, {}).items():
        rows += _recommendations(random.Random(f"{scene} {side} recommend"), side, hourly)
    for side, hourly in HEALTH_CHECKS.items():
        rows += _health(random.Random(f"{scene} {side} health"), side, hourly)
    return tuple(sorted(rows))


def _times(rng: random.Random, hourly: int) -> Iterator[float]:
    """Evenly spread with jitter: a healthy service has no bursts."""
    step = HOUR / hourly
    for n in range(int(BACKGROUND / step)):
        yield (n + rng.random()) * step


def _lot(n: int) -> float:
    """Evenly scattered numbers: a share of them falls evenly into every stretch of time."""
    return n * 0.6180339887498949 % 1


def _chats(rng: random.Random, side: str, hourly: int) -> list[Row]:
    rows = []
    personas = list(PERSONAS)
    for n, offset in enumerate(_times(rng, hourly)):
        if n % len(personas) == 0:
            rng.shuffle(personas)
        # P50 0.42 s, P95 0.85 s, a slow hundredth up to 2.6 s: below every limit, also below the 1 s of "medium".
        took = rng.uniform(1600, 2600) if rng.random() < 0.012 else min(420 * 2 ** rng.gauss(0, 0.577), 1500)
        question = rng.choice(QUESTIONS)
        rows.append(
            Row(
                offset=offset,
                side=side,
                path="/chat",
                status=200,
                process_time_ms=round(took, 1),
                persona=personas[n % len(personas)],
                user_id=rng.choice(USERS),
                error_type="",
                message=f"chat answered: {question}",
                message_length=len(question) + rng.randrange(140),
                retries=0,
                lot=_lot(n),
            )
        )
    return _with_mishaps(rng, rows, MISHAPS if side == "stable" else FEW_MISHAPS)


def _with_mishaps(rng: random.Random, rows: list[Row], mishaps: tuple[tuple[int, str, str, int], ...]) -> list[Row]:
    """Errors spread evenly over the part of the history that is not kept quiet, kinds mixed."""
    kinds = [mishap for mishap in mishaps for _ in range(mishap[3])]
    rng.shuffle(kinds)
    may = [n for n, row in enumerate(rows) if QUIET_START < row.offset < BACKGROUND - QUIET_END]
    for n, (status, error_type, message, _) in enumerate(kinds):
        at = may[int((n + 0.5) * len(may) / len(kinds))]
        row = rows[at]
        took = row.process_time_ms if status in (200, 500) else round(rng.uniform(4, 20), 1)
        retries = {"vertex_retry": 1, "model_error": 2}.get(error_type, 0)
        rows[at] = row._replace(
            status=status, error_type=error_type, message=message, process_time_ms=took, retries=retries
        )
    return rows


def _recommendations(rng: random.Random, side: str, hourly: int) -> list[Row]:
    return [
        Row(
            offset=offset,
            side=side,
            path="/api/v2/recommend/personalized",
            status=200,
            process_time_ms=round(min(300 * 2 ** rng.gauss(0, 0.5), 1500), 1),
            persona=PERSONAS[n % len(PERSONAS)],
            user_id=rng.choice(USERS),
            error_type="",
            message="recommendation answered",
            message_length=0,
            retries=0,
            lot=_lot(n),
        )
        for n, offset in enumerate(_times(rng, hourly))
    ]


def _health(rng: random.Random, side: str, hourly: int) -> list[Row]:
    return [
        Row(
            offset=offset,
            side=side,
            path=HEALTH_PATH[side],
            status=200,
            process_time_ms=round(min(12 * 2 ** rng.gauss(0, 0.7), 90), 1),
            persona="",
            user_id="",
            error_type="",
            message="",
            message_length=0,
            retries=0,
            lot=_lot(n),
        )
        for n, offset in enumerate(_times(rng, hourly))
    ]
