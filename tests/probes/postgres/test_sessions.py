"""The sessions of a run on one server: few at once, each within its own deadline."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest

from gonogo.probes.bounded import OutOfTime
from gonogo.probes.postgres.sessions import AT_ONCE, Sessions

SOON = timedelta(milliseconds=30)
LATER = timedelta(seconds=60)


@pytest.mark.parametrize("answers", [0, 1])
def test_who_waits_for_a_session_waits_within_its_deadline(answers: int) -> None:
    """Where other looks of the run are answered meanwhile, the server is not silent: the run was in its own way."""
    sessions = Sessions()
    with contextlib.ExitStack() as stack:
        for _ in range(AT_ONCE):
            stack.enter_context(sessions.turn(LATER).session())
        turn = sessions.turn(SOON)
        with pytest.raises(OutOfTime), turn.session():
            pytest.fail("a session too many")
        sessions.answered += answers
        assert turn.crowded_out == (None if not answers else "waited 0s for one of this run's 4 sessions")


def test_sessions_are_given_back() -> None:
    """Also by a look that failed, which counts as no answer."""
    sessions = Sessions()
    for _ in range(3 * AT_ONCE):
        with contextlib.suppress(ZeroDivisionError), sessions.turn(LATER).session():
            raise ZeroDivisionError
    turn = sessions.turn(LATER)
    with turn.session() as left:
        assert 50 < left <= 60
    assert sessions.answered == 1
    assert turn.crowded_out is None  # it did not wait
