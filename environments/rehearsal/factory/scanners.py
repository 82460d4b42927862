"""Stand-ins of pip-audit, npm and trivy: programs in a folder that print recorded shapes of the real tools' JSON.

They scan nothing and say so on standard error; what they print is in the shape of pip-audit 2.10, npm 11 and trivy
0.5x. Under a fault one of them finds something grave, is missing, or ends with a traceback.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from factory.rehearsal import Stage
from factory.world import World

_PROGRAM = """#!{python} -IS
import sys
sys.stderr.write("{name}: a stand-in of the rehearsal; nothing is scanned\\n")
sys.stdout.buffer.write({output!r})
sys.exit({status})
"""


def start(stage: Stage) -> None:
    """The folder stands at the address `tools`; its programs are those of the world."""
    folder = stage.processes.folder / "tools"
    folder.mkdir()
    stage.ref.addresses["tools"] = str(folder)

    def apply(world: World) -> None:
        for name, (status, output) in _programs(world).items():
            path = folder / name
            path.unlink(missing_ok=True)
            if not (name == "npm" and world.fault("scanner-missing")):
                _write(path, name, status, output)

    stage.on_apply.append(apply)


def _write(path: Path, name: str, status: int, output: bytes) -> None:
    text = _PROGRAM.format(python=sys.executable, name=name, output=output, status=status)
    path.write_text(text, encoding="utf-8", newline="\n")
    path.chmod(0o755)
    if os.name == "nt":
        path.with_suffix(".cmd").write_text(f'@"{sys.executable}" -IS "{path}" %*\n', encoding="utf-8")


def _programs(world: World) -> dict[str, tuple[int, bytes]]:
    """Program -> its exit status and what it prints."""
    python, node, image = _pip_audit(world), _npm_audit(), _trivy(world)
    programs = {
        "pip-audit": (int(any(one.get("vulns") for one in python["dependencies"])), json.dumps(python).encode()),
        "npm": (1, json.dumps(node, indent=2).encode()),
        "trivy": (0, json.dumps(image, indent=2).encode()),
    }
    if world.fault("scanner-crashed"):
        programs["trivy"] = (1, programs["trivy"][1][:400])
    return programs


def _pip_audit(world: World) -> dict[str, Any]:
    packages = {"fastapi": "0.121.2", "httpx": "0.28.1", "idna": "3.11", "starlette": "0.49.3", "uvicorn": "0.38.0"}
    found: list[dict[str, Any]] = [{"name": name, "version": at, "vulns": []} for name, at in packages.items()]
    if world.fault("scanner-skipped"):
        # What it does where the index does not answer: it says that nothing is known, and ends with 0.
        reason = "Dependency not found on PyPI and could not be audited"
        found = [{"name": name, "skip_reason": f"{reason}: {name} ({version})"} for name, version in packages.items()]
    if world.fault("vulnerable-package"):
        found[3]["vulns"] = [
            {
                "id": "PYSEC-2026-114",
                "fix_versions": ["0.49.4"],
                "aliases": ["CVE-2026-31337"],
                "description": "A range header of many parts takes the whole of a processor.",
            }
        ]
    return {"dependencies": found, "fixes": []}


def _npm_audit() -> dict[str, Any]:
    """One finding of moderate severity: not what the item is about."""
    advisory = {
        "source": 1110044,
        "name": "send",
        "dependency": "send",
        "title": "send vulnerable to template injection that can lead to XSS",
        "url": "https://github.com/advisories/GHSA-m6fv-jmcg-4jfg",
        "severity": "moderate",
        "cwe": ["CWE-79"],
        "cvss": {"score": 5, "vectorString": "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:L/A:L"},
        "range": "<0.19.0",
    }
    entry = {
        "name": "send",
        "severity": "moderate",
        "isDirect": False,
        "via": [advisory],
        "effects": [],
        "range": "<0.19.0",
        "nodes": ["node_modules/send"],
        "fixAvailable": True,
    }
    severities = {"info": 0, "low": 0, "moderate": 1, "high": 0, "critical": 0, "total": 1}
    dependencies = {"prod": 66, "dev": 0, "optional": 0, "peer": 0, "peerOptional": 0, "total": 65}
    return {
        "auditReportVersion": 2,
        "vulnerabilities": {"send": entry},
        "metadata": {"vulnerabilities": severities, "dependencies": dependencies},
    }


def _trivy(world: World) -> dict[str, Any]:
    found = [_cve("CVE-2024-56433", "login.defs", "1:4.17.4-2", "", "LOW")]
    if world.fault("vulnerable-image"):
        found.append(_cve("CVE-2026-0042", "libssl3t64", "3.5.1-1", "3.5.1-1+deb13u2", "CRITICAL"))
    packages = [{"Name": name, "Version": "1"} for name in ("base-files", "libssl3t64", "login.defs", "python3.11")]
    debian = {
        "Target": f"{world.new_image} (debian 13.1)",
        "Class": "os-pkgs",
        "Type": "debian",
        "Packages": packages,
        "Vulnerabilities": found,
    }
    return {
        "SchemaVersion": 2,
        "ArtifactName": world.new_image,
        "ArtifactType": "container_image",
        "Metadata": {"OS": {"Family": "debian", "Name": "13.1"}},
        "Results": [debian, {"Target": "Python", "Class": "lang-pkgs", "Type": "python-pkg"}],
    }


def _cve(known_as: str, package: str, version: str, fixed: str, severity: str) -> dict[str, Any]:
    more = {"FixedVersion": fixed, "Status": "fixed"} if fixed else {"Status": "affected"}
    return {
        "VulnerabilityID": known_as,
        "PkgName": package,
        "InstalledVersion": version,
        **more,
        "SeveritySource": "debian",
        "Severity": severity,
    }
