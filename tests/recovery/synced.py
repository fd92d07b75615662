"""On a local directory, file and directory are synced before a write is acked: strace shows the order."""

import re
import shutil
import sys
from pathlib import Path

from harness.node import Node, local_bucket
from harness.servers import Missing

from .ledger import Violation
from .program import run

CALLS = "fsync,fdatasync,link,linkat,rename,renameat,renameat2,sendto,sendmsg,write,writev"
WRITES = 5


def main() -> None:
    run("files and directories are synced before the ack", synced)


def synced(home: Path) -> str:
    if shutil.which("strace") is None:
        raise Missing("strace is not installed; .ci/tools does it")
    bucket = home / "bucket"
    node = Node(local_bucket(bucket), home / "node")
    trace = home / "trace"
    node.start(prefix=["strace", "-D", "-f", "-y", "-s", "64", "-e", f"trace={CALLS}", "-o", str(trace)])
    namespace = node.client(max_retries=0).namespace("synced")
    for number in range(WRITES):
        before = len(calls(trace))
        row = {"id": number, "vector": [1.0, 2.0]}
        namespace.write(upsert_rows=[row], distance_metric="euclidean_squared")
        check(calls(trace)[before:], bucket)
    node.stop()
    return f"{WRITES} writes, each: file synced, linked, directory synced, then answered"


def calls(trace: Path) -> list[str]:
    """The calls so far, in the order in which they returned, without the thread's id."""
    unfinished: dict[str, str] = {}
    done = []
    for line in trace.read_text(errors="replace").splitlines():
        thread, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            unfinished[thread] = call.removesuffix("<unfinished ...>").rstrip()
        elif resumed := re.match(r"<\.\.\. \w+ resumed>(.*)", call):
            done.append(unfinished.pop(thread, "") + resumed.group(1))
        else:
            done.append(call)
    return done


def check(done: list[str], bucket: Path) -> None:
    """The new segment's file is synced, then linked, then its directory is synced, then the answer goes."""
    log = re.escape(str(bucket)) + r"/\S*log/"
    steps = [
        ("the segment's file is synced", rf"f(data)?sync\(\d+<{log}[^>]*>\) *= 0"),
        ("the segment gets its name", rf"(link|rename)\w*\(.*{log}.*= 0"),
        ("its directory is synced", rf"fsync\(\d+<{log}[^>]*>\) *= 0"),
        ("the write is answered", r"(sendto|sendmsg|writev?)\(\d+<\w*:?\[?.*HTTP/1.1 200"),
    ]
    at = 0
    for what, pattern in steps:
        found = next((i for i in range(at, len(done)) if re.match(pattern, done[i])), None)
        if found is None:
            raise Violation(f"not seen in this order: {what}; calls:\n" + "\n".join(done))
        at = found + 1


if __name__ == "__main__":
    main()
