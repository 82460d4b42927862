"""A Helm release: its history, its state, and the change of it."""
