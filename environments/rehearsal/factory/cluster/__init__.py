"""The rehearsed cluster: an API server that says it is none, and what runs in it."""
