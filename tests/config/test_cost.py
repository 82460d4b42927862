"""What importing configuration imports, which is what it costs."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys
import dataclasses, datetime, enum, hashlib, json, pathlib, re, typing, urllib.parse, ipaddress
import gonogo.model.verdict
before = set(sys.modules)
import gonogo.config.checklist, gonogo.config.environment, gonogo.config.faults, gonogo.config.release
import gonogo.config.secrets, gonogo.config.waivers
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""
_SLOW = {  # of the standard library, each some milliseconds that no configuration needs
    "argparse", "asyncio", "concurrent", "email", "http", "logging", "multiprocessing", "socket", "sqlite3", "ssl",
    "subprocess", "tempfile", "unittest", "xml", "zipfile",
}  # fmt: skip


def test_configuration_imports_yaml_alone() -> None:
    """No validation library, no probe, no judge, and nothing of the standard library that is slow to import."""
    told = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True).stdout.split()
    imported = {name for name in told if "cython" not in name}  # PyYAML's own run time
    assert {"gonogo", "yaml"} <= imported
    assert imported - set(sys.stdlib_module_names) <= {"gonogo", "yaml", "_yaml"}
    assert not imported & _SLOW


def test_configuration_knows_no_probe_and_no_judge() -> None:
    """The registries are handed in."""
    program = (
        _PROGRAM + "\nprint([name for name in sys.modules if name.startswith(('gonogo.probes', 'gonogo.judges'))])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"
