"""pytest-xdist: the controller looks, once for all workers, and hands them what their items say."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from gonogo.pytest_plugin.asking import State, key_of, stop

SAW = "gonogo_saw"  # a worker's word that it came across a checklist


def is_worker(config: pytest.Config) -> bool:
    """True in a process that only runs what a controller gives it."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """True in a process that leaves the running to workers."""
    return config.pluginmanager.hasplugin("dsession")


class Controller:
    """Hooks of a session that is spread over workers."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.handed: Path | None = None  # the file in which the workers find what their items say

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker where it will find what its items say."""
        if self.handed is None:
            handle, name = tempfile.mkstemp(prefix="gonogo-", suffix=".json")
            os.close(handle)
            self.handed = Path(name)
        node.workerinput["gonogo_handed"] = str(self.handed)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """A worker has ended: did it crash, and did it have a checklist of which it selected nothing?"""
        if error:
            self.state.problems.append(f"worker {node.gateway.id} was lost")
        elif node.workeroutput.get(SAW):
            self.state.open()
            if self.state.error is not None:
                stop(self.state.error)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """The first worker has selected: look, and write down what every item has to say."""
        state = self.state
        keys = [key for one in ids if (key := key_of(one))]
        if not keys or state.parts:
            return
        items = state.open()
        if state.error is not None:
            stop(state.error)
        state.selected = [key for key in keys if key in items]
        state.look()
        if self.handed is not None:
            from gonogo.flows.session import told_to_json  # noqa: PLC0415

            self.handed.write_text(json.dumps(told_to_json(state.told)), encoding="utf-8")

    def pytest_unconfigure(self) -> None:
        """Nobody needs the file any more."""
        if self.handed is not None:
            self.handed.unlink(missing_ok=True)
