"""cluster/'s files against schemas, linters and the parts of the project that they name."""

from __future__ import annotations

import copy
import json
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import ray
import yaml
from jsonschema import Draft202012Validator
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.runtime_env import RuntimeEnv
from ray.scripts.scripts import start
from ray.serve.schema import HTTPOptionsSchema
from schema import CLUSTER, ROOT, SCHEMAS, documents, kubernetes, problems

from rlhp_ray import __version__
from rlhp_ray.config.schema import PlacementPart
from rlhp_ray.telemetry import METRICS
from rlhp_ray.telemetry.grafana import UID, dashboard, dashboard_text

MANIFESTS = sorted((CLUSTER / "kuberay").glob("*.yaml"))
LAUNCHERS = [CLUSTER / "aws.yaml", CLUSTER / "gcp.yaml"]
BIN = pathlib.Path(sys.executable).parent
JOB = documents(CLUSTER / "kuberay" / "rayjob.yaml")[0]
RAY_CLUSTER = documents(CLUSTER / "kuberay" / "raycluster.yaml")[0]
GROUPS = [RAY_CLUSTER["spec"]["headGroupSpec"], *RAY_CLUSTER["spec"]["workerGroupSpecs"]]


FREE = ("labels", "matchLabels", "selector", "rayStartParams", "resources")  # whose names are the user's own


def mappings(document: Any, name: str = "") -> Iterator[dict[str, Any]]:
    """Every mapping in a document whose names are fields."""
    if isinstance(document, dict):
        if name not in FREE or not all(isinstance(value, str) for value in document.values()):
            yield document
        for key, value in document.items():
            yield from mappings(value, key)
    elif isinstance(document, list):
        for value in document:
            yield from mappings(value)


def test_every_file_says_what_it_is_what_it_needs_and_two_commands() -> None:
    files = [f for f in CLUSTER.rglob("*") if f.suffix in (".yaml", ".yml") or f.name == "Dockerfile"]
    assert len(files) >= 12
    for file in files:
        lines = file.read_text(encoding="utf-8").splitlines()
        head = lines[: next(n for n, line in enumerate(lines) if not line.startswith("#"))]
        assert head[0].startswith("# What: ") and sum(line.startswith("# Needs: ") for line in head) == 1, file
        # A command is indented under the text and begins with a program's name, or a setting for one.
        begins = r"#   ([A-Z_]+=\S+ )*(docker|kubectl|ray|sed|envsubst|grafana|prometheus|promtool) |#   GF_"
        assert sum(bool(re.match(begins, line)) for line in head) == 2, file


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_a_manifest_has_known_fields_only(file: pathlib.Path) -> None:
    for document in documents(file):
        assert problems(kubernetes(document["kind"]), document) == []


@pytest.mark.parametrize("file", MANIFESTS, ids=lambda file: file.stem)
def test_a_misspelt_field_anywhere_in_a_manifest_is_found(file: pathlib.Path) -> None:
    for document in documents(file):
        validator = kubernetes(document["kind"])
        assert len(list(mappings(document))) > 3
        for mapping in mappings(document):
            name = next(iter(mapping), "name")
            mapping[f"{name}x"] = None
            assert problems(validator, document), f"{name}x"
            del mapping[f"{name}x"]


def test_ray_start_knows_the_parameters_that_kuberay_passes_on() -> None:
    known = {option.name.replace("_", "-") for option in start.params if option.name}
    for group in GROUPS:
        assert set(group["rayStartParams"]) <= known


def test_the_job_s_cluster_is_the_cluster() -> None:
    assert JOB["spec"]["rayClusterSpec"] == RAY_CLUSTER["spec"]


def test_versions_are_this_project_s() -> None:
    assert RAY_CLUSTER["spec"]["rayVersion"] == ray.__version__
    images = re.findall(r"rlhp-ray:([0-9.]+)\b", "".join(f.read_text() for f in CLUSTER.rglob("*") if f.is_file()))
    assert len(images) > 5 and set(images) == {__version__}
    for file in LAUNCHERS:
        assert f"ray[default]=={ray.__version__}" in file.read_text(encoding="utf-8")


def test_nodes_offer_every_role_and_no_other() -> None:
    roles = {*PlacementPart().model_dump().values(), "rlhp_driver"}
    offered = {name for group in GROUPS for name in group.get("resources", {})}
    assert offered == roles
    for file in LAUNCHERS:
        (config,) = documents(file)
        offered = {name for one in config["available_node_types"].values() for name in one["resources"]}
        assert offered - {"CPU", "GPU"} == roles


def test_pods_have_probes_volumes_and_secrets_by_reference() -> None:
    for group in GROUPS:
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        ports = {port["name"] for port in container["ports"]}
        assert {container[probe]["httpGet"]["port"] for probe in ("readinessProbe", "livenessProbe")} <= ports
        assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
        assert not [one["name"] for one in container.get("env", []) if re.search("KEY|TOKEN|SECRET", one["name"])]
    claim = documents(CLUSTER / "kuberay" / "storage.yaml")[0]["metadata"]["name"]
    claims = [one["claimName"] for one in mappings(RAY_CLUSTER) if "claimName" in one]
    assert set(claims) == {claim}


def test_service_ingress_and_monitor_find_what_they_name() -> None:
    service, ingress = documents(CLUSTER / "kuberay" / "labeling.yaml")
    (monitor,) = documents(CLUSTER / "kuberay" / "podmonitor.yaml")
    head = RAY_CLUSTER["spec"]["headGroupSpec"]["template"]
    ports = {port["name"]: port["containerPort"] for port in head["spec"]["containers"][0]["ports"]}
    assert service["spec"]["selector"].items() <= head["metadata"]["labels"].items()
    (port,) = service["spec"]["ports"]
    assert ports[port["targetPort"]] == HTTPOptionsSchema().port
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": service["metadata"]["name"], "port": {"name": port["name"]}}
    for group in GROUPS:
        template = group["template"]
        assert monitor["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        names = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
        assert monitor["spec"]["podMetricsEndpoints"][0]["port"] in names


@pytest.mark.parametrize("file", LAUNCHERS, ids=lambda file: file.stem)
def test_a_launcher_s_file_is_what_ray_s_schema_and_the_provider_s_allow(file: pathlib.Path) -> None:
    (config,) = documents(file)
    validate_config(prepare_config(copy.deepcopy(config)))
    assert config["available_node_types"].keys() == {"head", "core", "rollouts", "gpu"}
    schema = documents(SCHEMAS / "launcher.yaml")[0]["$defs"][file.stem]
    assert problems(Draft202012Validator(schema["provider"]), config["provider"]) == []
    for node_type in config["available_node_types"].values():
        assert problems(Draft202012Validator(schema["node_config"]), node_type["node_config"]) == []


def test_a_misspelt_field_of_a_launcher_s_file_is_found() -> None:
    (config,) = documents(CLUSTER / "aws.yaml")
    with pytest.raises(Exception, match="max_worker"):
        validate_config(prepare_config(config | {"max_worker": 1}))


def test_the_dockerfile_passes_its_linter(tmp_path: pathlib.Path) -> None:
    command = [str(BIN / "hadolint"), "--no-color"]
    linted = subprocess.run([*command, str(CLUSTER / "Dockerfile")], capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    worse = tmp_path / "Dockerfile"
    worse.write_text("FROM debian\nRUN sudo apt-get install curl\n", encoding="utf-8")
    assert subprocess.run([*command, str(worse)], capture_output=True).returncode == 1


def test_the_image_holds_what_it_copies() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (CLUSTER / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    sent = (CLUSTER / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    for name in " ".join(copied).split():
        assert (ROOT / name).exists() and f"!{name}" in sent, name


def test_the_runtime_environment_is_one_and_leaves_git_out() -> None:
    (env,) = documents(CLUSTER / "runtime_env.yaml")
    assert env.keys() <= RuntimeEnv.known_fields
    RuntimeEnv(**env)
    assert ".git" in env["excludes"]
    RuntimeEnv(**yaml.safe_load(JOB["spec"]["runtimeEnvYAML"]))
    assert json.loads(JOB["spec"]["entrypointResources"]) == {"rlhp_driver": 0.001}


def test_prometheus_takes_its_configuration_and_no_misspelt_one(tmp_path: pathlib.Path) -> None:
    if shutil.which("promtool") is None:
        pytest.skip("Prometheus isn't installed: `make test` installs it as root on Debian")
    file = CLUSTER / "observability" / "prometheus.yml"
    checked = subprocess.run(["promtool", "check", "config", str(file)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    worse = tmp_path / "prometheus.yml"
    worse.write_text(file.read_text(encoding="utf-8").replace("refresh_interval", "refreshinterval"), encoding="utf-8")
    assert subprocess.run(["promtool", "check", "config", str(worse)], capture_output=True).returncode == 1


def test_the_dashboard_draws_metrics_of_the_registry_that_are_on_ray_s_metrics_page() -> None:
    file = CLUSTER / "observability" / "rlhp_ray.json"
    assert file.read_text(encoding="utf-8") == dashboard_text(), "type `make docs`"
    shown = {metric.series for metric in METRICS if metric.prometheus}
    drawn = set(re.findall(r"ray_rlhp_\w+", file.read_text(encoding="utf-8")))
    assert drawn <= shown
    assert len(drawn) >= 20
    panels = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["title"] and panel["description"] and panel["targets"]
    # No two lie on each other.
    places = [panel["gridPos"] for panel in dashboard()["panels"]]
    cells = [(p["x"] + x, p["y"] + y) for p in places for x in range(p["w"]) for y in range(p["h"])]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) == 23


def test_ray_s_dashboard_is_told_of_this_one() -> None:
    head = RAY_CLUSTER["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    settings = {one["name"]: one["value"] for one in head["env"]}
    assert settings["RAY_GRAFANA_DATA_DASHBOARD_UID"] == UID
    assert f"RAY_GRAFANA_DATA_DASHBOARD_UID={UID}" in (CLUSTER / "README.md").read_text(encoding="utf-8")
