"""Scanners for known vulnerabilities, installed on this machine, into findings with one scale of severities.

A scanner's exit status is no verdict: pip-audit answers 0 for packages that it could not look up, npm audit 1 for a
registry that it could not ask. What counts is the document, and whether it covers what was to be scanned.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from gonogo.model.environment import Environment
from gonogo.model.errors import ConfigError
from gonogo.model.evidence import Cause, Seen, Unseen
from gonogo.probes.base import Probe, Sight, Vantage
from gonogo.probes.command import Ran, find, run
from gonogo.probes.deadline import Deadline
from gonogo.probes.failure import Failure
from gonogo.probes.http.observer import observe
from gonogo.probes.json_strict import parse_json
from gonogo.probes.named import named
from gonogo.probes.places import environment_file, inside
from gonogo.probes.scanners import SCANNERS, SEVERITIES, Tool

HIGH = ("critical", "high", "unknown")
_NAMES = {Tool.PIP_AUDIT: "requirements", Tool.NPM_AUDIT: "node"}  # of the back end; trivy scans the release's image
_LISTED = 200
_LONGEST = timedelta(seconds=110)  # a look ends before the run's own watchdog ends it
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]{0,500}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class VulnerabilitiesOptions:
    """`tool` is pip_audit (the file `names.requirements`), npm_audit (the folder `names.node`, with its lock file) or
    trivy (the release's image). The back end's address is the folder that holds the tools; without one they are
    found on PATH. A tool gets fixed arguments and no secret of this process.
    """

    tool: Tool


def look(options: VulnerabilitiesOptions, vantage: Vantage) -> Sight:
    """{tool, target, findings: [{package, version, id, aliases, severity, fixed_in}], counts: {severity: number},
    high: [text], high_or_above, examined, not_examined}, the worst findings first; `high` says those of high severity
    and above. A finding without a severity is `unknown` and counts as high: pip-audit tells none. A tool that is not
    there, failed, or did not cover all that it was given shows nothing, unless what it found is high already.
    """
    scanner = SCANNERS[options.tool]
    if options.tool is Tool.TRIVY and vantage.release is None:
        missing = Unseen(cause=Cause.NO_DATA, detail="no release is named: --release FILE")
        return Sight(source=f"{scanner.program} of the release's image", outcome=missing)
    back_end = vantage.back_end("tools")
    target, cwd = _target(options.tool, vantage)
    source = f"{scanner.program} of {target}"

    def see() -> Seen:
        file = Path(target) if options.tool is Tool.PIP_AUDIT else cwd / "package-lock.json" if cwd else None
        if file is not None and not file.is_file():
            raise Failure(Cause.NO_DATA, f"{file} is not there: nothing to scan")
        program = find(scanner.program, back_end.address)
        if program is None:
            raise Failure(Cause.UNAVAILABLE, f"{scanner.program} is not installed here: {scanner.install}")
        with tempfile.TemporaryDirectory(prefix="gonogo-") as empty:
            ran = run(
                [program, *scanner.words(target)],
                cwd=cwd or Path(empty),
                deadline=Deadline(min(back_end.timeout, _LONGEST)),
                beside=back_end.address,
            )
        return _seen(options.tool, target, ran)

    return observe(source, see)


def refuse(options: VulnerabilitiesOptions, environment: Environment, base: Path) -> None:
    """ConfigError for a target that the environment does not name, or not in here: before anything is started."""
    if options.tool in _NAMES:
        target = named(environment, "tools", _NAMES[options.tool])
        inside(base, target, base.parent, environment.back_ends["tools"].origin)


def _target(tool: Tool, vantage: Vantage) -> tuple[str, Path | None]:
    """What is scanned, and the folder to stand in (None: an empty one)."""
    if tool is Tool.TRIVY and vantage.release is not None:
        if not _IMAGE.match(vantage.release.image):
            raise ConfigError(f"{vantage.release.image!r} is not the name of an image")
        return vantage.release.image, None
    path = environment_file(named(vantage.environment, "tools", _NAMES[tool]), vantage).resolve()
    return str(path), None if tool is Tool.PIP_AUDIT else path


def _seen(tool: Tool, target: str, ran: Ran) -> Seen:
    scanner = SCANNERS[tool]
    said = f": {ran.error}" if ran.error else ""
    if not ran.output.strip() or ran.status < 0:
        how = f"was ended by signal {-ran.status}" if ran.status < 0 else f"ended with {ran.status} and wrote nothing"
        raise Failure(Cause.BROKEN, f"{scanner.program} {how}{said}")
    document = parse_json(ran.output, f"the output of {scanner.program} (exit {ran.status})")
    report = scanner.read(document, target)
    findings = sorted(report.findings, key=lambda one: (SEVERITIES.index(one["severity"]), one["package"], one["id"]))
    counts = {severity: sum(one["severity"] == severity for one in findings) for severity in SEVERITIES}
    high = sum(counts[severity] for severity in HIGH)
    left = list(report.not_examined)
    data = {
        "tool": tool.value,
        "target": target,
        "exit": ran.status,
        "findings": findings[:_LISTED],
        "counts": counts,
        "high": [_said(one) for one in findings if one["severity"] in HIGH][:_LISTED],
        "high_or_above": high,
        "count": len(findings),
        "examined": report.examined,
        "not_examined": left[:_LISTED],
    }
    if not high:  # bad news needs no completeness
        if ran.status != 0 and not findings:
            raise Failure(Cause.BROKEN, f"{scanner.program} ended with {ran.status} and found nothing{said}", data=data)
        if left:
            some = "; ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
            raise Failure(Cause.PARTIAL, f"{scanner.program} did not examine {len(left)} packages: {some}", data=data)
        if report.examined == 0:
            raise Failure(Cause.NO_DATA, f"{scanner.program} found no package to examine in {target}", data=data)
    return Seen(data=data)


def _said(finding: Mapping[str, Any]) -> str:
    fixed = f"fixed in {finding['fixed_in']}" if finding["fixed_in"] else "no fix yet"
    severity = "of unknown severity" if finding["severity"] == "unknown" else finding["severity"]
    return f"{finding['id']} in {finding['package']} {finding['version']}, {severity}, {fixed}"


PROBE = Probe(options=VulnerabilitiesOptions, look=look, back_ends=("tools",), refuse=refuse)
