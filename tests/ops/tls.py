"""TLS between regions: nodes prove to each other by certificates who they are; old versions of TLS, clients without a
certificate, with an expired one or one of a strange authority are refused; certificates and authorities are replaced under
load, and no request is lost."""

import datetime
import http.client
import ipaddress
import os
import signal
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness.node import Node, local_bucket
from harness.process import free_port, wait_until
from harness.regions import KEY, Cluster
from recovery.program import run

DAY = datetime.timedelta(days=1)
HELD = "/internal/v1/region"
ROWS = {"upsert_rows": [{"id": 1, "vector": [0.1, 0.9]}], "distance_metric": "cosine_distance"}


class Wrong(AssertionError):
    """Somebody was let in, or was not."""


def main() -> None:
    run("TLS between regions", tls)


def tls(home: Path) -> str:
    first, strange = Authority("first"), Authority("strange")
    files = Files(home / "used")
    files.install(first, [first])
    trust(files.ca)
    cluster = Secure(home / "regions", files)
    cluster.start()
    use1, euw1 = cluster.alive()
    replicate(use1, euw1, 1)
    refuse(cluster, home, first, strange)
    requests = rotate(cluster, files, first, Authority("second"))
    replicate(use1, euw1, 2)
    cluster.stop()
    older(home / "older", files)
    return f"two regions under certificates, 6 ways to be refused, {requests} requests while all certificates were replaced"


def replicate(use1: Node, euw1: Node, number: int) -> None:
    """What one region commits is in the other, and a write that one has to decide on is sent there."""
    written = use1.write("books", ROWS)
    seen = euw1.query("books", {"rank_by": ["id", "asc"], "limit": 9}, {"x-isobath-min-token": written.token})
    if seen.status != 200:
        raise Wrong(f"the copy is not there: {seen}")
    conditional = {"upsert_rows": [{"id": 10 + number, "vector": [0.8, 0.2]}], "upsert_condition": ["id", "Eq", None]}
    answer = euw1.write("books", conditional)
    if answer.headers.get("x-isobath-served-by") != "use1":
        raise Wrong(f"the write was not decided on at home: {answer}")


def refuse(cluster: "Secure", home: Path, own: "Authority", strange: "Authority") -> None:
    """At the address of the regions only those are heard that prove who they are; elsewhere nobody is."""
    port, plain = cluster.ports["use1"], cluster.nodes["use1"].port
    good = own.issue(home / "good")
    if ask(port, good) != 200:
        raise Wrong("a node with a certificate is not heard")
    if ask(plain, good) != 403:
        raise Wrong("nodes of other regions are heard where everybody is")
    for what, certificate in {
        "no certificate": None,
        "an expired certificate": own.issue(home / "expired", valid=(-3 * DAY, -DAY)),
        "a certificate that is not valid yet": own.issue(home / "early", valid=(DAY, 3 * DAY)),
        "a certificate of a strange authority": strange.issue(home / "strange"),
    }.items():
        if (status := ask(port, certificate)) is not None:
            raise Wrong(f"{what} was answered with {status}")
    for at in (port, plain):
        if (status := ask(at, good, ssl.TLSVersion.TLSv1_2)) is not None:
            raise Wrong(f"TLS 1.2 was answered with {status}")


def older(home: Path, files: "Files") -> None:
    """Unless it is told otherwise a node speaks TLS 1.2."""
    node = Node(local_bucket(home / "bucket"), home, files.settings() | {"server.tls.min_version": "1.2"})
    node.url = f"https://127.0.0.1:{node.port}"
    node.start()
    if ask(node.port, None, ssl.TLSVersion.TLSv1_2, "/healthz") != 200:
        raise Wrong("TLS 1.2 is refused where it should not be")
    node.stop()


def rotate(cluster: "Secure", files: "Files", old: "Authority", new: "Authority") -> int:
    """Replaces certificates, then the authority, while clients ask; how many requests were answered."""
    loads = [Load(cluster.ports["use1"], files), Load(cluster.nodes["use1"].port, files)]
    for load in loads:
        load.start()
    shown = [new.issue(files.home / "next"), old.issue(files.home / "last")]
    for certificate, authorities in [(shown[1], [old, new]), (shown[0], [old, new]), (shown[0], [new])]:
        wait_until(lambda: all(load.since_change > 20 for load in loads), "requests before the change", 60)
        files.replace(certificate, authorities)
        trust(files.ca)
        for node in cluster.alive():
            os.kill(node.process.pid, signal.SIGHUP)
        serial = x509.load_pem_x509_certificate(certificate[0].read_bytes()).serial_number
        ports = [cluster.ports["use1"], cluster.nodes["use1"].port]
        wait_until(lambda: all(serial_at(port) == serial for port in ports), "the new certificate is shown", 30, 0.1)
        for load in loads:
            load.since_change = 0
    wait_until(lambda: all(load.since_change > 20 for load in loads), "requests after the change", 60)
    for load in loads:
        load.stop.set()
        load.join()
        if load.failures:
            raise Wrong(f"{len(load.failures)} requests were lost: {load.failures[0]}")
    gone = old.issue(files.home / "gone")
    wait_until(lambda: ask(cluster.ports["use1"], gone) is None, "the old authority is not believed any more", 30, 0.1)
    return sum(load.answered for load in loads)


class Load(threading.Thread):
    """Asks again and again, each time on a new connection, with what the files held at its start."""

    def __init__(self, port: int, files: "Files"):
        super().__init__(daemon=True)
        self.port, self.files = port, files
        self.stop = threading.Event()
        self.answered = self.since_change = 0
        self.failures: list[str] = []

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                status = ask(self.port, (self.files.cert, self.files.key), path="/healthz", lenient=True, strict=True)
                if status != 200:
                    self.failures.append(f"answered with {status}")
            except (OSError, http.client.HTTPException) as failure:
                self.failures.append(repr(failure))
            self.answered += 1
            self.since_change += 1


class Secure(Cluster):
    """Two regions that ask each other for certificates."""

    def __init__(self, home: Path, files: "Files"):
        self.ports = {name: free_port() for name in ("use1", "euw1")}
        settings = files.settings() | {"server.tls.min_version": "1.3", "server.tls.client_ca": str(files.ca)}
        super().__init__(home, "file", settings, members=("use1", "euw1"))
        for name in self.members:
            node = self.nodes[name]
            node.url = f"https://127.0.0.1:{node.port}"
            node._settings["server.region_listen"] = f"127.0.0.1:{self.ports[name]}"

    def _entry(self, origin: str, name: str, replication: str) -> dict:
        return super()._entry(origin, name, replication) | {"address": f"https://127.0.0.1:{self.ports[name]}"}


@dataclass
class Files:
    """The files that nodes use."""

    home: Path

    @property
    def cert(self) -> Path:
        return self.home / "node.pem"

    @property
    def key(self) -> Path:
        return self.home / "node.key"

    @property
    def ca(self) -> Path:
        return self.home / "ca.pem"

    def settings(self) -> Mapping[str, str]:
        return {"server.tls.cert": str(self.cert), "server.tls.key": str(self.key), "server.tls.ca": str(self.ca)}

    def install(self, authority: "Authority", authorities: list["Authority"]) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.replace(authority.issue(self.home / "first"), authorities)

    def replace(self, certificate: tuple[Path, Path], authorities: list["Authority"]) -> None:
        held = {self.ca: b"".join(one.pem for one in authorities)}
        held |= {self.cert: certificate[0].read_bytes(), self.key: certificate[1].read_bytes()}
        for path, text in held.items():
            path.with_suffix(".new").write_bytes(text)
            path.with_suffix(".new").replace(path)


class Authority:
    """Signs certificates."""

    def __init__(self, name: str):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = self._builder(self.name, self.key, (-5 * DAY, 5 * DAY))
        builder = builder.add_extension(x509.BasicConstraints(True, None), True).add_extension(usage, True)
        own = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        builder = builder.add_extension(own, False)
        self.pem = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _builder(self, subject: x509.Name, key, valid: tuple) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder(self.name, subject, key.public_key(), x509.random_serial_number())
        return builder.not_valid_before(now + valid[0]).not_valid_after(now + valid[1])

    def issue(self, path: Path, valid: tuple = (-DAY, DAY)) -> tuple[Path, Path]:
        """A certificate for this machine, for servers and clients, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"node {path.name}")])
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        uses = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = self._builder(subject, key, valid).add_extension(names, False).add_extension(uses, False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        cert = builder.add_extension(issuer, False).sign(self.key, hashes.SHA256())
        files = path.with_suffix(".pem"), path.with_suffix(".key")
        files[0].write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
        return files


def ask(
    port: int,
    certificate: tuple[Path, Path] | None,
    newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    path: str = HELD,
    lenient: bool = False,
    strict: bool = False,
) -> int | None:
    """The status of an answer; None where there is no agreement on keys. `lenient` believes whoever answers, `strict`
    does not take a refusal for an answer."""
    context = ssl.create_default_context() if lenient else ssl._create_default_https_context()
    if lenient:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = newest
    if certificate and not loaded(context, certificate):
        return 200
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=30, context=context)
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {KEY}"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (ssl.SSLError, ConnectionError, http.client.HTTPException):
        if strict:
            raise
        return None
    finally:
        connection.close()


def loaded(context: ssl.SSLContext, certificate: tuple[Path, Path]) -> bool:
    """Whether the files hold a certificate and its own key, which they do not in the middle of a change."""
    try:
        context.load_cert_chain(*certificate)
        return True
    except ssl.SSLError:
        return False


def serial_at(port: int) -> int:
    return x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", port), timeout=10).encode()).serial_number


def trust(authorities: Path) -> None:
    """Has all clients of this process believe these."""
    ssl._create_default_https_context = lambda: ssl.create_default_context(cafile=authorities)
    # it keeps the context of its first request
    urllib.request.install_opener(urllib.request.build_opener())


if __name__ == "__main__":
    main()
