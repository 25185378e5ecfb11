"""Python in a process of its own, where nobody has said anything about where compiled programs are kept."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ("JAX_", "CETERIS_", "XDG_")  # what such variables say is what a test is about


def start(code, **environment):
    """Start a process in which every warning is an error; variables as given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    path = os.pathsep.join([str(ROOT / "src"), kept.get("PYTHONPATH", "")])
    environment = {**kept, "PYTHONPATH": path, **{name: str(value) for name, value in environment.items()}}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def python(code, **environment):
    """Run it to its end; return stdout and stderr."""
    process = start(code, **environment)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out, err
