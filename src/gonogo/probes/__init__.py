"""The ways of looking, by the name that a checklist gives them: the table of contents of this folder."""

from __future__ import annotations

from gonogo.probes.base import Probe

# Importing a probe must stay cheap: its client is imported by its first look, never at module level.
PROBES: dict[str, Probe] = {
    # HTTP
    # Google Cloud
    # Registries and providers
    # Databases
    # Chat and forges
    # Files and people
    # Prometheus and Alertmanager
}
