"""Who is behind a value: the objects that an expectation names when it does not hold, a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from gonogo.judges.base import Expression
from gonogo.judges.expression import ExpressionError, check_syntax, evaluate, show
from gonogo.judges.percentile import is_number
from gonogo.judges.reading import read
from gonogo.judges.template import fields_of, fill, has_fields, text_of
from gonogo.model.verdict import Case, Finding

if TYPE_CHECKING:
    from gonogo.judges.expectation import Expect

_MOST_LINES = 8
_MOST_CHARS = 240
_MOST_IN_REASON = 3
_MOST_CHARS_IN_REASON = 100


Far = Callable[[float], tuple[bool, float]]
"""Of a number in the unit of the value: whether it breaks the limit, and how far it lies beyond it."""


def check_naming(who: Expression | None, each: Expression | None, show: str | None) -> None:
    """ValueError for options that name nobody, or cannot be computed."""
    if who is None and (each is not None or show is not None):
        raise ValueError(f"{'each' if each is not None else 'show'} is about `who`, which is not given")
    check_show(show)


def check_show(template: str | None) -> None:
    """ValueError for a template of lines, or an expression in place of one, that cannot be computed."""
    if template is not None:
        for expression in fields_of(template) if has_fields(template) else (template,):
            check_syntax(expression)


def line(template: str | None, item: Any) -> str:
    """The line of one entry: of the template; without one its words (`pod judgment-1, reason OOMKilled`)."""
    if template is None:
        return _words(item)
    document = item if isinstance(item, dict) else {"it": item}
    return fill(template, document) if has_fields(template) else text_of(evaluate(template, document))


def lines_of(items: Iterable[Any], template: str | None = None) -> tuple[str, ...]:
    """At most 8 lines; of more entries, 7 and how many there are beside them."""
    known = list(items)
    few = known if len(known) <= _MOST_LINES else known[: _MOST_LINES - 1]
    lines = [_cut(line(template, item), _MOST_CHARS) for item in few]
    return tuple(lines if len(few) == len(known) else [*lines, f"and {len(known) - len(few)} more"])


def in_reason(lines: tuple[str, ...], count: int) -> str:
    """The first of `count` entries in a sentence, and how many there are beside them."""
    told = [_cut(one, _MOST_CHARS_IN_REASON) for one in lines[:_MOST_IN_REASON]]
    return "; ".join(told) + (f"; and {count - len(told)} more" if count > len(told) else "")


def behind(options: Expect, case: Case, far: Far | None = None) -> tuple[str, ...]:
    """What a reason says of who is behind the value, then their lines; nothing where that is not known.

    With `each`, those that break the limit by themselves are named, the worst first, and all where none does. `far` is
    None where the value is missing: named are then those that have no number.
    """
    if options.who is None:
        return ()
    reading = read(options.who, case, "who is behind it")
    if isinstance(reading, Finding):
        return ()
    items = reading.value if isinstance(reading.value, list) else [reading.value]
    items = [item for item in items if item not in (None, "", {}, [])]
    try:
        if options.each is not None:
            items = _chosen(items, options.each, far)
        lines = lines_of(items, options.show)
    except ExpressionError:
        return ()
    return (in_reason(lines, len(items)), *lines) if lines else ()


def _chosen(items: list[Any], each: Expression, far: Far | None) -> list[Any]:
    numbers = [evaluate(each, item if isinstance(item, dict) else {"it": item}) for item in items]
    if far is None:
        return [item for item, number in zip(items, numbers, strict=True) if not is_number(number)]
    known = [(far(number), item) for item, number in zip(items, numbers, strict=True) if is_number(number)]
    known.sort(key=lambda one: one[0], reverse=True)
    return [item for (breaks, _), item in known if breaks] or [item for _, item in known]


def _words(item: Any) -> str:
    match item:
        case dict():
            return ", ".join(f"{key} {text_of(value)}" for key, value in item.items())
        case str():
            return item
        case _:
            return show(item, _MOST_CHARS)


def _cut(text: str, most: int) -> str:
    """One line of at most so many characters, without half a word where words are short."""
    text = " ".join(text.split())
    if len(text) <= most:
        return text
    head = text[: most - 1]
    return (head[: head.rfind(" ")] if " " in head[most // 2 :] else head) + "…"
