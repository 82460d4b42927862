"""Trees into dataclasses by their type hints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, NewType

import pytest

from gonogo.config.parse import parse
from gonogo.config.raw import to_raw
from gonogo.config.reader import read, read_raw, reader_of
from gonogo.config.tree import from_plain
from gonogo.model.errors import ConfigError, Origin

Name = NewType("Name", str)


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    limit: float
    origin: Origin = Origin(file="?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    text: str
    whole: int = 0
    ratio: float = 0.0
    switch: bool = False
    wait: timedelta = timedelta(0)
    moment: datetime | None = None
    colour: Colour = Colour.RED
    way: Literal["up", "down"] = "up"
    name: Name | None = None
    inner: Inner | None = None
    inners: Mapping[str, Inner] = field(default_factory=dict)
    names: tuple[Name, ...] = ()
    scalar: str | int | float | bool | None = None
    several: tuple[str, ...] | str = ()
    anything: Any = None
    body: Mapping[str, Any] | None = None
    pass_: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.text == "wrong":
            raise ValueError("this text\nis wrong")


def make(text: str) -> Everything:
    return read(Everything, parse(text, "f.yaml"), "it")


def refuse(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        make(text)
    return str(caught.value)


MOMENT = "a moment with its zone, like 2026-11-20T09:00:00Z"
ON = 'write true, or "on" in quotes if it is a text'
KEYS = (
    "text", "whole", "ratio", "switch", "wait", "moment", "colour", "way", "name", "inner", "inners", "names",
    "scalar", "several", "anything", "body", "pass",
)  # fmt: skip
FULL = """\
text: a
whole: 3
ratio: 1
switch: true
wait: 1.5s
moment: 2026-11-20T09:00:00Z
colour: green
way: down
name: b
inner: {limit: 2}
inners:
  one: {limit: 0.5}
names: [x, z]
scalar: 0.5
several: [p, q]
anything: {deep: [1, null, true]}
body: {}
pass: word
"""


def test_every_type_is_read() -> None:
    """Each hint gets its own type: a float from a whole number, a duration from its text, a moment with its zone."""
    made = make(FULL)
    assert made == Everything(
        text="a",
        whole=3,
        ratio=1.0,
        switch=True,
        wait=timedelta(seconds=1.5),
        moment=datetime(2026, 11, 20, 9, tzinfo=UTC),
        colour=Colour.GREEN,
        way="down",
        name=Name("b"),
        inner=Inner(limit=2.0, origin=Origin(file="f.yaml", line=10, column=8)),
        inners={"one": Inner(limit=0.5, origin=Origin(file="f.yaml", line=12, column=8))},
        names=(Name("x"), Name("z")),
        scalar=0.5,
        several=("p", "q"),
        anything={"deep": [1, None, True]},
        body={},
        pass_="word",
    )
    assert type(made.ratio) is float
    assert make("text: a\nseveral: p\nscalar: true").several == "p"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("whole: true", "2:8: it.whole wants a whole number, not 'true'"),
        ("whole: 1.0", "2:8: it.whole wants a whole number, not '1.0'"),
        ("ratio: false", "2:8: it.ratio wants a number, not 'false'"),
        ("ratio: '1'", "2:8: it.ratio wants a number, not '1'"),
        ("switch: 1", "2:9: it.switch wants true or false, not '1'"),
        ("switch: 'true'", "2:9: it.switch wants true or false, not 'true'"),
        ("wait: 90", "2:7: it.wait wants a duration like 200ms, 10s, 5m, 12h or 7d, not '90'"),
        ("wait: -1s", "2:7: it.wait wants a duration like 200ms, 10s, 5m, 12h or 7d, not '-1s'"),
        ("moment: '2026-11-20'", f"2:9: it.moment wants {MOMENT}, not '2026-11-20'"),
        ("colour: gren", "2:9: it.colour cannot be 'gren'; did you mean 'green'? (allowed: red, green)"),
        ("way: sideways", "2:6: it.way cannot be 'sideways' (allowed: up, down)"),
        ("name: 5", '2:7: it.name wants a text; write "5" in quotes'),
        ("inner: {}", "2:8: it.inner has no 'limit', which it needs"),
        ("inner: {limit: 1, origin: x}", "2:19: 'origin' is not a key of it.inner (allowed: limit)"),
        ("inners: {}", "2:9: it.inners is an empty mapping; fill it in or leave the key out"),
        ("inners: {a: 1}", "2:13: it.inners.a wants a mapping with limit, not '1'"),
        ("names: []", "2:8: it.names is an empty list; fill it in or leave the key out"),
        ("names: [x, 2]", '2:12: it.names[1] wants a text; write "2" in quotes'),
        ("name: null", "2:7: it.name is empty; it wants a text, or leave the key out"),
        ("scalar: [1]", "2:9: it.scalar wants a text or a number or true or false, not a list"),
        ("several: 1", "2:10: it.several wants a list or a text, not '1'"),
        ("anything: [on]", f"2:12: it.anything[0]: 'on' is not read alike everywhere; {ON}"),
        ("body: [1]", "2:7: it.body wants a mapping, not a list"),
        ("raw: {a: 1}", f"2:1: 'raw' is not a key of it (allowed: {', '.join(KEYS)})"),
    ],
)  # fmt: skip
def test_a_value_of_another_type_is_refused_with_what_is_wanted(line: str, said: str) -> None:
    """One line: the place of the value, the key's path, what it wants, what it got."""
    assert refuse(f"text: a\n{line}") == f"f.yaml:{said}"


def test_a_missing_key_and_a_blank_text_are_refused() -> None:
    """A key without a default has to be there, and a text without one has to say something."""
    assert refuse("whole: 1") == "f.yaml:1:1: it has no 'text', which it needs"
    assert refuse("text: ' '") == "f.yaml:1:7: it.text is blank"


def test_what_the_dataclass_itself_refuses_is_one_line() -> None:
    """A ValueError of __post_init__ becomes a ConfigError at the mapping."""
    assert refuse("whole: 1\ntext: wrong") == "f.yaml:1:1: it: this text\\nis wrong"


def test_a_long_value_is_cut_in_the_message() -> None:
    """A message stays a line that can be read."""
    assert len(refuse(f"text: a\nwhole: {'x' * 5000}")) < 200


def test_a_hint_that_no_file_can_fill_is_a_mistake_of_the_program() -> None:
    """Unknown hints raise; there is no silent else."""
    with pytest.raises(TypeError, match="no reader"):
        reader_of(bytes)


def test_a_dataclass_comes_back_from_json() -> None:
    """to_raw and read_raw lose nothing, not even where things stood."""
    made = make(FULL)
    assert read_raw(Everything, from_plain(to_raw(made), "plan.json"), "it") == made
