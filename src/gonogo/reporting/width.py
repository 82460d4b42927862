"""Text into lines of a terminal, where a Korean letter is two columns wide."""

from __future__ import annotations

from unicodedata import combining, east_asian_width


def width(text: str) -> int:
    """Columns that `text` takes."""
    return len(text) if text.isascii() else sum(_columns(char) for char in text)


def pad(text: str, columns: int) -> str:
    """`text` and blanks up to `columns`; a longer text stays whole."""
    return text + " " * (columns - width(text))


def clip(text: str, columns: int) -> str:
    """At most `columns` columns of `text`, with an ellipsis where something was left out."""
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for char in text:
        used += _columns(char)
        if used > columns - 1:
            break
        kept += char
    return kept + "…" if columns > 0 else ""


def wrap(text: str, columns: int) -> list[str]:
    """Lines of at most `columns`, broken at blanks, or inside a word that is longer than a line."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width(joined) <= columns:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for char in word:
            if width(lines[-1]) + _columns(char) > columns and lines[-1]:
                lines.append("")
            lines[-1] += char
    return lines


def _columns(char: str) -> int:
    if combining(char):
        return 0
    return 2 if east_asian_width(char) in "WF" else 1
