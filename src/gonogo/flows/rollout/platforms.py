"""Which platform an environment's rollouts are made on: what its back ends say."""

from __future__ import annotations

from typing import Any

from gonogo.flows.rollout.cloud_run import CloudRun
from gonogo.flows.rollout.helm import Helm
from gonogo.flows.rollout.platform import Platform
from gonogo.model.environment import Environment


def platform_of(environment: Environment) -> Platform[Any, Any]:
    """Kubernetes where the environment has it and no Cloud Run; `check` says what it lacks otherwise."""
    if "kubernetes" in environment.back_ends and "cloud_run" not in environment.back_ends:
        return Helm()
    return CloudRun()
