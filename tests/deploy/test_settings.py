"""The real binary takes the settings of every sidecar in deploy/, and its own sums agree with the manifests."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from cases import ALL, KUBERNETES, environment, pod, settings, workload
from kustomize import load
from manifests import DEPLOY, sidecar_of
from quantity import quantity, size
from template import process

BINARY = os.environ["SPLASHDAM_BIN"]
MIB = 2**20
PRODUCTION = "kubernetes/overlays/production"
# What the downward API would say.
FIELDS = {"metadata.name": "app-0", "metadata.namespace": "shop"}
CLOWDER = {
    "logging": {
        "type": "cloudwatch",
        "cloudwatch": {
            "accessKeyId": "AKIDEXAMPLE",
            "secretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "region": "us-east-1",
            "logGroup": "clowder-group",
        },
    },
    "metadata": {"name": "app", "envName": "stage"},
    "metricsPort": 9000,
    "metricsPath": "/metrics",
}


def splashdam(*arguments, variables=()):
    """Runs the binary with these variables and no others that could matter: (exit code, stdout, stderr)."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SPLASHDAM_", "ACG_", "POD_"))}
    command = [BINARY, *map(str, arguments)]
    done = subprocess.run(command, env=kept | dict(variables), capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def given(variables):
    """Variables as a container would have them: fields are filled in, optional secrets are missing."""
    found = {}
    for name, value in variables.items():
        if isinstance(value, str):
            found[name] = value
        elif "fieldRef" in value:
            found[name] = FIELDS[value["fieldRef"]["fieldPath"]]
        else:
            assert value["secretKeyRef"]["optional"] is True, name
    return found


def accepted(container):
    """The effective configuration that `check` prints; nothing in the container's settings is unknown or wrong."""
    variables = given(environment(container))
    code, said, warned = splashdam("check", *container.get("args", []), variables=variables)
    assert (code, warned) == (0, ""), warned or said
    for name in variables:
        assert not name.startswith("SPLASHDAM_") or f"from {name}" in said, f"{name} has no effect"
    return said


def clowdapp():
    [template] = load(DEPLOY / "clowder/clowdapp.yaml")
    [app] = process(
        template, ENV_NAME="env-stage", IMAGE="quay.io/x/app", IMAGE_TAG="1", SPLASHDAM_IMAGE="quay.io/x/s:1"
    )
    return app


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_binary_takes_every_setting(name):
    accepted(sidecar_of(pod(name)))


def test_a_misspelt_setting_would_be_seen():
    container = {"env": [{"name": "SPLASHDAM_GROUP", "value": "g"}, {"name": "SPLASHDAM_SPOOL_MAXX", "value": "1GiB"}]}
    with pytest.raises(AssertionError, match="SPLASHDAM_SPOOL_MAXX"):
        accepted(container)


def test_clowders_file_is_all_that_the_slot_needs(tmp_path):
    [deployment] = clowdapp()["spec"]["deployments"]
    [slot] = deployment["podSpec"]["sidecars"]
    file = tmp_path / "cdappconfig.json"
    file.write_text(json.dumps(CLOWDER), encoding="utf-8")
    variables = [{"name": i["name"], "value": str(file)} if i["name"] == "ACG_CONFIG" else i for i in slot["envVars"]]
    said = accepted({"env": variables})
    assert re.search(r'^group = "clowder-group"', said, re.MULTILINE)
    assert re.search(r'^health = "0\.0\.0\.0:13133"', said, re.MULTILINE), "Clowder probes 13133"
    assert "wJalr" not in said
    # As in an ephemeral environment.
    file.write_text(
        json.dumps(
            CLOWDER | {"logging": {"type": "null", "cloudwatch": dict.fromkeys(CLOWDER["logging"]["cloudwatch"], "")}}
        )
    )
    assert (
        splashdam("check", variables=given({i["name"]: i.get("value", i.get("valueFrom")) for i in variables}))[0] == 0
    )


def test_the_clowdapp_has_what_the_slot_allows():
    app = clowdapp()
    assert app["apiVersion"] == "cloud.redhat.com/v1alpha1"
    [deployment] = app["spec"]["deployments"]
    spec = deployment["podSpec"]
    [slot] = spec["sidecars"]
    assert (slot["name"], slot["enabled"]) == ("otel-collector", True)
    assert set(slot) == {"name", "enabled", "image", "envVars", "volumeMounts"}, "neither args nor a command nor ports"
    volumes = {volume["name"] for volume in spec["volumes"]} | {"config-secret"}
    mounts = {mount["name"]: mount["mountPath"] for mount in slot["volumeMounts"]}
    assert set(mounts) <= volumes
    assert {item["name"]: item.get("value") for item in slot["envVars"]}["ACG_CONFIG"].startswith(
        mounts["config-secret"]
    )
    app_mounts = {mount["name"]: mount["mountPath"] for mount in spec["volumeMounts"]}
    assert app_mounts["splashdam-socket"] == mounts["splashdam-socket"]
    socket = {item["name"]: item["value"] for item in spec["env"]}["SPLASHDAM_SOCKET"]
    assert Path(socket).parent == Path(mounts["splashdam-socket"])


def plan(*flags):
    code, said, warned = splashdam("plan", "--bytes", 250, "--growth-per-month", "0%", "--json", *flags)
    assert code == 0, warned
    return json.loads(said)["months"][0]["sidecar"]


def test_resources_are_those_of_the_plan():
    wanted = plan("--records-per-second", 1000, "--outage", 0)
    for name in ALL:
        resources = sidecar_of(pod(name))["resources"]
        assert quantity(resources["requests"]["cpu"]) * 1000 == wanted["cpu_request_millicores"], name
        assert "cpu" not in resources["limits"]
        assert quantity(resources["requests"]["memory"]) == quantity(resources["limits"]["memory"])
        assert quantity(resources["limits"]["memory"]) == wanted["memory_limit_bytes"]


@pytest.mark.parametrize(("name", "outage"), [("kubernetes/overlays/spool-emptydir", "1h"), (PRODUCTION, "4h")])
def test_the_spool_is_that_of_the_plan(name, outage):
    spool = plan("--records-per-second", 100, "--outage", outage)["spool"]
    assert size(settings(name)["SPLASHDAM_SPOOL_MAX"]) == spool["max_bytes"]
    [volume] = [volume for volume in pod(name)["volumes"] if volume["name"] == "splashdam-spool"]
    assert quantity(volume["emptyDir"]["sizeLimit"]) == spool["volume_bytes"]


def test_what_stands_beside_the_spool_is_what_the_plan_adds():
    """The margin that test_pods.py asks for."""
    for outage in ("1h", "4h", "12h"):
        spool = plan("--records-per-second", 100, "--outage", outage)["spool"]
        assert spool["max_bytes"] + 112 * MIB <= spool["volume_bytes"]
    operations = (DEPLOY.parent / "docs/operations.md").read_text(encoding="utf-8")
    beside = re.search(
        r"quarantine \((\d+) MiB.*?spares \((\d+) MiB\).*?dead letter \((\d+) MiB\)", operations, re.DOTALL
    )
    assert sum(map(int, beside.groups())) == 112


def test_the_policy_is_what_check_asks_for():
    """For overlays/production, which is the one to begin with."""
    flags = ["--endpoint-url", "http://127.0.0.1:9", "--connect-timeout", "100ms"]
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
    code, said, warned = splashdam("check", "--remote", *flags, variables=keys | given(settings(PRODUCTION)))
    # Nobody answers there; the policy is told all the same.
    assert code == 1, said + warned
    told = json.loads(said.split("The least policy to ask for:\n", 1)[1])
    assert told == json.loads((KUBERNETES / "iam/policy.json").read_text(encoding="utf-8"))


def test_trust_is_for_this_service_account():
    irsa = json.loads((KUBERNETES / "iam/trust-irsa.json").read_text(encoding="utf-8"))["Statement"][0]
    provider = irsa["Principal"]["Federated"].split("oidc-provider/")[1]
    assert provider.startswith(f"oidc.eks.{settings(PRODUCTION)['AWS_REGION']}.amazonaws.com/")
    namespace, account = workload(PRODUCTION)["metadata"]["namespace"], pod(PRODUCTION)["serviceAccountName"]
    wanted = {f"{provider}:aud": "sts.amazonaws.com", f"{provider}:sub": f"system:serviceaccount:{namespace}:{account}"}
    assert irsa["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert irsa["Condition"] == {"StringEquals": wanted}
    agent = json.loads((KUBERNETES / "iam/trust-pod-identity.json").read_text(encoding="utf-8"))["Statement"][0]
    assert agent["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert agent["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    for name in (PRODUCTION, "kubernetes/overlays/irsa"):
        [annotated] = [resource for resource in ALL[name] if resource["kind"] == "ServiceAccount"]
        [role] = annotated["metadata"]["annotations"].items()
        assert role == ("eks.amazonaws.com/role-arn", "arn:aws:iam::123456789012:role/splashdam")
