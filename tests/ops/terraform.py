"""Terraform in a copy of the project's folder, with the providers that this machine has."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from harness.node import REPO
from harness.servers import Missing

SOURCE = REPO / "terraform"
MIRRORS = [Path("/opt/tf-plugins"), Path("/usr/share/terraform/plugins"), Path.home() / ".terraform.d/plugins"]


class Failed(AssertionError):
    """A command that ended with an error."""


@cache
def program() -> str:
    found = shutil.which("terraform")
    if not found:
        raise Missing("terraform is not installed")
    return found


def providers() -> list[str]:
    """The option that names the folder of providers; none where Terraform fetches them itself."""
    chosen = os.environ.get("ISOBATH_TERRAFORM_PROVIDERS")
    for folder in [Path(chosen)] if chosen else MIRRORS:
        if next(folder.glob("*/hashicorp/aws/*"), None):
            return [f"-plugin-dir={folder}"]
    return []


def run(folder: Path, *words: str, within_s: float = 300) -> str:
    """Runs Terraform in `folder`; what it prints. Fails with what it says where it fails."""
    env = {**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    # A file of settings that is named and not there gets a warning each time.
    env["TF_CLI_CONFIG_FILE"] = str(settings(folder))
    done = subprocess.run(
        [program(), *words, *(["-no-color"] if words[0] not in ("output", "fmt") else [])],
        cwd=folder, env=env, capture_output=True, text=True, timeout=within_s, stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        said = "\n".join([*done.stdout.splitlines()[-40:], *done.stderr.splitlines()[-40:]])
        raise Failed(f"terraform {' '.join(words)} in {folder.name} ended with {done.returncode}\n{said}")
    return done.stdout


def settings(folder: Path) -> Path:
    path = folder / ".terraformrc"
    path.touch()
    return path


def copy(home: Path) -> Path:
    """The project's folder in one of the test's own: Terraform leaves its state where it runs."""
    target = home / "terraform"
    if not target.exists():
        shutil.copytree(SOURCE, target, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
    return target


def init(folder: Path) -> None:
    run(folder, "init", "-input=false", "-backend=false", *providers())


def apply(folder: Path, **variables: object) -> dict:
    """Applies an example; its outputs."""
    run(folder, "init", "-input=false", *providers())
    given = [f"-var={name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in variables.items()]
    run(folder, "apply", "-input=false", "-auto-approve", "-parallelism=30", *given, within_s=600)
    outputs = json.loads(run(folder, "output", "-json"))
    return {name: output["value"] for name, output in outputs.items()}
