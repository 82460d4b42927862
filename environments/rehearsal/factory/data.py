"""AI Factory's past as SQL that makes it from series of numbers, and the faults that are written into its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory.world import World

if TYPE_CHECKING:
    from factory.database import FactoryDatabases


def past(now: float) -> str:
    """Statements that fill the tables with the days before `now`."""
    return f"-- nothing before {now:.0f} yet\n"


class Faults:
    """Switches what is wrong in the tables."""

    def __init__(self, databases: FactoryDatabases) -> None:
        self._databases = databases

    def apply(self, world: World) -> None:
        """Undo what the last world had and this one has not, and the other way round."""
