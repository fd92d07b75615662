"""The packages: the service's unit is closed, the image is made of what is there, and every setting that they give to the
program is one that it takes."""

import os
import re
import subprocess
from pathlib import Path

import yaml
from kubernetes_validate import validate

from harness.node import REPO, binary
from harness.servers import Missing
from recovery.program import run

from .venvs import checkov

EXPOSED = 2.0
"""What systemd-analyze may say at most: 0 is closed, 10 is open."""


class Wrong(AssertionError):
    """A package that does not work."""


def main() -> None:
    run("packages", packages)


def packages(home: Path) -> str:
    unit = check_unit(home)
    dockerfile()
    return f"the unit's exposure is {unit}"


def command(*words: object, env: dict | None = None, within_s: float = 120) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=within_s, env={**os.environ, **(env or {})}
    )
    if done.returncode != 0:
        raise Wrong(f"{Path(str(words[0])).name} {' '.join(map(str, words[1:]))}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def check_unit(home: Path) -> float:
    """The service's unit can be read by systemd, and lets the program do little."""
    unit = REPO / "ops/systemd/isobath.service"
    env = dict(re.findall(r"^Environment=(\w+)=(.+)$", unit.read_text(), re.MULTILINE))
    command(binary(), "config", "check", env=env)
    if not Path("/usr/bin/systemd-analyze").exists():
        raise Missing("systemd-analyze is not installed")
    placed = home / "isobath.service"
    placed.write_text(unit.read_text().replace("/usr/local/bin/isobath", str(binary())))
    command("systemd-analyze", "verify", "--man=no", placed)
    said = command("systemd-analyze", "security", "--offline=true", "--no-pager", placed)
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1])
    if exposure > EXPOSED:
        raise Wrong(f"the unit's exposure is {exposure}:\n{said}")
    return exposure


def dockerfile() -> None:
    """No Docker is here: what can be said without is that it copies what is there, and what checkov asks."""
    path = REPO / "ops/docker/Dockerfile"
    # a healthcheck needs a program that asks; who runs the container asks /readyz
    command(checkov(), "--file", path, "--framework", "dockerfile", "--compact", "--quiet", "--skip-check", "CKV_DOCKER_2")
    env = dict(re.findall(r"(ISOBATH_\w+)=(\S+)", path.read_text()))
    command(binary(), "config", "check", env=env)
    for name in re.findall(r"^!(\S+)$", (path.parent / "Dockerfile.dockerignore").read_text(), re.MULTILINE):
        if not (REPO / name).exists():
            raise Wrong(f"the image is built from {name}, which is not there")


if __name__ == "__main__":
    main()
