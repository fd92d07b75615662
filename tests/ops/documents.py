"""Every command of the documents is run as it stands there, page by page, in an empty folder each.

A fence says what becomes of its block: `sh` is run, all of a page in one shell that ends at the first failure; `sh install`
is run before, where there is a network; `sh build` is not run: the program under test stands for it; any other language
with a name of a file is written to that file. The pages use the port of the defaults, so they run in a network of their own.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from harness.node import REPO, binary
from recovery.program import run

PAGES = ["quickstart.md", "regions.md", "operations.md"]
FENCE = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Wrong(AssertionError):
    """A document that does not do what it says."""


def main() -> None:
    run("documents", documents)


def documents(home: Path) -> str:
    programs = home / "bin"
    programs.mkdir()
    (programs / "isobath").symlink_to(binary())
    blocks = sum(page(REPO / "docs" / name, home / Path(name).stem, programs) for name in PAGES)
    check_links()
    return f"{blocks} blocks of {len(PAGES)} pages"


def page(path: Path, folder: Path, programs: Path) -> int:
    """Runs a page; how many blocks of commands it has."""
    folder.mkdir()
    env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    for name in ("ISOBATH_API_KEY", "PYTHONPATH"):
        env.pop(name, None)
    script = ["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT"]
    for number, (language, what, text) in enumerate(FENCE.findall(path.read_text()), 1):
        if language != "sh" and what:
            (folder / what).write_text(text)
        elif language == "sh" and what == "install":
            shell(["bash", "-euo", "pipefail", "-c", text], folder, env, f"{path.name}, block {number}")
        elif language == "sh" and not what:
            script += [f"echo '::: block {number}'", text]
        elif (language, what) != ("sh", "build"):
            raise Wrong(f"{path.name}, block {number}: nobody knows what becomes of ```{language} {what}")
    (folder / "page.sh").write_text("\n".join(script))
    shell([*apart(), "bash", "page.sh"], folder, env, path.name)
    return sum(line.startswith("echo ':::") for line in script)


def apart() -> list[str]:
    """What runs a command in a network of its own; nothing where that is not allowed."""
    command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "apart"]
    if shutil.which("unshare") and subprocess.run([*command, "true"], capture_output=True).returncode == 0:
        return command
    print("note: no network of its own: the port 7750 has to be free")
    return []


def shell(command: list[str], folder: Path, env: dict, what: str) -> None:
    done = subprocess.run(
        command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, timeout=240
    )
    if done.returncode != 0:
        raise Wrong(f"{what} ended with {done.returncode}\n" + "\n".join(done.stdout.splitlines()[-30:]))


def check_links() -> None:
    """Every file that a page of ours links to is there."""
    pages = [REPO / "README.md", REPO / "terraform/README.md", *sorted((REPO / "docs").glob("*.md"))]
    for path in pages:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
            if "://" not in target and not (path.parent / target).exists():
                raise Wrong(f"{path.name} links to {target}, which is not there")


if __name__ == "__main__":
    main()
