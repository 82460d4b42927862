"""Books into the items that can be selected from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gonogo.flows.book import Book
from gonogo.model.check import Check


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One check of one environment under the name that a test runner shows."""

    key: str
    book: Book
    check: Check


def items_of(books: Sequence[Book]) -> tuple[Item, ...]:
    """Every item that can be selected, by phase and in the order of the checklists.

    Its key is its id, with the environment's name before it where several are of the same system.
    """
    systems = [book.environment.system for book in books]
    found: list[Item] = []
    for book in books:
        phases = dict.fromkeys(check.phase for check in book.checks)
        for check in book.candidates(phases):
            key = check.id if systems.count(check.system) == 1 else f"{book.environment.name}.{check.id}"
            found.append(Item(key=key, book=book, check=check))
    return tuple(found)
