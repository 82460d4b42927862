"""Profiles into requests and requests into a record: the fleet, an event loop of its own."""
