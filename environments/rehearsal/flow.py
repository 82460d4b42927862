"""Users of scene `watch`: requests that really flow, at a set rate, through a splitter that follows Cloud Run's split.

What becomes of them is told as it happened: the sides record each request, and Cloud Monitoring counts those records.
A rollback in Cloud Run moves the next requests. The flow ends after MOST requests: days are replayed from samples.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from urllib.parse import urlsplit

from flow_faults import PATH
from processes import Processes
from splitter import EnvoySplitter, OwnSplitter
from world import CANARY, STABLE, World, WorldRef

SCENE = "watch"
RATE = 40.0  # requests a second
MOST = 200_000  # requests of one flow
_AT_ONCE = 200
_TIMEOUT_S = 10.0
_TURN_S = 0.02


class Flow:
    """The users. Nothing is started before the first world of scene `watch`; it rests in every other."""

    def __init__(self, ref: WorldRef, processes: Processes, host: str, rate: float = RATE) -> None:
        self._ref = ref
        self._processes = processes
        self._host = host
        self.rate = rate
        self._splitter: EnvoySplitter | OwnSplitter | None = None
        self._sent = 0
        self._pending: set[asyncio.Task[None]] = set()
        self._world: World | None = None

    def apply(self, world: World) -> None:
        """Begin, go on or rest, as the world's scene says."""
        self._sent, self._world = 0, world if world.scene == SCENE else None
        if self._world is None:
            self._ref.addresses.pop("users", None)
            return
        if self._splitter is None:
            self._begin()
        self._ref.addresses["users"] = f"http://{self._splitter.address}"

    def _begin(self) -> None:
        sides = {side: self._ref.addresses[f"ion-{side}"] for side in ("stable", "canary")}
        try:
            self._splitter = EnvoySplitter(self._processes, sides, self._host)
        except RuntimeError as error:
            print(f"rehearsal: {error}; its own splitter takes the place", file=sys.stderr, flush=True)
            self._splitter = OwnSplitter(sides, self._host)
        threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True).start()

    def told(self) -> dict[str, object] | None:
        """What the ready line says of it; None while it rests."""
        if self._splitter is None or self._world is None:
            return None
        return {"requests_per_s": self.rate, "at_most": MOST, "splitter": self._splitter.name}

    async def _run(self) -> None:
        splitter = self._splitter
        assert splitter is not None  # noqa: S101 - it was made before this thread
        serving = asyncio.create_task(splitter.serve()) if isinstance(splitter, OwnSplitter) else None
        weights: dict[str, int] = {}
        due = time.monotonic()
        while serving is None or not serving.done():
            world = self._world
            if world is None or self._sent >= MOST:
                due = time.monotonic()
            else:
                if (fresh := split_of(world)) != weights:
                    weights = fresh
                    splitter.weigh(weights)
                due = self._send(splitter.address, due)
            await asyncio.sleep(_TURN_S)

    def _send(self, address: str, due: float) -> float:
        """Begin all requests that are due; when the next one is. What finds too many under way, or is more than a
        second late, is left out.
        """
        now = time.monotonic()
        due = max(due, now - 1.0)
        while due <= now and self._sent < MOST:
            due += 1 / self.rate
            if len(self._pending) < _AT_ONCE:
                self._sent += 1
                task = asyncio.create_task(_request(address))
                self._pending.add(task)
                task.add_done_callback(self._pending.discard)
        return due


def split_of(world: World) -> dict[str, int]:
    """Percent by side, as Cloud Run splits the users between the new revision and the others.

    The users' share of the new revision is served by the canary side, as in the seeded past.
    """
    if CANARY not in world.services:
        return {"stable": 100, "canary": 0}
    with world.lock:
        shares = world.services[STABLE].traffic
        canary = sum(share.percent for share in shares if share.revision == world.new_revision)
    return {"stable": 100 - canary, "canary": canary}


async def _request(address: str) -> None:
    """One user's request, on a connection of its own; what it came to stands in the records of the side."""
    place = urlsplit(f"//{address}")
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            try:
                writer.write(f"GET {PATH} HTTP/1.1\r\nHost: users\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                while await reader.read(65536):
                    pass
            finally:
                writer.close()
