"""YAML text into trees: places, limits, and the same tree from both of PyYAML's parsers."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import pytest
import yaml

from gonogo.config import parse as module
from gonogo.config.parse import MAX_BYTES, parse, read_file
from gonogo.config.tree import Tree, to_plain
from gonogo.model.errors import ConfigError, Origin

TEXT = """\
a: 1
b:
  c: [x, 'y']
  d: {e: "z"}
list:
  - k: |
      one
      two
  - 2.5
"""
VALUE = {"a": 1, "b": {"c": ["x", "y"], "d": {"e": "z"}}, "list": [{"k": "one\ntwo\n"}, 2.5]}


def at(tree: Tree, *path: str | int) -> tuple[int, int]:
    for part in path:
        tree = tree.value[part]
    return tree.origin.line, tree.origin.column


def test_values_come_out_as_they_are_written() -> None:
    """Mappings, lists, texts of every style and numbers."""
    assert to_plain(parse(TEXT, "f")) == VALUE


def test_every_node_knows_its_line_and_column() -> None:
    """Scalars and flow collections stand where they begin, block collections where their key stands."""
    tree = parse(TEXT, "f")
    assert at(tree, "a") == (1, 4)
    assert at(tree, "b") == (2, 1)
    assert at(tree, "b", "c") == (3, 6)
    assert at(tree, "b", "c", 1) == (3, 10)
    assert at(tree, "list", 0) == (6, 5)
    assert tree.value["b"].key_origin("d") == Origin(file="f", line=4, column=3)


def test_the_python_parser_makes_the_same_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where PyYAML was built without libyaml, nothing else happens."""
    fast = parse(TEXT, "f")
    monkeypatch.setattr(module, "_Loader", yaml.SafeLoader)
    slow = parse(TEXT, "f")
    assert to_plain(slow) == to_plain(fast)
    assert at(slow, "b", "c", 1) == at(fast, "b", "c", 1)
    with pytest.raises(ConfigError, match=r"^f:1:4: YAML syntax"):
        parse("a: @", "f")
    with pytest.raises(ConfigError, match=r"U\+0007"):
        parse("a: \x07", "f")


def test_a_byte_order_mark_is_tolerated(tmp_path: Path) -> None:
    """Editors of Windows write one."""
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: \xed\x95\x9c\r\n")
    assert to_plain(read_file(path, "f.yaml")) == {"a": "한"}


def test_a_few_aliases_are_read() -> None:
    """An anchor is read where it stands and wherever it is named."""
    assert to_plain(parse("a: &x [1, 2]\nb: *x\nc: &y text\nd: *y\n", "f")) == {
        "a": [1, 2],
        "b": [1, 2],
        "c": "text",
        "d": "text",
    }


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What the parser is made to read of a text."""
    read: list[object] = []

    class Told(module._Loader):  # type: ignore[misc] # of PyYAML's two loaders the one that is used
        def get_event(self) -> object:
            read.append(super().get_event())
            return read[-1]

    monkeypatch.setattr(module, "_Loader", Told)
    return read


def test_an_alias_bomb_is_refused_at_once(events: list[object]) -> None:
    """Three to the power of thirty values are never unfolded, which no machine does, nor are a hundred levels."""
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 3)}]\n" for n in range(1, 33))
    chain = "".join(f"b{n}: &b{n} [*b{n - 1}]\n" for n in range(1, 99))
    for bomb in ("a0: &a0 [x]\n" + levels, "b0: &b0 [x]\n" + chain):
        events.clear()
        began = time.process_time()
        with pytest.raises(ConfigError, match="aliases"):
            parse(bomb, "f")
        assert time.process_time() - began < 20  # a millisecond
        assert 10 < len(events) < 300


@pytest.mark.parametrize("text", ["[" * 2_000_000, "a:\n" * 1 + "- " * 1_000_000, "{a: " * 500_000])
def test_deep_nesting_is_refused_at_once(text: str, events: list[object]) -> None:
    """Depth is counted while the events come, so the parser never gets to the end of it."""
    with pytest.raises(ConfigError):
        parse(text, "f")
    assert module.MAX_DEPTH <= len(events) < 3 * module.MAX_DEPTH + 10


def test_a_large_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    """Four mebibytes are the limit."""
    path = tmp_path / "f.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match=r"^f\.yaml: is larger than 4 MiB$"):
        read_file(path, "f.yaml")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A missing file and a folder each get their line."""
    with pytest.raises(ConfigError, match=r"^x\.yaml: there is no such file$"):
        read_file(tmp_path / "x.yaml", "x.yaml")
    with pytest.raises(ConfigError, match=r"^d: is not a file$"):
        read_file(tmp_path, "d")


def test_the_collector_runs_again_after_a_large_file() -> None:
    """Garbage collection is paused for a large file only while it is parsed, also if that fails."""
    parse("a: " + "x" * 200_000, "f")
    assert gc.isenabled()
    with pytest.raises(ConfigError):
        parse("a: @" + "x" * 200_000, "f")
    assert gc.isenabled()


@pytest.mark.parametrize("text", ["? [a]\n: b\n", "*x : b\n", "? {a: b}\n: c\n", "1: b\n", "on: b\n", "null: b\n"])
def test_a_key_that_is_no_text_is_refused(text: str) -> None:
    """Keys are texts; what YAML reads as something else has to be quoted."""
    with pytest.raises(ConfigError, match=r"^f:1:\d+: .*(key|text)"):
        parse(text, "f")


def test_a_quoted_key_may_be_anything() -> None:
    """Quotes make a text of it."""
    assert to_plain(parse("'on': a\n\"1\": b\n", "f")) == {"on": "a", "1": "b"}
