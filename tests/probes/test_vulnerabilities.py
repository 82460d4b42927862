"""Scanners that answer, fail, skip and contradict themselves: empty is never all good."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gonogo.model.environment import BackEnd, Release
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Vantage
from gonogo.probes.scanners import Tool
from gonogo.probes.vulnerabilities import VulnerabilitiesOptions, look

IMAGE = "registry.example/team/service:v1.2.3"
RELEASE = Release(version="1.2.3", commit="0123456789abcdef", image=IMAGE)
PROGRAMS = {"pip_audit": "pip-audit", "npm_audit": "npm", "trivy": "trivy"}
Scan = Callable[..., Seen | Unseen]

PIP: dict[str, Any] = {"dependencies": [{"name": "idna", "version": "3.11", "vulns": []}], "fixes": []}
NPM: dict[str, Any] = {
    "auditReportVersion": 2,
    "vulnerabilities": {},
    "metadata": {"vulnerabilities": {"total": 0}, "dependencies": {"prod": 3, "total": 2}},
}
TRIVY: dict[str, Any] = {
    "SchemaVersion": 2,
    "ArtifactName": IMAGE,
    "Results": [{"Target": "debian", "Class": "os-pkgs", "Packages": [{"Name": "a"}, {"Name": "b"}]}],
}


def npm(severity: str, **more: Any) -> dict[str, Any]:
    via = [{"source": 1, "url": "https://github.com/advisories/GHSA-1", "severity": severity}]
    entry = {"name": "send", "severity": severity, "via": via, "range": "<1", "fixAvailable": True, **more}
    counts = {"vulnerabilities": {"total": 1}, "dependencies": {"total": 2}}
    return {"auditReportVersion": 2, "vulnerabilities": {"send": entry}, "metadata": counts}


def trivy(*severities: str | None, **more: Any) -> dict[str, Any]:
    found = [
        {"VulnerabilityID": f"CVE-{n}", "PkgName": "libssl3", "InstalledVersion": "1"}
        | ({} if severity is None else {"Severity": severity})
        for n, severity in enumerate(severities)
    ]
    return {**TRIVY, "Results": [{**TRIVY["Results"][0], "Vulnerabilities": found}], **more}


@pytest.fixture
def scan(tmp_path: Path, vantage_of: Callable[..., Vantage]) -> Scan:
    """Puts a tool in place that prints and ends as told, and looks with it."""
    (tmp_path / "tools").mkdir()
    (tmp_path / "environments" / "requirements.txt").write_text("idna==3.11\n")
    (tmp_path / "environments" / "package-lock.json").write_text("{}")

    def one(tool: str, output: Any, status: int = 0, *, code: str = "", timeout: float = 60, names: Any = None) -> Any:
        text = output if isinstance(output, str) else json.dumps(output)
        program = tmp_path / "tools" / PROGRAMS[tool]
        if output is not None:
            program.write_text(
                f"#!{sys.executable} -IS\nimport sys, time\n{code}\nopen({str(tmp_path / 'argv')!r}, 'w').write("
                f"repr(sys.argv[1:]))\nsys.stdout.write({text!r})\nsys.stderr.write('a warning\\nthe last word\\n')\n"
                f"sys.stdout.flush()\nsys.exit({status})\n",
                encoding="utf-8",
            )
            program.chmod(0o755)
        back_end = BackEnd(
            address=str(tmp_path / "tools"),
            timeout=timedelta(seconds=timeout),
            names=names or {"requirements": "requirements.txt", "node": "."},
        )
        vantage = vantage_of({"tools": back_end}, release=RELEASE)
        return look(VulnerabilitiesOptions(tool=Tool(tool)), vantage).outcome

    return one


@pytest.mark.parametrize(("tool", "document"), [("pip_audit", PIP), ("npm_audit", NPM), ("trivy", TRIVY)])
def test_nothing_found_in_all_that_was_asked_for(scan: Scan, tool: str, document: Any) -> None:
    """The only document without findings that counts."""
    outcome = scan(tool, document)
    assert isinstance(outcome, Seen)
    assert (outcome.data["high"], outcome.data["count"], outcome.data["not_examined"]) == ([], 0, [])
    assert outcome.data["examined"] >= 1


@pytest.mark.parametrize(
    ("tool", "document", "status", "counts"),
    [
        ("npm_audit", npm("moderate"), 1, {"medium": 1}),
        ("npm_audit", npm("critical"), 1, {"critical": 1}),
        ("npm_audit", npm("odd"), 1, {"unknown": 1}),
        ("trivy", trivy("LOW", "HIGH", "MEDIUM", "CRITICAL"), 0, {"critical": 1, "high": 1, "medium": 1, "low": 1}),
        ("trivy", trivy("UNKNOWN", None), 0, {"unknown": 2}),
        ("trivy", trivy("NEGLIGIBLE"), 0, {"low": 1}),
    ],
)
def test_severities_of_all_tools_are_one_scale(
    scan: Scan, tool: str, document: Any, status: int, counts: dict[str, int]
) -> None:
    """A severity that is missing or unheard of counts as high."""
    outcome = scan(tool, document, status)
    assert isinstance(outcome, Seen)
    high = sum(counts.get(severity, 0) for severity in ("critical", "high", "unknown"))
    assert outcome.data["high_or_above"] == len(outcome.data["high"]) == high
    assert {key: number for key, number in outcome.data["counts"].items() if number} == counts


def test_pip_audit_tells_no_severity_so_its_findings_are_high(scan: Scan) -> None:
    """With id, aliases and the version that is fixed."""
    vulns = [{"id": "PYSEC-1", "fix_versions": ["3.12"], "aliases": ["CVE-1"], "description": "x"}]
    outcome = scan("pip_audit", {"dependencies": [{"name": "idna", "version": "3.11", "vulns": vulns}]}, 1)
    assert isinstance(outcome, Seen)
    assert outcome.data["high"] == ["PYSEC-1 in idna 3.11, of unknown severity, fixed in 3.12"]
    assert outcome.data["findings"][0]["aliases"] == ["CVE-1"]


SKIPPED = {"name": "idna", "skip_reason": "Dependency not found on PyPI and could not be audited: idna (3.11)"}


@pytest.mark.parametrize(
    ("tool", "document", "status", "cause"),
    [
        # pip-audit 2.10 without its index: exit 0, "No known vulnerabilities found".
        ("pip_audit", {"dependencies": [SKIPPED], "fixes": []}, 0, Cause.PARTIAL),
        ("pip_audit", {"dependencies": [*PIP["dependencies"], SKIPPED]}, 0, Cause.PARTIAL),
        ("pip_audit", {"dependencies": []}, 0, Cause.NO_DATA),
        ("pip_audit", PIP, 1, Cause.BROKEN),
        ("pip_audit", {"dependencies": None}, 0, Cause.BROKEN),
        ("pip_audit", "", 0, Cause.BROKEN),
        ("pip_audit", "", 2, Cause.BROKEN),
        ("pip_audit", json.dumps(PIP)[:40], 0, Cause.BROKEN),
        ("pip_audit", "[]", 0, Cause.BROKEN),
        ("pip_audit", "Traceback (most recent call last):", 1, Cause.BROKEN),
        # npm 11: without a lock file, and with a registry that has no advisories.
        ("npm_audit", {"error": {"code": "ENOLOCK", "summary": "needs a lockfile"}}, 1, Cause.UNAVAILABLE),
        ("npm_audit", {"message": "405 Method Not Allowed", "error": {"summary": ""}}, 1, Cause.UNAVAILABLE),
        ("npm_audit", {}, 0, Cause.UNAVAILABLE),
        ("npm_audit", NPM, 1, Cause.BROKEN),
        ("npm_audit", {**NPM, "metadata": {"vulnerabilities": {"total": 2}}}, 0, Cause.PARTIAL),
        ("npm_audit", {**NPM, "metadata": {**NPM["metadata"], "dependencies": {"total": 0}}}, 0, Cause.NO_DATA),
        ("trivy", {**TRIVY, "ArtifactName": "another:latest"}, 0, Cause.BROKEN),
        ("trivy", {**TRIVY, "SchemaVersion": 3}, 0, Cause.BROKEN),
        ("trivy", {**TRIVY, "Results": []}, 0, Cause.NO_DATA),
        ("trivy", {**TRIVY, "Results": [{"Target": "x", "Class": "secret"}]}, 0, Cause.NO_DATA),
        ("trivy", trivy("LOW", Metadata={"OS": {"Family": "alpine", "Name": "3.9", "EOSL": True}}), 0, Cause.PARTIAL),
        ("trivy", trivy("LOW") | {"Results": [{"Class": "os-pkgs", "Vulnerabilities": [{}]}]}, 0, Cause.BROKEN),
        ("trivy", {"SchemaVersion": 2, "SchemaVersion ": 2}, 0, Cause.BROKEN),
    ],
)
def test_what_is_not_a_whole_answer_shows_nothing(
    scan: Scan, tool: str, document: Any, status: int, cause: Cause
) -> None:
    """Whatever the exit status says."""
    outcome = scan(tool, document, status)
    assert isinstance(outcome, Unseen)
    assert outcome.cause is cause


def test_bad_news_need_no_completeness(scan: Scan) -> None:
    """What is high already fails, though other packages were not looked up."""
    vulns = [{"id": "PYSEC-1", "fix_versions": []}]
    outcome = scan("pip_audit", {"dependencies": [{"name": "a", "version": "1", "vulns": vulns}, SKIPPED]}, 1)
    assert isinstance(outcome, Seen)
    assert outcome.data["high"] == ["PYSEC-1 in a 1, of unknown severity, no fix yet"]
    assert len(outcome.data["not_examined"]) == 1


@pytest.mark.parametrize(
    ("tool", "install"), [("pip_audit", "pipx install pip-audit"), ("npm_audit", "Node.js"), ("trivy", "trivy.dev")]
)
def test_a_tool_that_is_not_installed_is_told_with_its_install_line(scan: Scan, tool: str, install: str) -> None:
    """And never looked for elsewhere."""
    outcome = scan(tool, None)
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.UNAVAILABLE
    assert install in outcome.detail


def test_a_tool_that_hangs_is_ended(scan: Scan) -> None:
    """Within the back end's timeout."""
    outcome = scan("trivy", TRIVY, code="time.sleep(120)", timeout=0.5)
    assert isinstance(outcome, Unseen)
    assert outcome.cause is Cause.TIMEOUT


def test_a_tool_that_is_killed_is_no_answer(scan: Scan) -> None:
    """Also when its report came first."""
    code = f"import os\nsys.stdout.write({json.dumps(TRIVY)!r}); sys.stdout.flush(); os.kill(os.getpid(), 9)"
    outcome = scan("trivy", TRIVY, code=code)
    assert isinstance(outcome, Unseen)
    assert "signal 9" in outcome.detail


@pytest.mark.parametrize(
    ("tool", "document", "words"),
    [
        ("pip_audit", PIP, ["--requirement", "--no-deps", "--disable-pip", "json"]),
        ("npm_audit", NPM, ["audit", "--json", "--offline=false"]),
        ("trivy", TRIVY, ["image", "--list-all-pkgs", IMAGE]),
    ],
)
def test_arguments_come_from_a_fixed_table(
    scan: Scan, tmp_path: Path, tool: str, document: Any, words: list[str]
) -> None:
    """And the names of the environment."""
    scan(tool, document)
    assert [word for word in words if repr(word) not in (tmp_path / "argv").read_text()] == []


def test_a_file_that_is_not_there_is_not_scanned(scan: Scan) -> None:
    """An empty folder has no vulnerabilities, and is no proof."""
    for tool in ("pip_audit", "npm_audit"):
        outcome = scan(tool, PIP, names={"requirements": "none.txt", "node": "none"})
        assert isinstance(outcome, Unseen)
        assert outcome.cause is Cause.NO_DATA


def test_an_image_that_would_be_an_option_is_refused(vantage_of: Callable[..., Vantage]) -> None:
    """Before anything runs."""
    release = Release(version="1", commit="0123456789abcdef", image="--config=/etc/x")
    with pytest.raises(ConfigError):
        look(VulnerabilitiesOptions(tool=Tool.TRIVY), vantage_of({"tools": BackEnd()}, release=release))
