"""What the program is made of: licences, banned crates and sources as .deny.toml says, by what Cargo says of the lock file.

cargo-deny reads the same file; it is not to be had here in a version that reads this lock file.
"""

import importlib.util
import json
import re
import subprocess
import tomllib
from pathlib import Path

from harness.node import REPO
from recovery.program import run

EXPRESSION = re.compile(r"\(|\)|[^\s()]+(?: WITH [^\s()]+)?")


class Wrong(AssertionError):
    """A crate that must not be there."""


def main() -> None:
    run("crates", crates)


def crates(_home: Path) -> str:
    rules = tomllib.loads((REPO / ".deny.toml").read_text())
    options = ["--all-features"] if rules["graph"]["all-features"] else []
    for target in rules["graph"]["targets"]:
        options += ["--filter-platform", target]
    command = ["cargo", "metadata", "--locked", "--format-version", "1", *options]
    packages = json.loads(subprocess.run(command, cwd=REPO, stdout=subprocess.PIPE, check=True).stdout)["packages"]
    allowed, banned = set(rules["licenses"]["allow"]), {ban["crate"] for ban in rules["bans"]["deny"]}
    sources = {f"registry+{url}" for url in rules["sources"]["allow-registry"]}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if not permitted(package["license"] or "nothing", allowed):
            raise Wrong(f"{name} is licensed under {package['license']}")
        if package["name"] in banned:
            raise Wrong(f"{name} is banned")
        if package["source"] is not None and package["source"] not in sources:
            raise Wrong(f"{name} comes from {package['source']}")
        for needed in package["dependencies"] if package["source"] is None else []:
            if needed["req"] == "*" and not needed.get("path"):
                raise Wrong(f"{name} takes any version of {needed['name']}")
    check_reading()
    linked = check_bill({(package["name"], package["version"]) for package in packages})
    return f"{len(packages)} crates, all under licences that are allowed; {linked} of them are linked into the program"


def check_bill(known: set[tuple[str, str]]) -> int:
    """The bill of materials names what is linked, each with all that is known of it, and nothing that only tests."""
    spec = importlib.util.spec_from_file_location("sbom", REPO / "ops/sbom.py")
    sbom = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sbom)
    bill = sbom.bill()
    if bill != sbom.bill():
        raise Wrong("the bill of materials is another one each time")
    components = {each["bom-ref"]: each for each in [bill["metadata"]["component"], *bill["components"]]}
    names = {each["name"] for each in components.values()}
    if not {"isobath", "isobath-storage", "object_store", "rustls"} <= names or names & {"proptest", "criterion", "stateright"}:
        raise Wrong(f"the bill of materials names {sorted(names)}")
    for each in components.values():
        if (each["name"], each["version"]) not in known or "licenses" not in each:
            raise Wrong(f"{each}")
        if "hashes" not in each and not each["name"].startswith("isobath"):
            raise Wrong(f"{each['name']} has no checksum")
    refs = [ref for each in bill["dependencies"] for ref in [each["ref"], *each["dependsOn"]]]
    if set(refs) != set(components):
        raise Wrong("the bill of materials names dependencies that it does not list")
    return len(components)


def permitted(expression: str, allowed: set[str]) -> bool:
    """Whether one may choose allowed licences only; the slash of old crates means OR."""
    words = EXPRESSION.findall(expression.replace("/", " OR "))

    def either(at: int) -> tuple[bool, int]:
        so_far, at = both(at)
        while at < len(words) and words[at] == "OR":
            more, at = both(at + 1)
            so_far = so_far or more
        return so_far, at

    def both(at: int) -> tuple[bool, int]:
        so_far, at = one(at)
        while at < len(words) and words[at] == "AND":
            more, at = one(at + 1)
            so_far = so_far and more
        return so_far, at

    def one(at: int) -> tuple[bool, int]:
        if words[at] == "(":
            inner, at = either(at + 1)
            return inner, at + 1
        return words[at] in allowed, at + 1

    return either(0)[0]


def check_reading() -> None:
    allowed = {"MIT", "ISC"}
    cases = {
        "MIT": True,
        "GPL-3.0": False,
        "GPL-3.0 OR MIT": True,
        "MIT AND GPL-3.0": False,
        "ISC AND (GPL-3.0 OR MIT)": True,
        "(MIT OR ISC) AND GPL-3.0": False,
        "Unlicense/MIT": True,
        "MIT WITH some-exception": False,
    }
    for expression, expected in cases.items():
        if permitted(expression, allowed) != expected:
            raise Wrong(f"{expression} is misread")


if __name__ == "__main__":
    main()
