"""The foreign servers, started once a test process and stopped at its end; many paths examined side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.foreign import servers

from gonogo.flows.rate.examine import Asked, examine
from gonogo.model.examination import Examination

AT_A_TIME = 5  # an examination mostly waits, but its bursts disturb the others

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
