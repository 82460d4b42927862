"""A check into Allure's metadata."""

from __future__ import annotations

from allure import dynamic

from gonogo.model.check import Check, Severity


def label(check: Check) -> None:
    """Title, system, phase, area, owner, severity and description of the test that runs now."""
    dynamic.title(f"{check.id}: {check.title.get('en', check.id)}")
    dynamic.epic(check.system)
    dynamic.feature(check.phase.value)
    dynamic.story(check.area.value)
    dynamic.label("owner", check.owner)
    dynamic.severity("blocker" if check.severity is Severity.BLOCKING else "minor")
    dynamic.description(f"{check.title.get('ko', '')}\n\nnext: {check.remedy}\n\nsource: {check.source}")
