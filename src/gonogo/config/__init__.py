"""YAML into the model, strictly: one clear line with file, line and column for whatever is wrong."""
