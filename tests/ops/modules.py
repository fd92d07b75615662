"""The Terraform modules: written as Terraform writes, valid, their policies as their tests say, and nothing that
checkov finds but what is argued for."""

import json
import os
import subprocess
from pathlib import Path

from harness.node import REPO
from recovery.program import run

from . import terraform
from .venvs import checkov

MODULES = ["aws-region", "aws-replication", "aws-audit"]
VALID = [*(f"modules/{name}" for name in MODULES), "examples/aws-three-region", "examples/local"]
"""What is validated: no provider for Google Cloud is to be had as a package."""


def main() -> None:
    run("terraform modules", modules)


def modules(home: Path) -> str:
    terraform.run(terraform.SOURCE, "fmt", "-check", "-recursive", "-diff")
    folder = terraform.copy(home)
    for name in VALID:
        terraform.init(folder / name)
        terraform.run(folder / name, "validate")
    passed = 0
    for name in MODULES:
        said = terraform.run(folder / "modules" / name, "test")
        count = int(said.split("Success! ")[1].split()[0])
        if count == 0:
            raise terraform.Failed(f"no test of {name} ran: {said}")
        passed += count
    exceptions, checks = scan()
    return f"{len(VALID)} valid, {passed} tests of policies, {checks} checks of checkov with {exceptions} exceptions"


def scan() -> tuple[int, int]:
    """Runs checkov; how many exceptions stand in its file, and how many checks passed."""
    config = REPO / "terraform/.checkov.yaml"
    command = [checkov(), "--config-file", config, "--directory", REPO / "terraform", "--output", "json"]
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=300,
        env={**os.environ, "BC_SKIP_MAPPING": "TRUE"},
    )
    try:
        found = json.loads(done.stdout)
    except json.JSONDecodeError:
        raise terraform.Failed(f"checkov said no JSON: {done.stdout[-2000:]}{done.stderr[-2000:]}") from None
    failed = [
        f"{check['check_id']} {check['resource']} {check['file_path']}: {check['check_name']}"
        for check in found["results"]["failed_checks"]
    ]
    if failed or done.returncode:
        raise terraform.Failed("checkov found:\n" + "\n".join(sorted(set(failed))))
    skipped = sum(line.strip().startswith("- CKV") for line in config.read_text().splitlines())
    passed = found["summary"]["passed"]
    if passed < 100:
        raise terraform.Failed(f"checkov made {passed} checks only")
    return skipped, passed


if __name__ == "__main__":
    main()
