"""Two processes of one region on MinIO, writes through both, and the owner of the log fails.

Killed: writes go on through the other within 5 s, its clients see no error, the dead one's only connection
errors. Stopped for 15 s and resumed: the other takes over. No acked write is lost or doubled either way.
"""

import argparse
import time
from pathlib import Path

from harness.node import Node
from harness.process import wait_until

from .crew import Crew, Writer
from .ledger import Violation
from .program import open_bucket, run

SILENCE_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="how often each")
    parser.add_argument("--stopped-s", type=float, default=15)
    parser.add_argument("--store", choices=["file", "minio"], default="minio")
    args = parser.parse_args()
    run(f"takeover on {args.store}", lambda home: takeovers(args, home))


def takeovers(args: argparse.Namespace, home: Path) -> str:
    bucket = open_bucket(args.store, home)
    nodes = [Node(bucket, home / name) for name in ("a", "b")]
    for node in nodes:
        node.start()
    crew = Crew(nodes, retries=(4,))
    crew.resume()
    wait_until(lambda: crew.acked() > 50, "both processes take writes", 30)
    silences, stops = [], []
    for _ in range(args.rounds):
        silences.append(kill_owner(nodes, crew))
        stops.append(stop_owner(nodes, crew, args.stopped_s))
    for node in nodes:
        node.stop()
    return (f"{crew.acked()} writes acked, {crew.unanswered()} not answered; the others were silent for "
            f"{max(silences):.1f} s after a kill, {max(stops):.1f} s after a stop")


def owner_first(nodes: list[Node]) -> tuple[Node, Node]:
    """The owner of the log, and the other one."""
    wait_until(lambda: sum(node.owns_log() for node in nodes) == 1, "one process owns the log", 20)
    a, b = nodes
    return (a, b) if a.owns_log() else (b, a)


def kill_owner(nodes: list[Node], crew: Crew) -> float:
    """Kills the owner; returns the longest silence of the other one's writers."""
    owner, other = owner_first(nodes)
    killed = time.monotonic()
    owner.kill()
    time.sleep(10)
    silence = max(writer.longest_silence_s(killed, time.monotonic()) for writer in at(crew, other))
    errors_since(at(crew, other), killed, "the survivor's client")
    if others := [f for w in at(crew, owner) for f in w.failures if f.at > killed and not f.is_connection]:
        raise Violation(f"a client of the dead process got more than a lost connection: {others[0].error}")
    if silence >= SILENCE_S:
        raise Violation(f"no write went through for {silence:.1f} s after the owner was killed")
    owner.start()
    check_both(nodes, crew)
    return silence


def stop_owner(nodes: list[Node], crew: Crew, stopped_s: float) -> float:
    """Stops the owner for a while; returns the longest silence of the other one's writers."""
    owner, other = owner_first(nodes)
    stopped = time.monotonic()
    owner.process.pause()
    time.sleep(stopped_s)
    silence = max(writer.longest_silence_s(stopped, time.monotonic()) for writer in at(crew, other))
    if not other.owns_log():
        raise Violation(f"the owner was stopped for {stopped_s:.0f} s, and nobody took over")
    owner.process.resume()
    time.sleep(3)
    if owner.owns_log() or not other.owns_log():
        raise Violation("the resumed process thinks that it owns the log still")
    errors_since(at(crew, other), stopped, "the other one's client")
    check_both(nodes, crew)
    return silence


def at(crew: Crew, node: Node) -> list[Writer]:
    return [writer for writer in crew.writers if writer.node is node]


def errors_since(writers: list[Writer], since: float, whose: str) -> None:
    for writer in writers:
        for failure in writer.failures:
            if failure.at > since:
                raise Violation(f"{whose} saw an error: {failure.error}")


def check_both(nodes: list[Node], crew: Crew) -> None:
    """Both processes serve exactly what the ledgers say; writers rest meanwhile."""
    crew.pause()
    for node in nodes:
        crew.check(node)
    crew.resume()


if __name__ == "__main__":
    main()
