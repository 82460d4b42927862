"""Names the engine's pytest plugin, here and nowhere else: no entry point switches it on in other projects."""

pytest_plugins = ["gonogo.pytest_plugin"]
