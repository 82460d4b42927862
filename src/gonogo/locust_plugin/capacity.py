"""The steps of a capacity run through the fleet of this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gonogo.flows.load import Aimed
from gonogo.flows.load_capacity import Search, Sender, Sent
from gonogo.judges.capacity_step import bars
from gonogo.load.fleet import Fleet
from gonogo.load.lag import Lag
from gonogo.load.lane import Batch
from gonogo.load.schedule import Share
from gonogo.locust_plugin.waiting import Waiting
from gonogo.model.load import Profile, Target


class OneProcess(Sender):
    """Each step is a fleet of its own, in this process."""

    def __init__(self, listener: Callable[[Batch], None], share: Share | None = None) -> None:
        self._listener = listener
        self._share = share or Share()
        self._fleet: Fleet | None = None

    def send(self, profile: Profile, targets: Sequence[Target]) -> Sent:
        """Send it all, and return when everything was answered."""
        lag = Lag(Waiting())
        self._fleet = Fleet(profile, targets, share=self._share, wait=lag, listener=self._listener)
        return Sent(found=self._fleet.run(), late=lag.late)

    def stop(self, reason: str) -> None:
        """Send nothing more."""
        if self._fleet is not None:
            self._fleet.stop(reason)


def search(aimed: Aimed, sender: Sender, say: Callable[[str], None]) -> Search:
    """The search of the order's profile; every step is said as it ends."""
    kept = {side: bars(standard.names, standard.objectives) for side, standard in aimed.order.standards.items()}
    return Search(aimed.order.profile, aimed.targets, kept, sender, say=lambda line: say(aimed.redactor.scrub(line)))
