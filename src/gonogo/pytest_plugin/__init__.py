"""pytest into a gate: options, marks, and one test an item; what the session comes to is decided in `deciding`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gonogo.model.check import Area, Phase
from gonogo.pytest_plugin.asking import STATE, State, stop
from gonogo.pytest_plugin.deciding import HOW, Deciding
from gonogo.pytest_plugin.workers import Controller, is_controller, is_worker


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a checklist run; a run of tests ignores them."""
    group = parser.getgroup("gonogo", "release gate")
    add = group.addoption
    add("--env", action="append", metavar="NAME", help="environment, repeatable (default: local, the rehearsal)")
    add("--system", metavar="NAME", help="this system alone; an environment of another one is refused")
    add("--at", metavar="T+60m", help="place on the timeline: what is due by then (default: now minus T0)")
    add("--release", metavar="FILE", help="release file: version, commit, image, pull request, T0")
    add(
        "--fault", action="append", metavar="NAME", help="rehearse this fault, repeatable (rehearsed environments only)"
    )
    add("--allow-action", action="append", metavar="NAME", help="put a check that changes something into the manifest")
    text = "folder for run folders (default: reports/out); one outside the project as --reports=DIR"
    add("--reports", metavar="DIR", help=text)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Marks of phases and areas; the session's state and those who work on it."""
    for phase in Phase:
        config.addinivalue_line("markers", f"{phase.value}: checklist items of phase {phase.value}")
    for area in Area:
        config.addinivalue_line("markers", f"{area.value}: checklist items of area {area.value}")
    state = config.stash[STATE] = State(config)
    config.pluginmanager.register(Deciding(state), "gonogo-deciding")
    if is_controller(config):
        config.pluginmanager.register(Controller(state), "gonogo-controller")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test an item, parametrized over keys: a spec object would show its content in tracebacks."""
    if "item_key" not in metafunc.fixturenames:
        return
    items = metafunc.config.stash[STATE].open()
    marks = {name: getattr(pytest.mark, name) for name in (*(p.value for p in Phase), *(a.value for a in Area))}
    metafunc.parametrize(
        "item_key",
        [
            pytest.param(key, id=key, marks=(marks[item.check.phase.value], marks[item.check.area.value]))
            for key, item in items.items()
        ],
    )


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    """Bad configuration ends the session here: nothing has been sent."""
    error = config.stash[STATE].error
    if error is not None and not is_worker(config):
        stop(error)


@pytest.fixture(scope="session")
def judged(request: pytest.FixtureRequest) -> Callable[[str, pytest.Item], None]:
    """Call it with an item's key and its pytest item: it passes, fails, or skips as the item was judged."""
    state = request.config.stash[STATE]
    if is_worker(request.config):
        from gonogo.flows.session import told_from_json  # noqa: PLC0415

        handed = Path(request.config.workerinput["gonogo_handed"]).read_text(encoding="utf-8")  # type: ignore[attr-defined]
        state.told = told_from_json(json.loads(handed))
    labelled = bool(getattr(request.config.option, "allure_report_dir", None))

    def judge(key: str, node: pytest.Item) -> None:
        told = state.told.get(key)
        if told is None:
            pytest.fail("HOLD: this item was not planned; nothing is known of it", pytrace=False)
        if labelled:
            from gonogo.pytest_plugin.labels import label  # noqa: PLC0415 - Allure is loaded only where it reports

            label(state.items[key].check)
        node.user_properties.append((HOW, told.how))
        node.user_properties.extend((f"gonogo_{name}", value) for name, value in told.facts.items())
        match told.how:
            case "pass":
                return
            case "not_due":
                pytest.skip(told.text)
            case "advisory" | "waived":
                pytest.xfail(told.text)
            case _:
                pytest.fail(told.text, pytrace=False)

    return judge
