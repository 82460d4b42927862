"""What Locust would say or do at the wrong place: log lines that are not so here, Ctrl-C in the midst of a loop."""

from __future__ import annotations

import logging
import signal

import gevent

_UNTRUE = (
    "No run time limit set",  # the profile says when a run ends
    "While stopping users, we encountered a user that didn't have proper args",  # users whose requests are used up
)


def hush() -> None:
    """Leave them out. A logger has each filter once, however often this is called."""
    for name in ("locust.main", "locust.runners"):
        logging.getLogger(name).addFilter(_true)


def interrupt_here() -> None:
    """Ctrl-C is raised where this was called, in Locust's main greenlet, and not in the one that happens to run.

    In the fleet's loop it would take the record with it.
    """
    main = gevent.getcurrent()

    def interrupt() -> None:
        gevent.get_hub().loop.run_callback(main.throw, KeyboardInterrupt)

    gevent.signal_handler(signal.SIGINT, interrupt)


def _true(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_UNTRUE)
