"""Runs scripts through PostgreSQL's own clients against a node: psql, psycopg and SQLAlchemy with pgvector's types,
node-postgres. Each script says how it is run by hand: clients/postgres/.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness.node import Node, local_bucket
from harness.process import free_port
from harness.servers import Missing, skip

from .other_clients import installed, program

HERE = Path(__file__).resolve().parent / "postgres"
NODE_POSTGRES = "8.23.1"


def main() -> int:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="isobath-postgres-") as home:
        node = Node(local_bucket(Path(home) / "bucket"), Path(home) / "node", {"sql.listen": f"127.0.0.1:{port}"})
        node.start()
        codes = [tried(client, port) for client in (psql, psycopg, sqlalchemy, node_postgres)]
        node.stop()
    return max(codes)


def tried(client: Callable[[int], tuple[list[str | Path], str | None]], port: int) -> int:
    """Runs one client's script, and compares what it prints with what it should."""
    try:
        command, expected = client(port)
    except Missing as missing:
        return skip(missing)
    done = subprocess.run(command, timeout=300, stdout=subprocess.PIPE, text=True)
    if done.returncode == 0 and expected in (None, done.stdout):
        print(f"{client.__name__}: ok")
        return 0
    print(f"FAILED {client.__name__}: code {done.returncode}\n{done.stdout}")
    return 1


def psql(port: int) -> tuple[list[str | Path], str | None]:
    options = ["-X", "-v", "ON_ERROR_STOP=1", "-f", HERE / "script.sql"]
    expected = (HERE / "script.expected").read_text()
    return [program("psql"), f"host=127.0.0.1 port={port} user=isobath dbname=isobath", *options], expected


def psycopg(port: int) -> tuple[list[str | Path], str | None]:
    return [sys.executable, HERE / "psycopg_pgvector.py", f"host=127.0.0.1 port={port} user=isobath"], None


def sqlalchemy(port: int) -> tuple[list[str | Path], str | None]:
    url = f"postgresql+psycopg://isobath@127.0.0.1:{port}/isobath"
    return [sys.executable, HERE / "sqlalchemy_pgvector.py", url], None


def node_postgres(port: int) -> tuple[list[str | Path], str | None]:
    def install(place: Path) -> list[str | Path]:
        wanted = f"pg@{NODE_POSTGRES}"
        return [program("npm"), "install", "--silent", "--no-audit", "--no-fund", "--prefix", place, wanted]

    place = installed(f"node-postgres-{NODE_POSTGRES}", install)
    # Node looks for modules beside the script.
    script = place / "script.mjs"
    script.write_text((HERE / "script.mjs").read_text())
    return [program("node"), script, str(port)], None


if __name__ == "__main__":
    sys.exit(main())
