"""Programs of Python that bring packages of their own: each in an environment apart, in the cache of `.ci/tools`."""

import fcntl
import os
import subprocess
import sys
import venv
from pathlib import Path

CHECKOV = "3.3.30"


def checkov() -> Path:
    """The program checkov, installed when it is not there."""
    cache = Path(os.environ.get("ISOBATH_TOOLS") or Path.home() / ".cache/isobath")
    home = cache / f"checkov-{CHECKOV}"
    done = home / "complete"
    cache.mkdir(parents=True, exist_ok=True)
    with open(f"{home}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            print(f"installing checkov {CHECKOV}", file=sys.stderr)
            venv.create(home, with_pip=True, clear=True)
            command = [home / "bin/pip", "install", "--quiet", "--disable-pip-version-check", f"checkov=={CHECKOV}"]
            subprocess.run(command, check=True, stdout=sys.stderr)
            done.touch()
    return home / "bin/checkov"
