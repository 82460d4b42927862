"""Locust's own log lines that say what is not so here."""

from __future__ import annotations

import logging

_UNTRUE = ("No run time limit set",)  # the profile says when a run ends


def hush() -> None:
    """Leave them out. A logger has each filter once, however often this is called."""
    logging.getLogger("locust.main").addFilter(_true)


def _true(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_UNTRUE)
