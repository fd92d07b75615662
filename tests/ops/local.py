"""Three regions from Terraform's output: the real AWS provider applies the example `local` to moto; nodes run on MinIO
buckets of the same names, and under the policies that the modules render."""

from pathlib import Path

from recovery.program import run

from . import emulated, regions, rights


def main() -> None:
    run("three regions from terraform", local)


def local(home: Path) -> str:
    stack = emulated.start(home)
    refused = rights.check(stack, home / "rights")
    rows = regions.check(stack, home / "regions")
    return f"{refused}; {rows}"


if __name__ == "__main__":
    main()
