"""Runs scripts through the official clients of other languages against a node: TypeScript, Java.

The clients come from their public registries into the cache of test tools, once.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.node import Node, local_bucket
from harness.servers import Missing, skip

HERE = Path(__file__).resolve().parent
TYPESCRIPT = "@turbopuffer/turbopuffer@2.8.0"
JAVA = "turbopuffer-java-1.3.0"


def main() -> int:
    codes = [code for client in (typescript, java) for code in [tried(client)]]
    return max(codes)


def tried(client: Callable[[str], list[str | Path]]) -> int:
    """Runs one client's script on a node of its own."""
    with tempfile.TemporaryDirectory(prefix="isobath-clients-") as home:
        node = Node(local_bucket(Path(home) / "bucket"), Path(home) / "node")
        try:
            command = client(node.url)
        except Missing as missing:
            return skip(missing)
        node.start()
        code = subprocess.run(command, timeout=300).returncode
        node.stop()
    if code:
        print(f"FAILED {client.__name__} client")
    return code


def typescript(url: str) -> list[str | Path]:
    """The command that runs the TypeScript client's script."""
    def install(place: Path) -> list[str | Path]:
        return [program("npm"), "install", "--silent", "--no-audit", "--no-fund", "--prefix", place, TYPESCRIPT]

    place = installed("typescript-2.8.0", install)
    # Node looks for modules beside the script.
    script = shutil.copy(HERE / "typescript/script.mjs", place)
    return [program("node"), script, url]


def java(url: str) -> list[str | Path]:
    """The command that runs the Java client's script."""
    def install(place: Path) -> list[str | Path]:
        return [program("mvn"), "--quiet", "--file", HERE / "java/pom.xml", "dependency:copy-dependencies",
                f"-DoutputDirectory={place}"]

    place = installed(JAVA, install)
    return [program("java"), "-cp", f"{place}/*", HERE / "java/Script.java", url]


def program(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise Missing(f"{name} is not installed")
    return found


def installed(name: str, install: Callable[[Path], list[str | Path]]) -> Path:
    """The directory of an installed client, in the cache that .ci/tools uses."""
    cache = Path(os.environ.get("ISOBATH_TOOLS") or Path.home() / ".cache/isobath") / "clients"
    place = cache / name
    if place.is_dir():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    # Installed aside and renamed, so that what is there is whole.
    aside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache))
    done = subprocess.run(install(aside), stdout=sys.stderr)
    if done.returncode:
        shutil.rmtree(aside, ignore_errors=True)
        raise Missing(f"{name} could not be installed")
    if not place.is_dir():
        aside.rename(place)
    return place


if __name__ == "__main__":
    sys.exit(main())
