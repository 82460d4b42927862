"""A world's past: its scene's pattern of requests, changed by its faults, into world.requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from telemetry_faults import REQUESTS, Change
from traffic import Row, pattern
from world import BACKGROUND, HOUR, SERVICE_OF_SIDE, Request, World

# The release that was taken back had failed: slow and with errors, in the half hour before the rollback.
BEFORE_THE_ROLLBACK = (
    Change(oldest=2.5 * HOUR, newest=2 * HOUR, factor=4),
    Change(oldest=2.5 * HOUR, newest=2 * HOUR, share=0.06, status=500, error_type="internal", message="Unhandled"),
)


@dataclass(slots=True, kw_only=True)
class _Place:
    """How far a world's traffic has been laid out: rows of the pattern, over and over."""

    cycle: int = 0
    row: int = 0
    users: int = 0


_places: WeakKeyDictionary[World, _Place] = WeakKeyDictionary()


def seed(world: World) -> None:
    """Fill world.requests with the BACKGROUND seconds before world.now."""
    with world.lock:
        _places[world] = _Place()
        world.requests = [request for request in world.requests if request.at > world.now]
        advance(world, world.now)


def advance(world: World, until: float) -> None:
    """Let the users' traffic go on up to this time: the world does not stand still while it is watched. Where
    traffic really flows, nothing is made up beside it.
    """
    if world.scene == "watch":
        until = min(until, world.now)
    with world.lock:
        place = _places.get(world)
        if place is None:
            return
        rows, changes, start = pattern(world.scene), _changes(world), world.now - BACKGROUND
        while True:
            row = rows[place.row]
            at = start + place.cycle * BACKGROUND + row.offset
            if at > until:
                return
            world.requests.extend(_requests(world, row, at, changes))
            place.row += 1
            if place.row == len(rows):
                place.row, place.cycle = 0, place.cycle + 1


def serving(world: World, side: str, at: float, lot: float = 1.0) -> str:
    """The revision that answered on a side at a time; `lot` (0-1) draws between revisions that share traffic."""
    if side != "stable":
        return world.revision_of(side)
    match world.scene:
        case "before":
            return world.previous_revision
        case "stage-5" | "watch":
            return world.new_revision if lot < 0.05 else world.previous_revision
        case "deployed":
            return world.new_revision if at >= world.t0 else world.previous_revision
        case _:
            taken_back = world.rolled_back_at is not None and at >= world.rolled_back_at
            return world.previous_revision if taken_back else world.new_revision


def _changes(world: World) -> tuple[Change, ...]:
    found = [change for fault in sorted(world.faults) for change in REQUESTS.get(fault, ())]
    return (*(BEFORE_THE_ROLLBACK if world.scene == "rolled-back" else ()), *found)


def _requests(world: World, row: Row, at: float, changes: tuple[Change, ...]) -> list[Request]:
    """The request of a row as it went under the faults: none, one, or a burst of them."""
    request = Request(
        at=at,
        side=row.side,
        service=SERVICE_OF_SIDE[row.side],
        revision=serving(world, row.side, at, row.lot),
        method="POST" if row.persona else "GET",
        path=row.path,
        status=row.status,
        process_time_ms=row.process_time_ms,
        persona=row.persona,
        user_id=row.user_id,
        error_type=row.error_type,
        message=row.message,
        message_length=row.message_length,
        retries=row.retries,
    )
    copies = 1
    age = world.now - at
    for change in changes:
        if change.applies(request, age, row.lot):
            if change.drop:
                return []
            change.apply(request, age)
            copies = max(copies, change.copies)
    if copies == 1:
        return [request]
    return [replace(request, at=at - n * 0.05) for n in reversed(range(copies))]
