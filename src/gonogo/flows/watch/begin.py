"""An environment and what was asked for into a watch that runs here, in this process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from gonogo.config.environment import load_environment
from gonogo.config.raw import to_raw
from gonogo.config.release import load_release
from gonogo.config.rules import check_rulebook
from gonogo.config.samples import Recorded
from gonogo.flows.book import digests
from gonogo.flows.rollout.roll import check_roll_back
from gonogo.flows.standing import check_rehearsal
from gonogo.flows.watch.alerting import Alerts, told
from gonogo.flows.watch.hands import Hands, SystemHands
from gonogo.flows.watch.lock import held
from gonogo.flows.watch.loop import Show, Watch
from gonogo.flows.watch.parts import Reports
from gonogo.flows.watch.process import end_first
from gonogo.flows.watch.slack import SlackPost
from gonogo.flows.watch.store import Store, read_log, watch_folder, watches
from gonogo.flows.watch.surroundings import Surroundings, Wanted, surround
from gonogo.model.environment import Environment, Release
from gonogo.model.errors import ConfigError
from gonogo.model.rulebook import Rulebook, Source, SourceKind
from gonogo.model.verdict import Decision
from gonogo.reporting.files import NotKept

_TOO_LATE = 0.1  # of its length after its end: what was seen then says nothing of now


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the command line asks for. None: as the environment's `watch` says."""

    root: Path
    environment: str
    every: timedelta | None = None
    lasts: timedelta | None = None
    report_every: timedelta | None = None
    on_no_go: str = "notify"  # or rollback
    replace: bool = False
    samples: Path | None = None
    release: Path | None = None
    out: Path | None = None
    scene: str | None = None
    faults: tuple[str, ...] = ()

    @property
    def reports(self) -> Path:
        """Folder that holds the folders of watches."""
        return self.out or self.root / "reports" / "out"

    @property
    def base(self) -> Path:
        """Folder of this environment's watches."""
        return watch_folder(self.reports, self.environment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A watch that can be begun: everything was read and checked, nothing sent."""

    asked: Asked
    environment: Environment
    rulebook: Rulebook
    release: Release | None


def take_order(asked: Asked) -> Order:
    """The order; ConfigError or SafetyRefusal with one line."""
    environment = load_environment(asked.environment, asked.root / "environments", root=asked.root)
    book = environment.watch
    if book is None:
        raise ConfigError(f"{asked.environment} has no `watch`: its rules are not written", environment.origin)
    source = book.source
    if asked.samples is not None:
        source = Source(kind=SourceKind.FILE, lag=timedelta(0), path=str(asked.samples))
    book = replace(book, every=asked.every or book.every, for_=asked.lasts or book.for_, source=source)
    check_rulebook(book, lambda *_: book.origin)
    for side in ("canary", "stable"):
        if side not in environment.sides and source.kind is not SourceKind.PROMETHEUS:  # its queries tell them apart
            raise ConfigError(f"{asked.environment} has no side {side!r}: a canary is watched beside the stable side")
    check_rehearsal(environment, asked.root, asked.scene, asked.faults)
    _check_channel(environment, book)
    if asked.on_no_go == "rollback":
        check_roll_back(environment)
    file = asked.release or (environment.release and asked.root / "environments" / environment.release)
    return Order(
        asked=asked, environment=environment, rulebook=book, release=load_release(Path(file)) if file else None
    )


def _check_channel(environment: Environment, book: Rulebook) -> None:
    """A watch whose alerts would go nowhere is not begun."""
    if book.alerts and "slack" not in environment.back_ends:
        to = ", ".join(dict.fromkeys(alerting.to for alerting in book.alerts.values()))
        said = f"the watch's alerts go to {to}, and {environment.name} has no back end slack to post them with"
        raise ConfigError(f"{said}: add it, or leave out `alerts`; nothing was begun", book.origin)


def watch_here(order: Order, show: Show | None = None, hands: Hands | None = None) -> Decision:
    """Watch until the end, NO-GO or a signal. ConfigError where somebody else watches or nothing can be kept."""
    asked = order.asked
    stop = threading.Event()
    hands = hands or SystemHands(stop)
    if asked.replace:
        if order.environment.start is None:
            with ExitStack() as trial:
                surround(_wanted(order), trial)  # what cannot be begun ends nobody
        end_first(asked.base)
    with ExitStack() as stack:
        stack.enter_context(_signals(stop))
        me = stack.enter_context(held(asked.base, asked.environment, hands.now()))
        around = surround(_wanted(order), stack)
        store = _store(order, around, hands.now())
        for note in around.notes:
            store.log(hands.now(), "note", note)
        done, doubtful = told(read_log(store.folder))
        watch = Watch(
            environment=asked.environment,
            store=store,
            rulebook=order.rulebook,
            sampler=around.sampler(datetime.fromisoformat(store.plan["started"])),
            hands=hands,
            alerts=Alerts(
                environment=asked.environment,
                levels=order.rulebook.alerts,
                log=lambda kind, text, **more: store.log(hands.now(), kind, text, **more),
                post=None if around.vantage is None else SlackPost.of(around.vantage, f"watch {store.folder.name}"),
                done=done,
                doubtful=doubtful,
            ),
            started=datetime.fromisoformat(store.plan["started"]),
            ends=datetime.fromisoformat(store.plan["ends"]),
            holder=asdict(me),
            rollback=around.rollback,
            reports=Reports(every=asked.report_every, look=around.report),
            show=show,
        )
        try:
            recorded = _recorded(store)
            if recorded.samples or recorded.notes:
                watch.resume(recorded)
            if store.plan.get("on_no_go", asked.on_no_go) != asked.on_no_go:
                text = f"NO-GO: {asked.on_no_go} from now on; this watch was begun with {store.plan['on_no_go']}"
                store.log(hands.now(), "note", text)
            return watch.run()
        except OSError as error:
            raise NotKept(f"{store.folder}: cannot be written ({error.strerror or error}); this is no GO") from None


def _recorded(store: Store) -> Recorded:
    try:
        return store.resume()
    except ConfigError as error:
        raise ConfigError(f"{error}; --replace begins anew") from None


def _wanted(order: Order) -> Wanted:
    asked = order.asked
    return Wanted(
        environment=order.environment,
        rulebook=order.rulebook,
        release=order.release,
        root=asked.root,
        reports=asked.reports,
        changes=asked.on_no_go == "rollback",
        scene=asked.scene,
        faults=asked.faults,
    )


def _store(order: Order, around: Surroundings, now: datetime) -> Store:
    """The watch that was cut off, if it was one of the same rules and release and is not long over; or a new one."""
    asked, identity = order.asked, _identity(order)
    for folder in watches(asked.base)[-1:]:
        try:
            last = Store.open(folder, around.redactor)
        except ConfigError as error:
            if asked.replace:
                break
            raise ConfigError(f"{error}; --replace begins anew") from None
        late = datetime.fromisoformat(last.plan["ends"]) + _TOO_LATE * order.rulebook.for_
        if last.ended:
            break
        if last.plan["identity"] == identity and now < late and not asked.replace:
            return last
        why = "another one was asked for" if asked.replace else "its end is long past"
        if last.plan["identity"] != identity:
            why = "the rules or the release are others now"
        _close(last, now, f"its process ended, and it was not gone on with: {why}")
    plan = {
        "environment": asked.environment,
        "system": order.environment.system,
        "started": now.isoformat(),
        "ends": (now + order.rulebook.for_).isoformat(),
        "on_no_go": asked.on_no_go,
        "report_every_s": None if asked.report_every is None else asked.report_every.total_seconds(),
        "identity": identity,
        "digests": digests(asked.root),
    }
    return Store.create(asked.base, plan, now, around.redactor)


def _close(store: Store, now: datetime, why: str) -> None:
    """A watch that nobody will go on with: HOLD."""
    store.log(now, "decision", f"ended with {Decision.HOLD.value}: {why}")
    store.verdict(
        {
            "environment": store.plan["environment"],
            "started": store.plan["started"],
            "ended": now.isoformat(),
            "decision": Decision.HOLD.value,
            "exit_status": int(Decision.HOLD.exit_status),
            "reasons": [why],
            "early": why,
            "last": None,
        }
    )


def _identity(order: Order) -> dict[str, Any]:
    """What has to be the same for a watch to be gone on with."""
    return {
        "watch": _without_origin(to_raw(order.rulebook)),
        "release": None if order.release is None else _without_origin(to_raw(order.release)),
    }


def _without_origin(raw: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key != "origin"}


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`; outside the main thread they are left alone."""
    before = {}
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, lambda *_: stop.set())
    except ValueError:
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
