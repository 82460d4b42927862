"""The documents against what they describe: reference, commands, examples, links, and the workflow step by step."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from gonogo.config.checklist import load_checklists
from gonogo.config.faults import load_faults
from gonogo.config.release import load_release
from gonogo.config.waivers import load_waivers
from gonogo.judges import JUDGES
from gonogo.model.check import Phase
from gonogo.probes import PROBES

ROOT = Path(__file__).parents[1]
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of this language, without the indentation of their fence."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", body, flags=re.MULTILINE) for indent, body in found]


def commands(program: str) -> Iterator[Any]:
    """Every line of an sh block that calls `program`, as words."""
    for path in DOCS:
        for block in blocks(path, "sh"):
            for line in block.splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0] == program:
                    yield pytest.param(words[1:], id=f"{path.name}: {' '.join(words)}")


@functools.cache
def help_of(*words: str) -> str:
    """What `python -m WORDS --help` prints."""
    command = [sys.executable, "-m", *words, "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True, timeout=60)
    return told.stdout


@pytest.fixture(scope="module")
def items() -> set[str]:
    return {check.id for check in load_checklists(ROOT / "checks", PROBES, JUDGES)}


def generated() -> Mapping[str, str]:
    spec = importlib.util.spec_from_file_location("generate_docs", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    pages: Mapping[str, str] = module.pages()
    return pages


def test_the_reference_says_what_the_code_says() -> None:
    """docs/reference/ is what docs/generate.py makes of the code today, no page more and none less."""
    pages = generated()
    written = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").iterdir()}
    assert set(written) == set(pages)
    stale = [name for name, text in pages.items() if written[name] != text]
    assert not stale, f"run python docs/generate.py: {', '.join(stale)} differ"


def test_the_first_two_commands_are_one_line_each() -> None:
    """The README's first two sh blocks make the same set-up and end in the gate and in the tests."""
    first, second = blocks(ROOT / "README.md", "sh")[:2]
    assert first.count("\n") == second.count("\n") == 1
    setup, _, gate = first.strip().rpartition(" && ")
    again, _, tests = second.strip().rpartition(" && ")
    assert setup == again
    assert gate.endswith("python -m pytest -m predeploy")
    assert "python -m pytest tests" in tests


@pytest.mark.parametrize("words", list(commands("pytest")))
def test_a_pytest_command_names_what_exists(words: list[str]) -> None:
    """Options stand in --help, marks are phases, environments and faults have an entry."""
    pairs = dict(itertools.pairwise(words))
    offered = {option.replace("-", "") for option in re.findall(r"--[a-z-]+", help_of("pytest"))}
    assert {word.replace("-", "") for word in words if word.startswith("--")} <= offered
    if "-m" in pairs:
        assert pairs["-m"] in {phase.value for phase in Phase}
    if "--env" in pairs and pairs["--env"] != "shop":  # the shop is made by init
        assert (ROOT / "environments" / f"{pairs['--env']}.yaml").is_file()
    folder = ROOT / "environments" / "rehearsal"
    faults = load_faults(folder / "faults.yaml") | load_faults(folder / "factory" / "faults.yaml")
    assert {value for word, value in itertools.pairwise(words) if word == "--fault"} <= set(faults)


@pytest.mark.parametrize("words", list(commands("gonogo")))
def test_a_gonogo_command_names_what_exists(words: list[str], items: set[str]) -> None:
    """The command and its options stand in --help; an item's id is in the checklist."""
    verb = words[1:2] if words[0] in {"watch", "rollout", "recovery"} else []
    text = help_of("gonogo.cli", words[0], *verb)
    for option in (word for word in words[1:] if re.match(r"--?[a-z]", word)):
        assert re.search(rf"(^|[\s,]){re.escape(option)}\b", text), option
    if words[0] in {"explain", "signoff"}:
        assert words[1] in items


def test_every_command_is_documented() -> None:
    """The README or a how-to shows every gonogo command at work."""
    shown = {parameter.values[0][0] for parameter in commands("gonogo")}
    offered = set(re.findall(r"^    (\w+) ", help_of("gonogo.cli"), flags=re.MULTILINE))
    assert offered
    assert offered <= shown


def test_the_examples_are_read(tmp_path: Path) -> None:
    """The item, the release and the waiver of the how-tos pass the strict reader."""
    how_to = ROOT / "docs" / "how-to"
    (item,) = blocks(how_to / "write-an-item.md", "yaml")
    head = "system: ion\nphase: postdeploy\ndefaults: {area: technical, owner: a, source: b}\nitems:\n"
    files = {
        "item.yaml": head + item,
        "release.yaml": blocks(how_to / "gate-a-release.md", "yaml")[0],
        "waivers.yaml": blocks(how_to / "sign-off-and-waive.md", "yaml")[0],
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (check,) = load_checklists(tmp_path / "item.yaml", PROBES, JUDGES)
    assert check.id == "ion-post-login"
    assert load_release(tmp_path / "release.yaml").version == "v1.2.3"
    (waiver,) = load_waivers(tmp_path / "waivers.yaml")
    assert waiver.release == "v1.2.3"


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    """A relative link names a file of the repository, and its anchor a heading there."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (path.parent / name).resolve() if name else path
        assert file.exists(), f"{path.name}: {target}"
        assert file.is_relative_to(ROOT)
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, f"{path.name}: {target}"


def test_the_readme_leads_to_every_how_to() -> None:
    """A page that nothing on the first screen names is found by nobody."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs" / "how-to").glob("*.md")}
    assert {page for page in pages if f"({page})" not in text} == set()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What actions/checkout leaves: the files of the repository as they stand."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("checks", "environments", "loadtests", "reports/templates", "src", "tests/proof"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("conftest.py", "pyproject.toml", "requirements.lock", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Path:
    """What actions/setup-python leaves, with the packages of this interpreter in it already."""
    home = tmp_path_factory.mktemp("python")
    venv.create(home, with_pip=False)
    (packages,) = home.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "ours.pth").write_text("".join(path + "\n" for path in ours), encoding="utf-8")
    assert checkout.is_dir()
    return home / "bin"


@pytest.mark.skipif(os.name == "nt", reason="the steps are bash on ubuntu")
@pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="the step Install needs pip here")
def test_the_workflow_step_by_step(checkout: Path, runner: Path, tmp_path: Path) -> None:
    """Its steps pass with a summary that says GO; with a fault the gate's step fails and annotates the item."""
    workflow = yaml.safe_load((ROOT / "docs" / "how-to" / "gate.yml").read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    summary = tmp_path / "summary.md"
    environ = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("GITHUB_", "PYTEST_", "VIRTUAL_"))},
        **job["env"],
        "PATH": f"{runner}{os.pathsep}{os.environ['PATH']}",
        "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(summary),
        "CI": "true",
    }

    def run(step: Mapping[str, Any], **more: str) -> subprocess.CompletedProcess[str]:
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        where: dict[str, Any] = {"cwd": checkout, "env": {**environ, **more}, "stdin": subprocess.DEVNULL}
        return subprocess.run(words, **where, capture_output=True, encoding="utf-8", timeout=240, check=False)

    steps = {step["name"]: step for step in job["steps"] if "run" in step}
    assert list(steps) == ["Install", "Gate", "Verify the record"]
    for name, step in steps.items():
        done = run(step)
        assert done.returncode == 0, f"{name}:\n{done.stdout}\n{done.stderr}"
    assert "GO" in summary.read_text(encoding="utf-8")
    assert (checkout / "junit.xml").is_file()
    verdicts = [json.loads(path.read_bytes()) for path in checkout.glob("reports/out/*/verdict.json")]
    assert [verdict["decision"] for verdict in verdicts] == ["GO", "GO"]  # both systems of the rehearsal

    failed = run(steps["Gate"], PYTEST_ADDOPTS="--fault api-down")
    assert failed.returncode == 1, failed.stdout
    assert re.search(r"^::error title=.*ion-pre-api-health", failed.stdout, flags=re.MULTILINE)
    assert "NO-GO" in summary.read_text(encoding="utf-8")
