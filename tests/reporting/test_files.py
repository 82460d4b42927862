"""The folder of a run: what was kept is found whole, and what was touched is found out. Rows 83, 85-88, 90, 91, 96."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from gonogo.model.errors import ConfigError, ExitStatus
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.model.run import Run
from gonogo.model.secret import Redactor
from gonogo.reporting import files
from gonogo.reporting.files import EvidenceWriter, NotKept, make_folder, read_evidence, write_plan
from gonogo.reporting.reports import write_verdict
from gonogo.reporting.verify import verify

resource = pytest.importorskip("resource", reason="a full disk and a kill are rehearsed with POSIX means")


@pytest.fixture
def kept(red: Run, tmp_path: Path) -> Run:
    """A whole run on disk with six observations."""
    folder = make_folder(tmp_path / "out", red.plan)
    run = replace(red, folder=folder)
    assert write_plan(folder, run.plan) == ()
    with EvidenceWriter(folder, run.plan.run_id) as writer:
        for index in range(6):
            writer.write(replace(run.evidence["k1"], look=f"k{index}", kind=f"kind-{index}"))
    assert writer.problems == ()
    write_verdict(run)
    return run


def folder_of(run: Run) -> Path:
    assert run.folder is not None
    return run.folder


def test_the_folder_says_when_where_and_what(red: Run, tmp_path: Path) -> None:
    """Folders sort by time, and two runs of one second do not share one."""
    folder = make_folder(tmp_path, red.plan)
    assert re.fullmatch(r"20261120T093000Z-local-predeploy-8c1f00", folder.name)
    with pytest.raises(ConfigError, match="cannot be made"):
        make_folder(tmp_path, red.plan)


def test_a_hostile_environment_name_stays_inside(red: Run, tmp_path: Path) -> None:
    """Row 76: a name cannot lead out of the output folder."""
    plan = replace(red.plan, environment=replace(red.plan.environment, name="../../x"))
    assert make_folder(tmp_path, plan).parent == tmp_path


def test_a_whole_run_verifies(kept: Run) -> None:
    """Nothing is wrong with an untouched run, and its evidence is all there."""
    assert verify(folder_of(kept)) == []
    recorded = read_evidence(folder_of(kept), kept.plan.run_id)
    assert list(recorded.evidence) == [f"k{index}" for index in range(6)]
    assert recorded.problems == recorded.notes == ()


def flip(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[1].replace(b'"status":200', b'"status":500'), *lines[2:]]


def flip_seal(lines: list[bytes]) -> list[bytes]:
    return [*lines[:-1], lines[-1][:-10] + b"0000000" + lines[-1][-3:]]


TOUCHED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "flipped": flip,
    "seal flipped": flip_seal,
    "deleted": lambda lines: [*lines[:2], *lines[3:]],
    "first deleted": lambda lines: lines[1:],
    "last deleted": lambda lines: lines[:-1],
    "reordered": lambda lines: [lines[1], lines[0], *lines[2:]],
    "duplicated": lambda lines: [*lines[:3], lines[2], *lines[3:]],
    "emptied": lambda _: [],
    "garbage": lambda lines: [*lines[:2], b"{}\n", *lines[3:]],
}


@pytest.mark.parametrize("how", TOUCHED)
def test_touched_evidence_is_found_out(how: str, kept: Run) -> None:
    """Row 90: a line flipped, deleted, reordered or duplicated is named."""
    path = folder_of(kept) / files.EVIDENCE
    path.write_bytes(b"".join(TOUCHED[how](path.read_bytes().splitlines(keepends=True))))
    problems = verify(folder_of(kept))
    assert any(problem.startswith("evidence.jsonl") for problem in problems), problems


@pytest.mark.parametrize("how", [how for how in TOUCHED if how not in {"last deleted", "emptied"}])
def test_the_chain_alone_finds_it_out(how: str, kept: Run) -> None:
    """Row 90: also without a verdict, where a run was killed; only a missing tail needs the digest."""
    path = folder_of(kept) / files.EVIDENCE
    path.write_bytes(b"".join(TOUCHED[how](path.read_bytes().splitlines(keepends=True))))
    assert read_evidence(folder_of(kept), kept.plan.run_id).problems


def test_evidence_of_another_run_is_found_out(kept: Run) -> None:
    """Row 91: the first line is chained to the run's own id."""
    assert "does not follow" in read_evidence(folder_of(kept), "another").problems[0]


def test_every_byte_counts(kept: Run) -> None:
    """Row 90: whichever byte of the evidence is flipped, the run no longer verifies."""
    path = folder_of(kept) / files.EVIDENCE
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert verify(folder_of(kept)), f"byte {at}"


def test_a_torn_last_line_is_dropped_and_noted(kept: Run) -> None:
    """Row 87: what a kill left half written does not spoil what was whole."""
    path = folder_of(kept) / files.EVIDENCE
    path.write_bytes(path.read_bytes()[:-30])
    recorded = read_evidence(folder_of(kept), kept.plan.run_id)
    assert len(recorded.evidence) == 5
    assert recorded.problems == ()
    assert "evidence.jsonl:6: torn last line dropped" in recorded.notes[0]


def test_a_changed_plan_is_found_out(kept: Run) -> None:
    """Row 75: the verdict is bound to its plan."""
    path = folder_of(kept) / files.PLAN
    path.write_text(path.read_text(encoding="utf-8").replace("2.0", "9.0"), encoding="utf-8")
    assert verify(folder_of(kept))[0].startswith("plan.json: changed after the verdict")


def test_a_verdict_of_another_run_is_found_out(kept: Run, tmp_path: Path) -> None:
    """Row 91: a GO copied from an older run does not serve."""
    other = replace(kept, plan=replace(kept.plan, run_id="ffff00aa11bb22cc"))
    folder = make_folder(tmp_path / "out", other.plan)
    write_plan(folder, other.plan)
    with EvidenceWriter(folder, other.plan.run_id) as writer:
        writer.write(kept.evidence["k1"])
    (folder / files.VERDICT).write_bytes((folder_of(kept) / files.VERDICT).read_bytes())
    problems = "\n".join(verify(folder))
    assert "it is of run 8c1f00aa11bb22cc, the plan of run ffff00aa11bb22cc" in problems
    assert "plan.json: changed after the verdict" in problems


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"decision": "GO", "exit_status": 0}, "GO, though ion-a, ion-b"),
        ({"decision": "GO"}, "GO does not go with exit status 1"),
        ({"decision": "MAYBE"}, "not a verdict"),
        ({"checks": []}, "its checks are not the manifest"),
        ({"digests": None}, "it holds no digests"),
        ({"schema": 7}, "not of schema 1"),
    ],
)
def test_a_verdict_that_its_lines_do_not_carry(changes: dict[str, object], message: str, kept: Run) -> None:
    """Row 88: an edited or foreign verdict is not taken for a good one."""
    path = folder_of(kept) / files.VERDICT
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")
    assert message in "\n".join(verify(folder_of(kept)))


@pytest.mark.parametrize("name", [files.PLAN, files.EVIDENCE, files.VERDICT])
def test_a_missing_file_is_named(name: str, kept: Run) -> None:
    """Row 79: without its verdict, or its evidence, a run is no proof."""
    (folder_of(kept) / name).unlink()
    assert any(name in problem for problem in verify(folder_of(kept)))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path is said in words."""
    assert verify(tmp_path / "no") == [f"{tmp_path / 'no'}: there is no such folder"]


def test_threads_share_a_writer(red: Run, tmp_path: Path) -> None:
    """Fifty looks that end at once leave one whole chain."""
    write_plan(tmp_path, red.plan)
    with EvidenceWriter(tmp_path, red.plan.run_id) as writer, ThreadPoolExecutor(20) as pool:
        list(pool.map(writer.write, [replace(red.evidence["k1"], look=f"look-{n}") for n in range(200)]))
    recorded = read_evidence(tmp_path, red.plan.run_id)
    assert len(recorded.evidence) == 200
    assert recorded.problems == ()


def test_secrets_are_redacted_in_plan_evidence_and_verdict(red: Run, tmp_path: Path) -> None:
    """Row 119: the redactor sees every text, in keys and values, before it reaches the disk."""
    folder = make_folder(tmp_path / "out", red.plan)

    redactor = Redactor(["hunter2"])
    seen = Seen(data={"token hunter2": ["hunter2", {"deep": "a hunter2 b"}]}, notes=("hunter2",))
    check = replace(red.plan.checks[0], remedy="say hunter2")
    run = replace(red, folder=folder, plan=replace(red.plan, checks=(check,)), notes=("hunter2",))
    write_plan(folder, run.plan, redactor)
    with EvidenceWriter(folder, run.plan.run_id, redactor) as writer:
        writer.write(replace(run.evidence["k1"], outcome=seen))
        writer.write(replace(run.evidence["k1"], outcome=Unseen(cause=Cause.DENIED, detail="hunter2 is wrong")))
    write_verdict(run, redactor)
    for path in folder.iterdir():
        assert b"hunter2" not in path.read_bytes(), path
        assert b"***" in path.read_bytes(), path
    assert verify(folder) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_a_configuration_error(red: Run, tmp_path: Path) -> None:
    """Row 86: known before anything is sent."""
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match="Permission denied"):
        make_folder(tmp_path / "out", red.plan)


def test_an_output_folder_that_is_a_file(red: Run, tmp_path: Path) -> None:
    """Row 86: one line, exit 4."""
    (tmp_path / "out").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="the folder of the run cannot be made") as caught:
        make_folder(tmp_path / "out", red.plan)
    assert caught.value.exit_status is ExitStatus.CONFIGURATION


def _on_a_full_disk(act: Callable[[], None]) -> int:
    """Exit status of `act` in a child that may write files of at most 4 kB (the write fails as on a full disk)."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
            act()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_full_disk_while_writing_evidence_is_a_problem(red: Run, tmp_path: Path) -> None:
    """Row 85: the writer does not raise, it says what was not kept; what was kept is whole."""
    big = replace(red.evidence["k1"], outcome=Seen(data={"text": "x" * 1500}))

    def act() -> None:
        with EvidenceWriter(tmp_path, red.plan.run_id) as writer:
            for _ in range(5):
                writer.write(big)
        assert len(writer.problems) == 1
        assert "evidence was not kept (File too large)" in writer.problems[0]
        recorded = read_evidence(tmp_path, red.plan.run_id)
        assert recorded.problems == ()
        assert "torn last line" in recorded.notes[0]

    assert _on_a_full_disk(act) == 0


def test_a_full_disk_leaves_no_verdict(kept: Run) -> None:
    """Row 85: no half verdict, no old verdict taken for the new one, no temporary file; exit 6."""
    path = folder_of(kept) / files.VERDICT
    path.unlink()
    loud = replace(kept, notes=("x" * 8000,))

    def act() -> None:
        with pytest.raises(NotKept, match="the verdict was not kept") as caught:
            write_verdict(loud)
        assert caught.value.exit_status is ExitStatus.HOLD

    assert _on_a_full_disk(act) == 0
    assert sorted(one.name for one in folder_of(kept).iterdir()) == [files.EVIDENCE, files.PLAN]


def test_a_plan_that_cannot_be_written_is_a_problem(red: Run, tmp_path: Path) -> None:
    """Row 85: said in words, with the path."""
    problems = write_plan(tmp_path / "gone", red.plan)
    assert "plan.json: the plan was not kept (No such file or directory)" in problems[0]


def test_a_writer_without_a_folder_has_a_problem(red: Run, tmp_path: Path) -> None:
    """Row 85: writing on into nothing is not silent."""
    with EvidenceWriter(tmp_path / "gone", red.plan.run_id) as writer:
        writer.write(red.evidence["k1"])
    assert "evidence was not kept" in writer.problems[0]


def test_a_killed_writer_loses_nothing_that_was_written(red: Run, tmp_path: Path) -> None:
    """Row 83: each observation is with the operating system when `write` returns."""
    child = os.fork()
    if child == 0:
        writer = EvidenceWriter(tmp_path, red.plan.run_id)
        for index in range(3):
            writer.write(replace(red.evidence["k1"], look=f"k{index}"))
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    recorded = read_evidence(tmp_path, red.plan.run_id)
    assert len(recorded.evidence) == 3
    assert recorded.problems == recorded.notes == ()
