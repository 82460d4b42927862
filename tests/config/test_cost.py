"""What importing configuration costs, and what it imports."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys, time
import dataclasses, datetime, enum, hashlib, json, pathlib, re, typing, urllib.parse, ipaddress
import gonogo.model.verdict
before = set(sys.modules)
began = time.process_time()
import gonogo.config.checklist, gonogo.config.environment, gonogo.config.faults, gonogo.config.release
import gonogo.config.secrets, gonogo.config.waivers
took = time.process_time() - began
print(took, *sorted({name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))
"""


def test_configuration_imports_yaml_alone_and_quickly() -> None:
    """No validation library, no probe, no judge; under 40 ms of CPU beside the standard library."""
    runs = [
        subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(3)
    ]
    imported = {name for _, *names in runs for name in names if "cython" not in name}  # PyYAML's own run time
    assert imported <= {"gonogo", "yaml", "_yaml"}
    assert min(float(took) for took, *_ in runs) < 0.04


def test_configuration_knows_no_probe_and_no_judge() -> None:
    """The registries are handed in."""
    program = (
        _PROGRAM + "\nprint([name for name in sys.modules if name.startswith(('gonogo.probes', 'gonogo.judges'))])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"
