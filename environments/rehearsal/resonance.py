"""The Resonance loop: what it measured at any time, and its metrics CSV file, which grows while the rehearsal runs."""

from __future__ import annotations

import contextlib
import threading
import zlib
from pathlib import Path

import clock
from monitoring_setup import stamp
from world import DAY, World, WorldRef

COLUMNS = "timestamp,loop_latency_ms,adapter_success_rate,safety"
FILE_NAME = "metrics.csv"
ROWS = 600  # one a second
STATES = ("OK", "WARN", "BLOCK")
_lock = threading.Lock()
_written: list[World] = []  # the world that the file is of


def loop_latency_ms(world: World, at: float) -> float:
    """Duration of a tick; the loop is to keep 200 ms."""
    usual = 350.0 if world.fault("loop-latency-350ms") else 142.0
    return round(usual + 24 * (_noise("latency", at) - 0.5), 1)


def adapter_success_rate(world: World, at: float) -> float:
    """Share of calls of the adapter that succeeded, 0-1."""
    usual = 0.70 if world.fault("loop-adapter-70pct") else 0.992
    return round(usual + 0.012 * (_noise("adapter", at) - 0.5), 4)


def safety(world: World, at: float) -> str:
    """State of the R-Axis."""
    return "BLOCK" if world.fault("loop-safety-block") and at > world.now - 120 else "OK"


def write(world: World) -> Path:
    """Write the file of the last ten minutes into the world's folder, whole and at once."""
    path = world.folder / FILE_NAME
    with _lock:
        fresh = path.with_suffix(".new")
        start = int(world.now) - ROWS
        rows = [COLUMNS, *(_row(world, start + n) for n in range(1, ROWS + 1))]
        fresh.write_text("\n".join(rows) + "\n", encoding="utf-8")
        fresh.replace(path)
        _written[:] = [world]
    return path


def grow(ref: WorldRef, stop: threading.Event) -> None:
    """Add a row a second to the file of the world that runs, until told to stop."""
    while not stop.wait(1.0):
        with _lock, contextlib.suppress(OSError):
            world = ref.world
            if _written and _written[0] is world:
                with (world.folder / FILE_NAME).open("a", encoding="utf-8") as file:
                    file.write(_row(world, clock.now()) + "\n")


def _row(world: World, at: float) -> str:
    told = at - DAY if world.fault("loop-csv-stale") else at
    return f"{stamp(told)},{loop_latency_ms(world, at)},{adapter_success_rate(world, at)},{safety(world, at)}"


def _noise(name: str, at: float) -> float:
    """A number between 0 and 1 that belongs to a second."""
    return zlib.crc32(f"{name} {int(at)}".encode()) % 10_000 / 10_000
