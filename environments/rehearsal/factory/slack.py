"""Slack's Web API for AI Factory: the channel of its incidents, empty until a watch posts its alerts there."""

from __future__ import annotations

import slack_api

from factory.rehearsal import Stage

SPACE = slack_api.Workspace(("general", "factory-incidents"), lambda _world, _channel: [])


def start(stage: Stage) -> None:
    """Serve; address slack, with the token of secret GONOGO_SLACK_TOKEN."""
    stage.ref.addresses["slack"] = slack_api.start(stage.ref, stage.host, SPACE)
