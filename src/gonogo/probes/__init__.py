"""The ways of looking, by the name that a checklist gives them: the table of contents of this folder."""

from __future__ import annotations

from gonogo.model.registry import Registry
from gonogo.probes.base import Probe

# Importing a probe must stay cheap: its client is imported by its first look, never at module level.
PROBES: Registry[Probe] = Registry(
    "gonogo.probes",
    {
        # HTTP
        "http": "http:PROBE",
        "http_steps": "http_steps:PROBE",
        "http_poll": "http_poll:PROBE",
        # Load
        "load_run": "load_run:PROBE",
        # Watches
        "watch_samples": "watch_samples:PROBE",
        # Google Cloud
        "cloud_run": "cloud_run:PROBE",
        "cloud_run_services": "cloud_run:PROBE_SERVICES",
        "cloud_monitoring": "cloud_monitoring:PROBE",
        "cloud_logging": "cloud_logging:PROBE",
        "dashboards": "monitoring_config:DASHBOARDS",
        "alert_policies": "monitoring_config:ALERT_POLICIES",
        "snoozes": "monitoring_config:SNOOZES",
        "open_alerts": "monitoring_config:OPEN_ALERTS",
        "cloud_sql_backups": "google_rest:BACKUPS",
        "project_access": "google_rest:ACCESS",
        # Registries and providers
        "registry_image": "registry:PROBE",
        "provider_status": "provider_status:PROBE",
        # Programs of this machine
        "vulnerabilities": "vulnerabilities:PROBE",
        "postman": "postman.probe:PROBE",
        # Incidents
        "what_if": "what_if:PROBE",
        # Databases
        "postgres": "postgres:PROBE",
        "redis": "redis:PROBE",
        "row_counts": "row_counts:PROBE",
        # Chat and forges
        "slack": "slack:PROBE",
        "forge_checks": "forge:CHECKS",
        "forge_approvals": "forge:APPROVALS",
        "forge_release": "forge:RELEASE",
        # Files and people
        "junit_file": "files:JUNIT",
        "changelog_file": "files:CHANGELOG",
        "csv_file": "files:CSV",
        "signoff": "signoff:PROBE",
        "declared": "declared:PROBE",
        # Names
        "dns": "dns:PROBE",
        # Object stores
        "object_store": "object_store:PROBE",
        "restore": "restore:PROBE",
        # What people recorded
        "incident": "recovery:INCIDENT",
        "drill": "recovery:DRILL",
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
        "argo_application": "argo:PROBE",
        "helm_history": "helm.history:PROBE",
    },
)
