"""What each scanner for vulnerabilities is called with, and how its document is read into one shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gonogo.model.evidence import Cause
from gonogo.probes.failure import Failure

SEVERITIES = ("critical", "high", "unknown", "medium", "low", "info")  # the worst first
_ALIKE = {"moderate": "medium", "negligible": "low", "none": "info"}

Finding = dict[str, Any]


class Tool(StrEnum):
    """The scanners that may be run."""

    PIP_AUDIT = "pip_audit"
    NPM_AUDIT = "npm_audit"
    TRIVY = "trivy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a scanner's document says. `examined` counts packages, None where it does not say."""

    findings: Sequence[Finding]
    examined: int | None
    not_examined: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """One tool: how it is called on its target, how its document is read, how it is installed."""

    program: str
    install: str
    words: Callable[[str], Sequence[str]]
    read: Callable[[Any, str], Report]


def _pip_audit(document: Any, _: str) -> Report:
    """{dependencies: [{name, version, vulns: [{id, fix_versions, aliases}]} or {name, skip_reason}]}."""
    findings: list[Finding] = []
    skipped: list[str] = []
    for package in document["dependencies"]:
        if "skip_reason" in package:
            skipped.append(_short(f"{package['name']}: {package['skip_reason']}"))
            continue
        findings += [
            _finding(
                package["name"],
                package["version"],
                one["id"],
                fixed_in=", ".join(one["fix_versions"]),
                aliases=one.get("aliases", ()),
            )
            for one in package["vulns"]
        ]
    return Report(findings=findings, examined=len(document["dependencies"]) - len(skipped), not_examined=skipped)


def _npm_audit(document: Any, _: str) -> Report:
    """Version 2: {vulnerabilities: {package: {severity, range, via, fixAvailable}}, metadata: {vulnerabilities,
    dependencies}}; an error is {error} or {message, error}.
    """
    if "error" in document or "vulnerabilities" not in document:
        error = document.get("error") or {}
        said = document.get("message") or error.get("summary") or error.get("code") or "no report"
        raise Failure(Cause.UNAVAILABLE, f"npm audit could not ask: {_short(said)}")
    findings = []
    for name, one in document["vulnerabilities"].items():
        direct = [via for via in one["via"] if isinstance(via, Mapping)]
        through = [via for via in one["via"] if isinstance(via, str)]
        ids = [str(via.get("url") or via.get("source")).rpartition("/")[2] for via in direct]
        fix = one.get("fixAvailable")
        fixed = f"{fix['name']} {fix['version']}" if isinstance(fix, Mapping) else ("npm audit fix" if fix else "")
        about = ids[0] if ids else f"through {', '.join(through)}"
        severity = one["severity"]
        findings.append(_finding(name, one.get("range", ""), about, severity=severity, fixed_in=fixed, aliases=ids[1:]))
    total = document["metadata"]["vulnerabilities"]["total"]
    if total != len(findings):
        raise Failure(Cause.PARTIAL, f"npm audit counts {total} vulnerable packages and lists {len(findings)}")
    return Report(findings=findings, examined=document["metadata"]["dependencies"]["total"])


def _trivy(document: Any, target: str) -> Report:
    """Schema 2: {ArtifactName, Metadata: {OS}, Results: [{Class, Packages, Vulnerabilities}]}. A result without
    vulnerabilities lacks the key.
    """
    schema, name = document.get("SchemaVersion"), document.get("ArtifactName")
    if schema != 2 or name != target:
        raise Failure(Cause.BROKEN, f"trivy reports on {_short(name)} in schema {schema}, asked for {target}")
    results = [one for one in document.get("Results") or () if one.get("Class") in ("os-pkgs", "lang-pkgs")]
    findings = [
        _finding(
            one["PkgName"],
            one["InstalledVersion"],
            one["VulnerabilityID"],
            severity=one.get("Severity"),
            fixed_in=one.get("FixedVersion", ""),
        )
        for result in results
        for one in result.get("Vulnerabilities") or ()
    ]
    system = (document.get("Metadata") or {}).get("OS") or {}
    ended = [f"{system.get('Family')} {system.get('Name')}: at its end of life, nobody tells what is found in it"]
    packages = [len(result["Packages"]) for result in results if result.get("Packages")]
    # A version that does not list packages: a result at least says that it has recognised some.
    return Report(
        findings=findings,
        examined=sum(packages) if packages else None if results else 0,
        not_examined=ended if system.get("EOSL") else (),
    )


def _finding(
    package: Any, version: Any, known_as: Any, *, severity: Any = None, fixed_in: str = "", aliases: Sequence[Any] = ()
) -> Finding:
    said = str(severity or "unknown").lower()
    said = _ALIKE.get(said, said)
    return {
        "package": _short(package),
        "version": _short(version),
        "id": _short(known_as),
        "aliases": [_short(one) for one in list(aliases)[:10]],
        "severity": said if said in SEVERITIES else "unknown",
        "fixed_in": _short(fixed_in),
    }


def _short(text: Any) -> str:
    return " ".join(str(text).split())[:200]


def _pip_audit_words(target: str) -> Sequence[str]:
    # Nothing is resolved or built: the file pins what it names, as a lock file does.
    only = ("--no-deps", "--disable-pip", "--progress-spinner", "off")
    return ("--requirement", target, "--format", "json", *only)


def _npm_audit_words(_: str) -> Sequence[str]:
    # A user's configuration may say offline, and npm audit then finds nothing in nothing.
    return ("audit", "--json", "--offline=false", "--prefer-offline=false")


def _trivy_words(target: str) -> Sequence[str]:
    return ("image", "--format", "json", "--quiet", "--scanners", "vuln", "--list-all-pkgs", target)


SCANNERS: Mapping[Tool, Scanner] = {
    Tool.PIP_AUDIT: Scanner(
        program="pip-audit", install="pipx install pip-audit", words=_pip_audit_words, read=_pip_audit
    ),
    Tool.NPM_AUDIT: Scanner(
        program="npm", install="install Node.js, which brings it", words=_npm_audit_words, read=_npm_audit
    ),
    Tool.TRIVY: Scanner(
        program="trivy",
        install="see https://trivy.dev/latest/getting-started/installation/",
        words=_trivy_words,
        read=_trivy,
    ),
}
