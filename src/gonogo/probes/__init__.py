"""The ways of looking, by the name that a checklist gives them: the table of contents of this folder."""

from __future__ import annotations

from gonogo.probes import (
    cloud_run,
    declared,
    files,
    forge,
    http,
    http_steps,
    postgres,
    prometheus,
    redis,
    signoff,
    slack,
)
from gonogo.probes.base import Probe

# Importing a probe must stay cheap: its client is imported by its first look, never at module level.
PROBES: dict[str, Probe] = {
    # HTTP
    "http": http.PROBE,
    "http_steps": http_steps.PROBE,
    # Google Cloud
    "cloud_run": cloud_run.PROBE,
    "cloud_run_services": cloud_run.PROBE_SERVICES,
    # Registries and providers
    # Databases
    "postgres": postgres.PROBE,
    "redis": redis.PROBE,
    # Chat and forges
    "slack": slack.PROBE,
    "forge_checks": forge.CHECKS,
    "forge_approvals": forge.APPROVALS,
    "forge_release": forge.RELEASE,
    # Files and people
    "junit_file": files.JUNIT,
    "changelog_file": files.CHANGELOG,
    "csv_file": files.CSV,
    "signoff": signoff.PROBE,
    "declared": declared.PROBE,
    # Prometheus and Alertmanager
    "prometheus": prometheus.PROMETHEUS,
    "prometheus_rules": prometheus.RULES,
    "alertmanager": prometheus.ALERTMANAGER,
}
