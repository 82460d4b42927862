"""What `locust -f loadtests/locustfile.py` loads: the fleet, driven by the profiles beside this file."""

from gonogo.locust_plugin import FleetUser

__all__ = ["FleetUser"]
