"""What is selected and what really ran: a part is never a GO, and nothing is sent twice or in vain."""

from __future__ import annotations

from typing import Any

import pytest

_HEAD = 'import os\nimport pytest\n\npytest_plugins = ["gonogo.pytest_plugin"]\n\n\n'
NODE = "checks/test_checklist.py::test_item[shop-a]"


def test_collect_only_sends_nothing(project: Any, server: Any) -> None:
    """Exit 0, every item listed, no request and no folder; also for more than one process."""
    for more in ((), ("-n", "2")):
        done = project.pytest("--collect-only", "-q", *more)
        assert (done.code, server.asked, done.folders) == (0, [], ()), done.out
        assert NODE in done.out


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one-process", "two-workers"])
def test_each_distinct_look_is_sent_once(project: Any, server: Any, kit: Any, processes: tuple[str, ...]) -> None:
    """Requests / distinct probes = 1.00: 60 items on three paths are three requests."""
    project.checklist(*[kit.item(f"shop-{number}", f"/{number % 3}") for number in range(60)])
    done = project.pytest(*processes)
    assert done.code == 0, done.out
    assert sorted(server.asked) == ["/0", "/1", "/2"]
    assert done.verdict["counts"]["executed"] == 60
    assert "60 passed" in done.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("-k", "shop-a"),
        (NODE,),
        ("--deselect", NODE),
        ("-n", "2", "-k", "shop-a or shop-b"),
    ],
    ids=["row77-k", "row77-node", "row77-deselect", "row77-k-two-workers"],
)
def test_a_narrowed_run_is_hold(project: Any, arguments: tuple[str, ...]) -> None:
    """The manifest stays whole; what did not run is named."""
    done = project.pytest(*arguments)
    assert (done.code, done.verdict["decision"]) == (6, "HOLD"), done.out
    assert done.plan["manifest"] == ["shop-a", "shop-b", "shop-c"]
    assert "narrowed: " in done.out
    assert "did not run" in done.out
    assert done.verdict["narrowed"]


def test_row77_a_second_mark_narrows(project: Any) -> None:
    """`-m "predeploy and technical"` leaves the team's item out: HOLD."""
    done = project.pytest(phase="predeploy and technical")
    assert done.code == 6
    assert "narrowed: 2 of 3 items ran" in done.out


def test_row77_last_failed_narrows(project: Any, server: Any, kit: Any) -> None:
    """`--lf` runs the item that failed, now healthy, alone: HOLD. The whole run after it is GO."""
    server.answers["/cart"] = kit.broken()
    command = project.command("-m", "predeploy", "--env", "shop", without=())
    assert project.run(command).code == 1
    del server.answers["/cart"]
    again = project.run([*command, "--lf"])
    assert again.code == 6
    assert "narrowed: 1 of 3 items ran" in again.out
    assert project.pytest().code == 0


def test_row77_stopped_at_the_first_failure(project: Any, server: Any, kit: Any) -> None:
    """`-x` after a failure is NO-GO, after a HOLD it is HOLD: items behind it did not run."""
    server.answers["/health"] = kit.broken()
    failed = project.pytest("-x")
    assert failed.code == 1
    assert failed.verdict["narrowed"] == ["shop-b", "shop-c"]
    server.answers["/health"] = (429, {"Retry-After": "600"}, b"")
    assert project.pytest("-x").code == 6


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one-process", "two-workers"])
def test_row77_nothing_selected_is_hold(project: Any, server: Any, processes: tuple[str, ...]) -> None:
    """The status of pytest alone would be 5; nothing is sent."""
    done = project.pytest("-k", "nothing", *processes)
    assert (done.code, server.asked, done.folders) == (6, [], ())
    assert "HOLD  0 of 3 items were selected: nothing was checked" in done.out


def test_row77_a_phase_without_items_is_hold(project: Any, server: Any) -> None:
    """An empty phase is no proof of anything."""
    done = project.pytest(phase="daily")
    assert (done.code, server.asked) == (6, [])


HOOKS = {
    "row78-skip": "def pytest_collection_modifyitems(items):\n    items[0].add_marker(pytest.mark.skip)\n",
    "row78-skipped-in-setup": "@pytest.fixture(autouse=True)\ndef no():\n    pytest.skip('not today')\n",
    "row78-xfail": "def pytest_collection_modifyitems(items):\n    items[0].add_marker(pytest.mark.xfail)\n",
    "row78-xfail-not-run": (
        "def pytest_collection_modifyitems(items):\n    items[0].add_marker(pytest.mark.xfail(run=False))\n"
    ),
    "row78-removed": "def pytest_collection_modifyitems(items):\n    del items[0]\n",
    "row79-exit-in-hook": "def pytest_runtest_teardown(item):\n    pytest.exit('enough', returncode=0)\n",
    "row95-teardown-fails": "@pytest.fixture(autouse=True)\ndef bad():\n    yield\n    raise RuntimeError('leak')\n",
}


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
def test_items_that_do_not_end_as_judged_are_hold(project: Any, hook: str) -> None:
    """Skipped, expected to fail, removed or broken by a conftest: healthy or not, it is no GO."""
    project.write("conftest.py", _HEAD + hook)
    done = project.pytest()
    assert done.code == 6, done.out
    assert done.verdict["decision"] == "HOLD"


def test_row78_an_expected_failure_is_still_no_go(project: Any, server: Any, kit: Any) -> None:
    """A mark in a conftest waives nothing."""
    server.answers["/health"] = server.answers["/cart"] = kit.broken()
    hook = "def pytest_collection_modifyitems(items):\n    [i.add_marker(pytest.mark.xfail) for i in items]\n"
    project.write("conftest.py", _HEAD + hook)
    assert project.pytest().code == 1


@pytest.mark.parametrize("processes", [(), ("-n", "2")], ids=["one-process", "two-workers"])
def test_a_check_in_python_that_fails_is_no_go_for_nobody(project: Any, processes: tuple[str, ...]) -> None:
    """A test of the phase beside the checklist fails: pytest says 1, and the gate does not say GO."""
    text = "import pytest\n\n@pytest.mark.predeploy\ndef test_own():\n    assert 0\n"
    project.write("checks/test_own.py", text)
    done = project.pytest(*processes)
    assert done.code == 6
    assert "1 failed in pytest that no item's verdict explains (checks/test_own.py::test_own)" in done.out


def test_a_file_that_cannot_be_collected_is_never_go(project: Any, server: Any) -> None:
    """Without --continue-on-collection-errors nothing is sent; with it the run is HOLD."""
    project.write("checks/test_own.py", "import nothing_of_this_name\n")
    done = project.pytest()
    assert (done.code, server.asked) == (2, [])
    done = project.pytest("--continue-on-collection-errors")
    assert done.code == 6
    assert "1 failed in pytest" in done.out


def test_plain_tests_stay_plain_pytest(project: Any, server: Any) -> None:
    """A folder of tests in the same project: no board, no folder, no reading of checklists, pytest's own status."""
    project.write("tests/test_plain.py", "def test_good():\n    pass\n\n\ndef test_bad():\n    assert 0\n")
    project.write("checks/predeploy.yaml", "no: [checklist")
    good = project.pytest("tests", "-k", "good", phase=None, env=None)
    assert good.code == 0
    bad = project.pytest("tests", phase=None, env="nowhere")
    assert bad.code == 1
    assert "assert 0" in bad.out
    for done in (good, bad):
        assert "gonogo" not in done.out + done.err
        assert "HOLD" not in done.out
        assert done.folders == ()
    assert server.asked == []
