"""One node on a local directory for the whole session; a fresh namespace for each test."""

import itertools
from pathlib import Path

import pytest
from turbopuffer import Turbopuffer

from harness.node import Node, local_bucket
from harness.process import free_port

COUNT = itertools.count(1)


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory):
    home: Path = tmp_path_factory.mktemp("region")
    # Folds early and often, so that the tests also meet rows in parts.
    postgres_port = free_port()
    settings = {"fold.min_rows": "50", "fold.pause": "300ms", "fold.interval": "100ms"}
    settings["sql.listen"] = f"127.0.0.1:{postgres_port}"
    node = Node(local_bucket(home / "bucket"), home / "node", settings)
    node.postgres_port = postgres_port
    node.start()
    yield node
    node.stop()


@pytest.fixture(scope="session")
def client(node: Node) -> Turbopuffer:
    return node.client(max_retries=0)


@pytest.fixture
def namespace(client: Turbopuffer, request: pytest.FixtureRequest):
    """A namespace that does not exist yet."""
    return client.namespace(f"{request.node.originalname}-{next(COUNT)}")


def shown(rows) -> list[dict]:
    """Rows as they came: the client gives a row without a vector one that is None."""
    return [{name: value for name, value in dict(row).items() if value is not None} for row in rows]
