"""A release gate: environment, release and checklist into GO, NO-GO or HOLD."""

__version__ = "0.1.0"
