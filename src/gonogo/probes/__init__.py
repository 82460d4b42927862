"""The ways of looking, by the name that a checklist gives them: the table of contents of this folder."""

from __future__ import annotations

from gonogo.model.registry import Registry
from gonogo.probes.base import Probe

# Importing a probe must stay cheap: its client is imported by its first look, never at module level.
PROBES: Registry[Probe] = Registry(
    "gonogo.probes",
    {
        # HTTP
        "http": "http.probe:PROBE",
        "http_steps": "http.steps:PROBE",
        "http_poll": "http.poll:PROBE",
        # Load
        "load_run": "recorded.load_run:PROBE",
        # Watches
        "watch_samples": "recorded.watch_samples:PROBE",
        # Google Cloud
        "cloud_run": "google.run:PROBE",
        "cloud_run_services": "google.run:PROBE_SERVICES",
        "cloud_monitoring": "google.monitoring:PROBE",
        "cloud_logging": "google.logging:PROBE",
        "dashboards": "google.monitoring_config:DASHBOARDS",
        "alert_policies": "google.monitoring_config:ALERT_POLICIES",
        "snoozes": "google.monitoring_config:SNOOZES",
        "open_alerts": "google.monitoring_config:OPEN_ALERTS",
        "cloud_sql_backups": "google.rest:BACKUPS",
        "project_access": "google.rest:ACCESS",
        # Registries and providers
        "registry_image": "registry:PROBE",
        "provider_status": "provider_status:PROBE",
        # Programs of this machine
        "vulnerabilities": "vulnerabilities:PROBE",
        "postman": "postman.probe:PROBE",
        # Incidents
        "what_if": "what_if:PROBE",
        # Databases
        "postgres": "postgres.probe:PROBE",
        "redis": "redis:PROBE",
        "row_counts": "postgres.row_counts:PROBE",
        # Chat and forges
        "slack": "slack:PROBE",
        "forge_checks": "forge:CHECKS",
        "forge_approvals": "forge:APPROVALS",
        "forge_release": "forge:RELEASE",
        # Files and people
        "junit_file": "recorded.files:JUNIT",
        "changelog_file": "recorded.files:CHANGELOG",
        "csv_file": "recorded.files:CSV",
        "signoff": "recorded.signoff:PROBE",
        "declared": "recorded.declared:PROBE",
        # Names
        "dns": "dns:PROBE",
        # Object stores
        "object_store": "object_store.probe:PROBE",
        "restore": "postgres.restore:PROBE",
        # What people recorded
        "incident": "recorded.recovery:INCIDENT",
        "drill": "recorded.recovery:DRILL",
        # Prometheus, Alertmanager and Grafana
        "prometheus": "prometheus:PROMETHEUS",
        "prometheus_rules": "alerts:RULES",
        "alertmanager": "alerts:ALERTMANAGER",
        "grafana_rules": "alerts:GRAFANA_RULES",
        "grafana_alerts": "alerts:GRAFANA_ALERTS",
        # Kubernetes
        "kubernetes_pods": "kubernetes.pods:PROBE",
        "kubernetes_deployments": "kubernetes.deployments:PROBE",
        "kubernetes_autoscalers": "kubernetes.autoscalers:PROBE",
        "kubernetes_secrets": "kubernetes.secrets:PROBE",
        "kubernetes_ingresses": "kubernetes.ingresses:PROBE",
        "argo_application": "kubernetes.argo:PROBE",
        "helm_history": "helm.history:PROBE",
    },
)
