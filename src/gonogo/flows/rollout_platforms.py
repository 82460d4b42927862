"""Which platform an environment's rollouts are made on: what its back ends say."""

from __future__ import annotations

from typing import Any

from gonogo.flows.rollout_cloud_run import CloudRun
from gonogo.flows.rollout_platform import Platform
from gonogo.model.environment import Environment


def platform_of(environment: Environment) -> Platform[Any, Any]:  # noqa: ARG001
    """The platform; its `check` says what the environment lacks for it."""
    return CloudRun()
