"""The record of a load run into its page once more: nothing is sent, nothing is judged."""

from __future__ import annotations

from pathlib import Path

from gonogo.model.errors import ConfigError
from gonogo.model.sealed import is_whole
from gonogo.reporting.files import read_json, write_text
from gonogo.reporting.load.document import SCHEMA
from gonogo.reporting.load.page import PAGE, page_from_document
from gonogo.reporting.verify import LOAD


def redraw(folder: Path) -> Path:
    """Write load.html from load.json alone, and say where. ConfigError where that is no whole record of a load run."""
    record = folder / LOAD
    document = read_json(record)
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ConfigError(f"{record}: not of schema {SCHEMA}")
    if not is_whole(document):
        raise ConfigError(f"{record}: changed after its run; its page would show what nobody measured")
    page = folder / PAGE
    try:
        write_text(page, page_from_document(document))
    except OSError as error:
        raise ConfigError(f"{page}: cannot be written ({error.strerror or error})") from None
    return page
