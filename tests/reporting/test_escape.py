"""Server text is shown, never obeyed: rows 111-118 of the fault matrix."""

from __future__ import annotations

import csv as csv_module
import io
import re
import unicodedata
from collections.abc import Callable
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gonogo.model.run import Run
from gonogo.reporting import escape
from gonogo.reporting.codec import dumps, loads
from gonogo.reporting.github import workflow_commands
from gonogo.reporting.html import html
from gonogo.reporting.junit import junit
from gonogo.reporting.markdown import report
from gonogo.reporting.slack import slack
from gonogo.reporting.terminal import Paper, board

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def hidden(text: str) -> list[str]:
    return [char for char in text if unicodedata.category(char) in HIDDEN]


@given(ANY_TEXT)
def test_visible_leaves_nothing_that_acts_or_hides(text: str) -> None:
    """Rows 112 and 113: one line, no control character, no bidi control, no zero-width character."""
    assert hidden(escape.visible(text)) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]52;c;aGk=\x07", "\\x1b[2J\\x1b]52;c;aGk=\\x07"),
        ("\x9b31m\r\b", "\\x9b31m\\r\\x08"),
        ("safe\u202egnp.exe", "safe\\u202egnp.exe"),
        ("pay\u200bpal\ufeff", "pay\\u200bpal\\ufeff"),
        ("a\U000e0041b", "a\\U000e0041b"),
        ("두 줄\n정상", "두 줄\\n정상"),
        ("plain ümlaut 한글 😀", "plain ümlaut 한글 😀"),
    ],
)
def test_hidden_characters_are_spelled(text: str, shown: str) -> None:
    """A reader sees which character stood there; what is readable stays as it is."""
    assert escape.visible(text) == shown


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@given(ANY_TEXT)
def test_html_text_makes_no_tag_and_reads_back(text: str) -> None:
    """Row 111: what is escaped for HTML is text again, in content and in an attribute."""
    parser = Tags()
    parser.feed(f'<p title="{escape.html(text)}">{escape.html(text)}</p>')
    parser.close()
    assert parser.tags == ["p"]
    assert "".join(parser.texts) == escape.visible(text)


@given(ANY_TEXT)
def test_xml_text_is_well_formed_and_reads_back(text: str) -> None:
    """Row 115: every text makes a well-formed document, in content and in an attribute."""
    safe = escape.xml(text)
    root = ET.fromstring(f'<a b="{safe}">{safe}</a>')  # noqa: S314 - our own text
    assert root.text in (escape.lines(text), None)
    assert root.get("b") == escape.lines(text)


@given(ANY_TEXT)
def test_markdown_text_cannot_end_a_cell_or_open_markup(text: str) -> None:
    """Row 111: no bare pipe, bracket, backtick, angle bracket or newline is left."""
    safe = escape.markdown(text)
    assert re.search(r"(?<!\\)(\\\\)*[|`\[\]*_<>@]", safe) is None
    assert "\n" not in safe


@given(ANY_TEXT)
def test_csv_cell_is_no_formula_and_one_cell(text: str) -> None:
    """Row 114: a reader gets one cell, and it does not start with a formula character."""
    rows = list(csv_module.reader(io.StringIO(escape.csv(text) + ",x\n")))
    assert len(rows) == 1
    assert rows[0][1:] == ["x"]
    assert not rows[0][0].lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+cmd", "-1+1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1"])
def test_csv_formulas_are_quoted(text: str) -> None:
    """Row 114: each way to start a formula gets an apostrophe in front."""
    assert escape.csv(text).startswith("\"'")


@given(ANY_TEXT)
def test_ci_log_holds_no_command(text: str) -> None:
    """Row 116: no line is a workflow command of GitHub, Azure or TeamCity."""
    for line in escape.ci_log(text).split("\n"):
        assert not line.lstrip().startswith("::")
        assert re.search(r"##(\[|vso|teamcity)", line, re.IGNORECASE) is None


@pytest.mark.parametrize(
    "text", ["::set-output name=a::b", "  ::add-mask::x", "ok\n::error::x", "##vso[task]", "##[error]x"]
)
def test_ci_commands_are_broken(text: str) -> None:
    """Row 116: the command is still readable, with a backslash in it."""
    assert "\\" in escape.ci_log(text)
    assert escape.ci_log(text) != text


@given(ANY_TEXT)
def test_a_workflow_command_of_ours_stays_one_line(text: str) -> None:
    """Row 116: neither message nor property of our own annotations can start another command."""
    assert "\n" not in escape.command_value(text)
    assert not set(escape.command_property(text)) & set("\n:,")


@given(ANY_TEXT)
def test_a_slug_is_a_plain_file_name(text: str) -> None:
    """Row 118: no separator, no dots that lead upwards, no reserved device name, never empty."""
    name = escape.slug(text)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", name)
    assert not name.startswith(".")
    assert name.split(".", maxsplit=1)[0].upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT1"}


@pytest.mark.parametrize(
    ("text", "name"), [("../../etc/passwd", "etc-passwd"), ("a\x00b", "a-b"), ("CON", "x-CON"), ("", "x")]
)
def test_slugs(text: str, name: str) -> None:
    """Row 118: the well-known traps."""
    assert escape.slug(text) == name


@given(ANY_TEXT)
def test_json_of_any_text_reads_back_and_is_quiet(text: str) -> None:
    """Evidence keeps every text, and its file can be shown on a terminal."""
    line = dumps({"t": text})
    line.encode("utf-8")
    assert hidden(line) == []
    assert loads(line) == {"t": text}


TRAPS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "\x1b[2J\x1b]8;;http://x\x07",
    "]]><!ENTITY a 'b'>&a;\x00",
    "\n::set-output name=x::y",
    "##vso[task.setvariable]x",
    "a\u202eb\u200bc",
    "{{7*7}} {% raw %} %s %(a)s {0.__class__} ${x}",
    "| [x](http://evil) @channel <!channel> `code` ![i](http://evil/p.png) www.evil.example https://evil.example",
    "\ud800 lone",
]


@pytest.mark.parametrize("text", TRAPS)
def test_every_sink_shows_hostile_text_harmlessly(text: str, hostile: Callable[[str], Run]) -> None:
    """Rows 111-117, end to end: hostile text in every field of a run, through every report."""
    run = hostile(text)
    page = html(run)
    parser = Tags()
    parser.feed(page)
    assert not {"script", "img"} & set(parser.tags)
    assert escape.html(text) in page
    ET.fromstring(junit(run).encode())  # noqa: S314 - our own text
    for shown in (board(run), board(run, paper=Paper(columns=60)), report(run), slack(run), workflow_commands(run)):
        assert hidden(shown.replace("\n", "").replace("\u2060", "")) == []
    for line in board(run).splitlines():
        assert not line.startswith("::")
        assert "##vso" not in line
    assert all(line.startswith(("::error title=", "::warning title=")) for line in workflow_commands(run).splitlines())
    assert "<script" not in report(run)
    assert "<!channel>" not in slack(run)


@pytest.mark.parametrize("text", ["{{7*7}}", "{% raw %}", "%s", "{0.__class__}"])
def test_template_text_stays_literal(text: str, hostile: Callable[[str], Run]) -> None:
    """Row 117: nothing formats or renders a text that came from outside."""
    run = hostile(text)
    assert text in board(run)
    assert escape.html(text) in html(run)
    assert text in junit(run)
