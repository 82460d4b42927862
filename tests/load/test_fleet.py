"""The fleet against servers of every manner; what was sent is counted at the server."""

from __future__ import annotations

import socket
import threading
import time
from datetime import timedelta

import pytest
from loopback import (
    SECOND,
    Answer,
    Server,
    arrivals,
    broken,
    chunked,
    close_after,
    closed,
    every_third_limited,
    garbage,
    header_only,
    informed,
    informed_then_truncated,
    ok,
    reset,
    silent,
    target,
    truncated,
    unauthorized,
    until_close,
    zipped,
)

from gonogo.load.fleet import Fleet, Found
from gonogo.load.lane import Batch
from gonogo.load.record import merge
from gonogo.load.schedule import Share
from gonogo.load.waiting import Portable, Wait, wait
from gonogo.model.errors import ConfigError
from gonogo.model.load import OutcomeClass, Profile

ACCEPTED, LIMITED, ERROR = OutcomeClass.ACCEPTED, OutcomeClass.LIMITED, OutcomeClass.ERROR


def run(profile: Profile, server: Server, deadline: float = 30, **given: object) -> Found:
    return Fleet(profile, [target(server.url, **given)], deadline=timedelta(seconds=deadline)).run()


@pytest.mark.parametrize(
    ("answer", "connections"),
    [(ok, 3), (chunked, 3), (zipped, 3), (informed, 3), (close_after, 31), (until_close, 31)],
)
def test_answers(answer: Answer, connections: int) -> None:
    """Chunked, gzip, early hints, close after each answer, ends with the stream: all accepted, none sent twice."""
    with Server(answer) as server:
        found = run(closed(requests=31, connections=3), server)
        assert len(server.seen) == 31
        assert server.connections == connections
    side = found.sides[0]
    assert (side.requests, side.statuses, side.errors) == (31, {200: 31}, {})
    assert side.outcomes[ACCEPTED].count == 31
    assert found.aborted is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (reset, "connection lost: connection reset by peer"),
        (truncated, "connection closed before the answer was complete"),
        (informed_then_truncated, "connection closed before the answer was complete"),
        (garbage, "malformed answer: HttpParserError"),
    ],
)
def test_lost_answers(answer: Answer, reason: str) -> None:
    """A lost answer is one error with its reason, and no request is sent again."""
    with Server(answer) as server:
        side = run(closed(requests=9, connections=2), server).sides[0]
        assert len(server.seen) == 9
    assert (side.requests, side.statuses, side.errors) == (9, {0: 9}, {reason: 9})
    assert side.outcomes[ERROR].count == 9


def test_nobody_listens() -> None:
    """A refused connection is an error that says so, for every request."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    side = Fleet(closed(requests=4, connections=2), [target(f"http://localhost:{port}")]).run().sides[0]
    assert side.errors == {"no connection: connection refused": 4}


def test_the_deadline_is_total() -> None:
    """A silent server ends a request at its deadline; a connection that hung is not used again."""
    with Server(silent) as server:
        side = run(closed(requests=4, connections=2), server, deadline=0.2).sides[0]
        assert len(server.seen) == server.connections == 4
    assert side.errors == {"no answer within the deadline of 0.2 s": 4}
    assert 199 <= side.outcomes[ERROR].min <= side.outcomes[ERROR].max < 10_000  # the server never answers


def test_head_has_no_body() -> None:
    """The answer to HEAD ends with its headers, whatever length they promise."""
    with Server(header_only) as server:
        side = run(closed(requests=3), server, method="HEAD").sides[0]
    assert side.statuses == {200: 3}


def test_large_bodies_are_sent_whole() -> None:
    """A body larger than the socket's buffer arrives."""
    body = b"x" * 8_000_000
    with Server(ok) as server:
        side = run(closed(requests=2), server, method="POST", body=body).sides[0]
        assert [each.endswith(body) for each in server.heads] == [True, True]
    assert side.statuses == {200: 2}


def test_users_keep_their_delay() -> None:
    """Two users with a delay of 100 ms send no faster, and five requests are five."""
    with Server(ok) as server:
        run(closed(requests=5, connections=2, delay=timedelta(milliseconds=100)), server)
        assert len(server.seen) == 5
        gaps = [after - before for before, after in zip(server.seen, server.seen[2:], strict=False)]
    assert min(gaps) >= 0.099


def test_a_duration_ends_a_closed_run() -> None:
    """Without a cap the users stop when the time is over; nothing else would ever end them."""
    with Server(ok) as server:
        side = run(closed(duration=timedelta(milliseconds=300), connections=2), server).sides[0]
        assert side.requests == len(server.seen) > 1
        sent = [at - server.seen[0] for at in server.seen]
    assert max(sent) < 10


def test_open_arrivals_are_punctual() -> None:
    """100 arrivals a second are counted exactly and come evenly; the achieved rate is the requested one."""
    with Server(ok) as server:
        side = run(arrivals(100, duration=SECOND, connections=20), server).sides[0]
        assert len(server.seen) == 100
        late = sorted(abs(at - server.seen[0] - number / 100) for number, at in enumerate(server.seen))
    assert late[50] < 0.1  # sent as fast as they go, half of them would be early by 0.5 s or more
    assert side.requested_rate == 100
    assert side.achieved_rate == pytest.approx(100, rel=0.2)


def test_a_generator_without_connections_is_seen() -> None:
    """One connection to a silent server cannot keep the rate: what was not sent is no request, and an error."""
    with Server(silent) as server:
        side = run(arrivals(1000, requests=50, connections=1), server, deadline=0.2).sides[0]
        assert len(server.seen) == side.requests < 20
    assert side.outcomes[ERROR].count == 50
    assert side.achieved_rate < 500
    assert side.errors["not sent: no free connection within the deadline"] == 50 - side.requests


def test_events_tell_the_timeline() -> None:
    """A rate-limit run keeps each request with its times, its status and the headers that speak of limits."""
    with Server(every_third_limited) as server:
        fleet = Fleet(closed(requests=9), [target(server.url, path="/x?y=1")], events=True)
        found = fleet.run()
    events = found.events
    assert [event.status for event in events] == [200, 200, 429] * 3
    assert all(0 <= event.intended <= event.sent < event.received < 60 for event in events)
    assert events[0].headers == (("ratelimit", "limit=5"),)
    assert events[2].headers == (("retry-after", "2"), ("x-ratelimit-remaining", "0"))
    assert events[2].outcome is LIMITED
    assert {event.endpoint for event in events} == {"GET /x"}
    outcomes = found.sides[0].outcomes
    assert outcomes[ACCEPTED].min >= 20  # as long as the server takes for it
    assert outcomes[ACCEPTED].min > outcomes[LIMITED].min


def test_a_lost_answer_has_no_headers_of_another() -> None:
    """After an answer with headers the connection is refused: that event holds none of them."""
    heard: list[Batch] = []
    with Server(every_third_limited) as server:

        def hear(batch: Batch) -> None:
            heard.append(batch)
            server.__exit__(None, None, None)

        fleet = Fleet(closed(requests=3, delay=SECOND / 2), [target(server.url)], events=True, listener=hear)
        events = fleet.run().events
    assert events[0].headers
    assert events[-1].status == 0
    assert events[-1].headers == ()
    assert events[-1].error.startswith("no connection")


def test_refused_credentials_stop_the_run() -> None:
    """401 on each of the first five requests ends a run of thousands."""
    with Server(unauthorized) as server:
        found = run(closed(requests=2000), server)
        assert len(server.seen) == 5
    assert found.aborted == "canary: 401 on each of the first 5 requests: the credentials are not accepted"


@pytest.mark.parametrize("answer", [broken, reset])
def test_a_burn_stops_the_run(answer: Answer) -> None:
    """Errors over the ratio end an open run of a minute as soon as they are enough: most of it is never sent."""
    with Server(answer) as server:
        started = time.monotonic()
        found = run(arrivals(50, duration=60 * SECOND, connections=5, abort_error_ratio=0.1), server)
        assert time.monotonic() - started < 20
        assert len(server.seen) < 1000
    assert "were errors, more than the ratio 0.1" in str(found.aborted)


def test_a_burn_of_silence_stops_the_run() -> None:
    """A server that falls silent burns the budget as soon as the first deadlines are over."""
    with Server(silent) as server:
        started = time.monotonic()
        found = run(arrivals(50, duration=60 * SECOND, connections=500, abort_error_ratio=0.1), server, deadline=0.5)
        assert time.monotonic() - started < 20
        assert len(server.seen) < 1000
    assert found.aborted


def test_an_allowed_ratio_does_not_stop() -> None:
    """429 answers are no errors: a limiter at work does not stop the run."""
    with Server(every_third_limited) as server:
        found = run(closed(requests=30, connections=3, abort_error_ratio=0.0), server)
        assert len(server.seen) == 30
    assert found.aborted is None


def test_sides_one_after_the_other() -> None:
    """Where sides share a counter, the second starts when the first is over; together they overlap."""
    with Server(chunked) as one, Server(chunked) as two:
        targets = [target(one.url, "canary"), target(two.url, "legacy")]
        Fleet(closed(requests=5, sides_together=False), targets).run()
        assert max(one.seen) < min(two.seen)
        found = Fleet(closed(requests=5), targets).run()
        assert max(one.seen) > min(two.seen[5:])
    assert [side.side for side in found.sides] == ["canary", "legacy"]
    assert [side.requests for side in found.sides] == [5, 5]


def test_endpoints_take_turns() -> None:
    """Two endpoints of a side share its cap and have histograms of their own."""
    with Server(ok) as server:
        side = Fleet(closed(requests=7), [target(server.url, path="/a"), target(server.url, path="/b")]).run().sides[0]
    assert [(each.endpoint, each.outcome) for each in side.histograms] == [("GET /a", ACCEPTED), ("GET /b", ACCEPTED)]
    assert side.requests == side.outcomes[ACCEPTED].count == 7


def test_two_workers_are_one_run() -> None:
    """Two fleets with a half each send every arrival once, and their records merge."""
    with Server(ok) as server:
        profile = arrivals(100, requests=51, connections=10)
        fleets = [Fleet(profile, [target(server.url)], share=Share(index=index, of=2)) for index in range(2)]
        found: list[Found] = []
        threads = [threading.Thread(target=lambda each=each: found.append(each.run())) for each in fleets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.seen) == 51
    side = merge([each.sides[0] for each in found])
    assert side.requests == side.outcomes[ACCEPTED].count == 51
    assert side.requested_rate == pytest.approx(100)


def test_stop_from_outside() -> None:
    """`stop` ends a run at once and the record says why."""
    with Server(ok) as server:
        fleet = Fleet(arrivals(50, duration=60 * SECOND, connections=5), [target(server.url)])
        timer = threading.Timer(0.5, fleet.stop, ["the user said so"])
        timer.start()
        started = time.monotonic()
        found = fleet.run()
        assert time.monotonic() - started < 20
        assert found.sides[0].requests == len(server.seen)
    assert found.aborted == "the user said so"


def test_batches_add_up() -> None:
    """The listener is told of every answer once."""
    heard: list[Batch] = []
    with Server(every_third_limited) as server:
        Fleet(closed(requests=30, connections=4), [target(server.url)], listener=heard.append).run()
    assert sum(len(batch.latencies) for batch in heard) == 30
    assert sum(len(batch.latencies) for batch in heard if batch.outcome is LIMITED) == 10


def test_without_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    """A selector of the standard library does as well."""
    monkeypatch.setattr("gonogo.load.fleet.poller", Portable)
    with Server(zipped) as server:
        side = run(closed(requests=20, connections=4), server).sides[0]
    assert side.statuses == {200: 20}


def test_waiting_is_in_one_place() -> None:
    """A `wait` of one's own sees every turn of the loop."""
    waits: list[float] = []

    def counting(poller: object, timeout: float) -> list[tuple[int, int]]:
        waits.append(timeout)
        return wait(poller, timeout)  # type: ignore[arg-type]

    own: Wait = counting
    with Server(ok) as server:
        Fleet(closed(requests=5), [target(server.url)], wait=own).run()
    assert len(waits) >= 5
    assert all(0 <= each <= 0.1 for each in waits)


def test_nothing_to_send_to() -> None:
    """No target is a configuration error."""
    with pytest.raises(ConfigError, match="nothing to be sent to"):
        Fleet(closed(requests=1), [])
