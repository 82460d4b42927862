"""JMESPath expressions in the options of a probe: what one answer says that the next request needs."""

from __future__ import annotations

from typing import Any


def search(expression: str, document: Any) -> Any:
    """The value of the expression; None where there is none or the document is of another shape."""
    import jmespath  # noqa: PLC0415 - judging needs it as well, looking at most looks does not
    from jmespath.exceptions import JMESPathError  # noqa: PLC0415

    if not isinstance(document, dict | list):
        return None
    try:
        return jmespath.search(expression, document)
    except JMESPathError:
        return None
