#!/usr/bin/env python3
"""Prints what the program is made of, as a software bill of materials in CycloneDX 1.5: `python3 ops/sbom.py > sbom.json`.

Every crate that is linked into the program for the platform, with its version, licence, origin and checksum, and what it
depends on; crates that only build or test it are left out. The same sources give the same bytes.
"""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def bill(platform: str = "x86_64-unknown-linux-gnu") -> dict:
    """The bill of materials of the program for a platform."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", platform]
    metadata = json.loads(subprocess.run(command, cwd=REPO, stdout=subprocess.PIPE, check=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    linked = links(metadata["resolve"])
    lock = tomllib.loads((REPO / "Cargo.lock").read_text())["package"]
    checksums = {(each["name"], each["version"]): each.get("checksum") for each in lock}
    root = metadata["resolve"]["root"]
    others = sorted((id for id in linked if id != root), key=lambda id: purl(packages[id]))
    depends = [
        {"ref": purl(packages[id]), "dependsOn": sorted(purl(packages[on]) for on in linked[id])}
        for id in sorted(linked, key=lambda id: purl(packages[id]))
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": component(packages[root], checksums, "application")},
        "components": [component(packages[id], checksums, "library") for id in others],
        "dependencies": depends,
    }


def links(resolve: dict) -> dict[str, list[str]]:
    """What is linked into the root of a resolution: each with what it depends on."""
    nodes = {node["id"]: node for node in resolve["nodes"]}
    found: dict[str, list[str]] = {}
    waiting = [resolve["root"]]
    while waiting:
        id = waiting.pop()
        if id in found:
            continue
        normal = [on["pkg"] for on in nodes[id]["deps"] if any(kind["kind"] is None for kind in on["dep_kinds"])]
        found[id] = normal
        waiting += normal
    return found


def component(package: dict, checksums: dict, kind: str) -> dict:
    made = {
        "type": kind,
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "purl": purl(package),
    }
    if package["description"]:
        made["description"] = " ".join(package["description"].split())
    if package["license"]:
        # the slash of old crates means OR
        made["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := checksums.get((package["name"], package["version"])):
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return made


def purl(package: dict) -> str:
    """Names a package in all registries; those of this repository have none."""
    name = f"pkg:cargo/{package['name']}@{package['version']}"
    return name if package["source"] == REGISTRY else f"{name}?vcs_url=isobath"


if __name__ == "__main__":
    json.dump(bill(*sys.argv[1:2]), sys.stdout, indent=1)
    print()
