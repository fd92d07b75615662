"""The packages: the chart renders to what Kubernetes takes, the service's unit is closed, and every setting that they
give to the program is one that it takes."""

import os
import re
import subprocess
from pathlib import Path

import yaml
from kubernetes_validate import validate

from harness.node import REPO, binary
from harness.servers import Missing, tool
from recovery.program import run

from .venvs import checkov

CHART = REPO / "ops/helm/isobath"
# A helm that `go install` makes takes itself for one of Kubernetes 1.20.
KUBERNETES = "1.30.0"
VERSIONS = ["1.27", "1.33"]
VARIANTS = {
    "defaults": [],
    "https": ["--set", "tlsSecret=certificate", "--set", "credentialsSecret=keys"],
    "fixed": ["--set", "query.autoscaling.enabled=false", "--set", "networkPolicy.enabled=false", "--set", "serviceAccount.create=false"],
}
EXPOSED = 2.0
"""What systemd-analyze may say at most: 0 is closed, 10 is open."""


class Wrong(AssertionError):
    """A package that does not work."""


def main() -> None:
    run("packages", packages)


def packages(home: Path) -> str:
    unit = check_unit(home)
    dockerfile(home)
    objects = check_chart(home)
    return f"{objects} objects of Kubernetes, the unit's exposure is {unit}"


def command(*words: object, env: dict | None = None, within_s: float = 120) -> str:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, timeout=within_s, env={**os.environ, **(env or {})}
    )
    if done.returncode != 0:
        raise Wrong(f"{Path(str(words[0])).name} {' '.join(map(str, words[1:]))}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def check_chart(home: Path) -> int:
    helm = tool("helm")
    env = {name: str(home / "helm") for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")}
    command(helm, "lint", "--strict", CHART, env=env)
    count = 0
    for name, options in VARIANTS.items():
        text = command(helm, "template", "isobath", CHART, "--namespace", "search", "--kube-version", KUBERNETES, *options, env=env)
        (home / f"{name}.yaml").write_text(text)
        objects = [thing for thing in yaml.safe_load_all(text) if thing]
        for thing in objects:
            for version in VERSIONS:
                validate(thing, version, strict=True)
        check_together(name, objects)
        for deployment in of_kind(objects, "Deployment"):
            check_settings(home, objects, deployment)
        count += len(objects)
    wrong = [str(helm), "template", "isobath", str(CHART), "--kube-version", KUBERNETES, "--set", "bucket=elsewhere"]
    refused = subprocess.run(wrong, capture_output=True, text=True, env={**os.environ, **env})
    if refused.returncode == 0 or "bucket" not in refused.stderr:
        raise Wrong(f"a bucket without a scheme is accepted: {refused.stderr}")
    found = ["--framework", "kubernetes", "--compact", "--quiet", "--skip-download", "--skip-check", ",".join(EXCEPTIONS)]
    command(checkov(), "--file", home / "defaults.yaml", *found)
    return count


# What checkov asks of pods and is not done, with the reason.
EXCEPTIONS = {
    "CKV_K8S_11": "no limit of the processor: it would slow queries down while others are idle",
    "CKV_K8S_14": "the tag is the operator's to choose",
    "CKV_K8S_15": "likewise whether images are pulled each time",
    "CKV_K8S_43": "likewise a digest",
    "CKV_K8S_35": "credentials are variables, as the clouds' own libraries take them",
    "CKV_K8S_21": "the namespace is that of the release, which the operator names",
    "CKV_K8S_40": "65532 is the user of distroless images",
}


def of_kind(objects: list[dict], kind: str) -> list[dict]:
    return [thing for thing in objects if thing["kind"] == kind]


def check_together(variant: str, objects: list[dict]) -> None:
    """What names another object names one that is there."""
    deployments = {thing["metadata"]["name"]: thing for thing in of_kind(objects, "Deployment")}
    labels = [thing["spec"]["template"]["metadata"]["labels"] for thing in deployments.values()]

    def selects(selector: dict) -> int:
        return sum(selector.items() <= some.items() for some in labels)

    for scaler in of_kind(objects, "HorizontalPodAutoscaler"):
        target = deployments[scaler["spec"]["scaleTargetRef"]["name"]]
        if "replicas" in target["spec"]:
            raise Wrong(f"{variant}: the autoscaler and the deployment both say how many")
    for budget in of_kind(objects, "PodDisruptionBudget"):
        if selects(budget["spec"]["selector"]["matchLabels"]) != 1:
            raise Wrong(f"{variant}: a budget is not for one deployment: {budget['spec']}")
    for service in of_kind(objects, "Service"):
        if selects(service["spec"]["selector"]) == 0:
            raise Wrong(f"{variant}: the service selects nothing")
    for deployment in deployments.values():
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        scheme = "HTTPS" if variant == "https" else "HTTP"
        probes = [container[f"{probe}Probe"]["httpGet"] for probe in ("startup", "readiness", "liveness")]
        if {probe["scheme"] for probe in probes} != {scheme}:
            raise Wrong(f"{variant}: probes speak {probes}")


def check_settings(home: Path, objects: list[dict], deployment: dict) -> None:
    """The program takes the settings of a pod."""
    [config] = of_kind(objects, "ConfigMap")
    settings = home / "isobath.toml"
    settings.write_text(config["data"]["isobath.toml"])
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    env = {entry["name"]: entry.get("value", "10.0.0.7").replace("$(POD_IP)", "10.0.0.7") for entry in container["env"]}
    command(binary(), "config", "check", "--config", settings, env=env)
    printed = command(binary(), "config", "print", "--config", settings, env=env)
    for expected in ('listen = "0.0.0.0:7750"', "10.0.0.7:7750", 'cache_dir = "/cache"'):
        if expected not in printed:
            raise Wrong(f"the settings of a pod lack {expected}: {printed}")


def check_unit(home: Path) -> float:
    """The service's unit can be read by systemd, and lets the program do little."""
    unit = REPO / "ops/systemd/isobath.service"
    env = dict(re.findall(r"^Environment=(\w+)=(.+)$", unit.read_text(), re.MULTILINE))
    command(binary(), "config", "check", env=env)
    if not Path("/usr/bin/systemd-analyze").exists():
        raise Missing("systemd-analyze is not installed")
    placed = home / "isobath.service"
    placed.write_text(unit.read_text().replace("/usr/local/bin/isobath", str(binary())))
    command("systemd-analyze", "verify", "--man=no", placed)
    said = command("systemd-analyze", "security", "--offline=true", "--no-pager", placed)
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", said)[1])
    if exposure > EXPOSED:
        raise Wrong(f"the unit's exposure is {exposure}:\n{said}")
    return exposure


def dockerfile(home: Path) -> None:
    """No Docker is here: what can be said without is that it copies what is there, and what checkov asks."""
    path = REPO / "ops/docker/Dockerfile"
    # a healthcheck needs a program that asks; who runs the container asks /readyz
    command(checkov(), "--file", path, "--framework", "dockerfile", "--compact", "--quiet", "--skip-check", "CKV_DOCKER_2")
    env = dict(re.findall(r"(ISOBATH_\w+)=(\S+)", path.read_text()))
    command(binary(), "config", "check", env=env)
    for name in re.findall(r"^!(\S+)$", (path.parent / "Dockerfile.dockerignore").read_text(), re.MULTILINE):
        if not (REPO / name).exists():
            raise Wrong(f"the image is built from {name}, which is not there")


if __name__ == "__main__":
    main()
