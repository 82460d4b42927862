"""The ways of looking, by the name that a checklist gives them: the table of contents of this folder."""

from __future__ import annotations

from gonogo.probes import cloud_run, http
from gonogo.probes.base import Probe

# Importing a probe must stay cheap: its client is imported by its first look, never at module level.
PROBES: dict[str, Probe] = {
    # HTTP
    "http": http.PROBE,
    # Google Cloud
    "cloud_run": cloud_run.PROBE,
    "cloud_run_services": cloud_run.PROBE_SERVICES,
    # Registries and providers
    # Databases
    # Chat and forges
    # Files and people
    # Prometheus and Alertmanager
}
