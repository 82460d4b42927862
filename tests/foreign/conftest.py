"""The foreign servers, started once a test process and stopped at its end; many paths examined side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.foreign import servers

from gonogo.flows.rate.examine import Asked, examine
from gonogo.model.examination import Examination

AT_A_TIME = 5  # an examination mostly waits, but its bursts disturb the others
TRIES = (
    3  # on a machine that is busy with something else, what is measured of windows of 1 s and 2 s is its own lateness
)
LATE_S = 0.08
IDLE_S = 4.0  # every window here is over, every bucket is full again

Examine = Callable[[str, Mapping[str, str | None]], dict[str, Examination]]


@pytest.fixture(scope="session")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.nginx(tmp_path_factory.mktemp("nginx")) as base:
        yield base


@pytest.fixture(scope="session")
def slowapi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.slowapi(tmp_path_factory.mktemp("slowapi")) as base:
        yield base


@pytest.fixture(scope="session")
def envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with servers.envoy(tmp_path_factory.mktemp("envoy")) as base:
        yield base


class Pulse:
    """How late a thread of this process wakes at worst, in seconds: how busy the machine is, whatever is measured."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._over = threading.Event()

    @contextmanager
    def felt(self) -> Iterator[None]:
        thread = threading.Thread(target=self._feel)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _feel(self) -> None:
        while not self._over.is_set():
            began = time.perf_counter()
            time.sleep(0.005)
            self.worst = max(self.worst, time.perf_counter() - began - 0.005)


@pytest.fixture
def examined(tmp_path: Path) -> Examine:
    """Examines paths of a server: by path, the policy that is declared of it, None for "tell what it is"."""

    def one(base: str, path: str, policy: str | None) -> Examination:
        file = None
        if policy is not None:
            file = tmp_path / (path.strip("/").replace("/", "-") + ".yaml")
            file.write_text(policy, encoding="utf-8")
        return examine(Asked(url=base + path, root=tmp_path, policy=file))

    def many(base: str, paths: Mapping[str, str | None]) -> dict[str, Examination]:
        with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
            found = {path: pool.submit(one, base, path, policy) for path, policy in paths.items()}
            return {path: result.result() for path, result in found.items()}

    return many


@pytest.fixture
def measured(examined: Examine) -> Examine:
    """`examined`, and again, whatever it came to, where the machine was too late to measure: at most `TRIES` times.

    For figures that are compared; a declared policy is judged with the lateness that its timeline holds.
    """

    def again(base: str, paths: Mapping[str, str | None]) -> dict[str, Examination]:
        for left in reversed(range(TRIES)):
            pulse = Pulse()
            with pulse.felt():
                found = examined(base, paths)
            if pulse.worst < LATE_S or not left:
                break
            time.sleep(IDLE_S)
        return found

    return again
