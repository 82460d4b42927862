"""Locust's own log lines that say what is not so here."""

from __future__ import annotations

import logging

_UNTRUE = (
    "No run time limit set",  # the profile says when a run ends
    "While stopping users, we encountered a user that didn't have proper args",  # users whose requests are used up
)


def hush() -> None:
    """Leave them out. A logger has each filter once, however often this is called."""
    for name in ("locust.main", "locust.runners"):
        logging.getLogger(name).addFilter(_true)


def _true(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_UNTRUE)
