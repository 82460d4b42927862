"""Releases of Helm, as they stand, into the change that would roll them out or back."""
