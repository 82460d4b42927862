"""Text from a server, made harmless for a terminal, HTML, XML, Markdown, CSV, a CI log and a file name."""

from __future__ import annotations

import re

# What a reader does not see or what a terminal obeys: the categories Cc, Cf, Cs, Zl and Zp, and what else is blank:
# combining grapheme joiner, Hangul and Khmer fillers, variation selectors, non-characters, tags.
_UNSEEN = (
    "\x00-\x1f\x7f-\x9f\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_HIDDEN = re.compile(f"[{_UNSEEN}]")
HIDDEN_BUT_NEWLINE = re.compile(f"(?!\n)[{_UNSEEN}]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]#|~$@]|:(?=//)|\A\s*[-+=])")
_WEB = re.compile(r"(?i)\bwww\.")
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|\Z)")


def visible(text: str) -> str:
    r"""One line in which nothing acts or hides: control characters as `\x1b`, `\n`, bidi and zero-width as `\u202e`."""
    return text if text.isascii() and text.isprintable() else _HIDDEN.sub(_spell, text)


def lines(text: str) -> str:
    """Like `visible`, with newlines kept."""
    return HIDDEN_BUT_NEWLINE.sub(_spell, text)


def html(text: str) -> str:
    """For element content and quoted attributes. Hidden characters are spelled out, as on a terminal."""
    safe = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.replace('"', "&quot;").replace("'", "&#x27;")


def xml(text: str) -> str:
    """For element content and quoted attributes of a well-formed XML 1.0 document; newlines stay."""
    safe = lines(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return safe.replace('"', "&quot;").replace("'", "&apos;").replace("\n", "&#10;")


def markdown(text: str) -> str:
    """For a paragraph, list item or table cell: no markup, link, mention or HTML comes out of it."""
    safe = visible(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    safe = _WEB.sub(lambda match: match[0][:-1] + "&#46;", safe)
    return re.sub(r"\A(\s*\d+)([.)])", r"\1\\\2", _MARKDOWN.sub(_backslash, safe))


def csv(text: str) -> str:
    """One quoted CSV cell that no spreadsheet takes for a formula."""
    safe = visible(text)
    if safe.lstrip().startswith(_FORMULA) or text[:1] in ("\t", "\r", "\n"):
        safe = "'" + safe
    return '"' + safe.replace('"', '""') + '"'


def ci_log(text: str) -> str:
    """Lines for a log that a CI system reads: none of them is a workflow command (`::set-output`, `##vso[...]`)."""
    return "\n".join(_no_command(line) for line in lines(text).split("\n"))


def command_value(text: str) -> str:
    """The message of a GitHub workflow command of our own (`::error::MESSAGE`)."""
    return lines(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """A property of a GitHub workflow command of our own (`::error title=PROPERTY::`)."""
    return command_value(text).replace(":", "%3A").replace(",", "%2C")


def slug(text: str, *, at_most: int = 60) -> str:
    """A file name of `[A-Za-z0-9_.-]` that leads nowhere else and that every file system takes."""
    safe = re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip(".-")[:at_most].rstrip(".-") or "x"
    return f"x-{safe}"[:at_most] if _RESERVED.match(safe) else safe


def _spell(match: re.Match[str]) -> str:
    char = match[0]
    code = ord(char)
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if named:
        return named
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _backslash(match: re.Match[str]) -> str:
    return match[0][:-1] + "\\" + match[0][-1]


def _no_command(line: str) -> str:
    # GitHub takes `::name` at the start of a line (after blanks) and `##[name]` anywhere in it; Azure and TeamCity take
    # `##vso[` and `##teamcity[` anywhere. A zero-width joint would be invisible, so a visible backslash breaks them.
    line = re.sub(r"##(?=\[|vso|teamcity)", r"#\\#", line, flags=re.IGNORECASE)
    return re.sub(r"\A(\s*):(?=:)", r"\1\\:", line)
