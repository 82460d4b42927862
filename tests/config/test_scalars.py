"""Plain scalars into values, or into doubts."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gonogo.config.scalars import Unclear, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0), ("7", 7), ("-12", -12), ("0.5", 0.5), ("-1.50", -1.5), ("true", True), ("false", False),
        ("null", None), ("", None), ("ion", "ion"), ("1.2.3", "1.2.3"), ("2s", "2s"), ("5%", "5%"), ("v1", "v1"),
        ("10.0.0.1", "10.0.0.1"), ("00:00-24:00", "00:00-24:00"), ("T-1h", "T-1h"), ("6f1c0b9", "6f1c0b9"),
        ("-", "-"), ("한글", "한글"), ("y", "y"), ("N", "N"),
    ],
)  # fmt: skip
def test_what_everybody_reads_alike_is_read(text: str, value: object) -> None:
    """Plain numbers, true, false, null and texts come out as themselves, and as exactly their type."""
    read = resolve(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("1e3", "write 1000"),
        ("1.5e3", "write 1500"),
        ("1e-3", "write 0.001"),
        ("010", "write 10"),
        ("0x1f", "write 31"),
        ("0o17", "write 15"),
        ("0b11", "write 3"),
        ("1_000", "write 1000"),
        ("+1", "write 1"),
        (".5", "write 0.5"),
        ("1.", "write 1"),
        ("-0", "write 0"),
        ("1:30", "write a finite number in plain digits"),
        (".nan", "write a finite number in plain digits"),
        ("-.inf", "write a finite number in plain digits"),
        ("1e400", "write a finite number in plain digits"),
        ("9" * 40, "write a finite number in plain digits"),
    ],
)
def test_an_unusual_number_is_a_doubt_with_its_plain_spelling(text: str, advice: str) -> None:
    """What YAML 1.1, YAML 1.2 or people read differently is no value; the advice is a plain number."""
    read = resolve(text)
    assert isinstance(read, Unclear)
    assert read.advice("a number") == advice


@pytest.mark.parametrize("text", ["on", "Off", "YES", "no", "True", "~", "NULL", "2026-01-01", "20:00", "="])
def test_a_word_or_date_that_yaml_1_1_reads_as_something_else_wants_quotes(text: str) -> None:
    """`on`, `no`, `~` and dates are texts only in quotes."""
    read = resolve(text)
    assert isinstance(read, Unclear)
    assert read.advice("a text") == f'write "{text}" in quotes'


@given(st.text(alphabet="0123456789+-._:eExXoObBTtZyYnNofFNaAtrue~lsi<= ", max_size=12))
def test_a_text_is_a_text_for_other_readers_too(text: str) -> None:
    """A plain scalar that comes out as text is a text for PyYAML's YAML 1.1 as well."""
    if type(resolve(text)) is str:
        tag = yaml.SafeLoader("").resolve(yaml.ScalarNode, text, (True, False))
        assert tag in {"tag:yaml.org,2002:str", "tag:yaml.org,2002:merge", "tag:yaml.org,2002:value"}
