"""Alerts and dashboard name metrics and labels that a sidecar exposes, and alerts fire when they should."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from cases import ALL, workload
from exposed import scrape
from kustomize import load, render
from manifests import DEPLOY, template_of
from promql import names

[RULES] = load(DEPLOY / "monitoring/rules.yaml")
DASHBOARD = json.loads((DEPLOY / "monitoring/dashboard/splashdam.json").read_text(encoding="utf-8"))
SCENARIOS = Path(__file__).with_name("scenarios.yaml")
ALERTS = {rule["alert"]: rule for group in RULES["spec"]["groups"] for rule in group["rules"]}
# What Prometheus and the PodMonitor put on every series.
OF_TARGET = {"namespace", "pod", "container", "job", "instance", "endpoint"}
OF_PROMETHEUS = {"up"}
VARIABLES = {"$namespace": ".*", "$pod": ".*", "$log_group": ".*", "$__range": "3h", "$__rate_interval": "5m"}


def promtool(*arguments):
    beside = str(Path(sys.executable).parent)
    program = os.environ.get("PROMTOOL") or shutil.which("promtool", path=f"{beside}:{os.environ['PATH']}")
    assert program, "promtool is missing; tests/venv fetches it, or name one in PROMTOOL"
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def exposed(tmp_path_factory):
    return scrape(tmp_path_factory.mktemp("s"))


def targets():
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def variable_queries():
    """The dashboard's `label_values(METRIC, LABEL)`."""
    queries = [item["query"]["query"] for item in DASHBOARD["templating"]["list"] if item["type"] == "query"]
    return [re.fullmatch(r"label_values\((.*), (\w+)\)", query).groups() for query in queries]


def check(expression, exposed):
    """Each metric of the expression is exposed, with each label of a matcher and each value that it asks for."""
    metrics, listed = names(expression)
    assert metrics, expression
    known = set(OF_TARGET)
    for metric, labels in metrics.items():
        assert metric in exposed or metric in OF_PROMETHEUS, f"{metric} is not exposed: {expression}"
        own = exposed.get(metric, {})
        known |= set(own)
        assert labels <= set(own) | OF_TARGET, f"{metric} has no label {labels - set(own)}: {expression}"
        for label, value in re.findall(rf'{metric}\{{[^}}]*?(\w+)="([^"]+)"', expression):
            assert value in own[label], f"{metric} never has {label}={value}: {expression}"
    assert listed <= known, f"nothing has the labels {listed - known}: {expression}"


@pytest.mark.parametrize("alert", ALERTS)
def test_alerts_name_what_is_exposed(alert, exposed):
    check(ALERTS[alert]["expr"], exposed)


@pytest.mark.parametrize("expression", targets())
def test_the_dashboard_names_what_is_exposed(expression, exposed):
    check(expression, exposed)


def test_the_dashboards_variables_name_what_is_exposed(exposed):
    assert len(variable_queries()) == 3
    for metric, label in variable_queries():
        check(metric, exposed)
        assert label in set(exposed[next(iter(names(metric)[0]))]) | OF_TARGET


def test_a_wrong_name_would_be_seen(exposed):
    for wrong in (
        "rate(splashdam_records_taken_total[5m])",
        'splashdam_lanes{log_group="x"}',
        'splashdam_connections{kind="udp"}',
        "sum by (stream) (splashdam_lanes)",
    ):
        with pytest.raises(AssertionError):
            check(wrong, exposed)


def test_the_dashboard_is_one():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) == len({panel["title"] for panel in panels})
    used = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24
        assert not cells & used, f"{panel['title']} lies on another"
        used |= cells
    names_of = {f"${item['name']}" for item in DASHBOARD["templating"]["list"]}
    asked = {found for text in targets() for found in re.findall(r"\$\w+", text)}
    assert asked <= names_of | set(VARIABLES), asked


def test_who_watches_is_no_part_of_an_app():
    """Two apps of a namespace would own the same objects, and two namespaces dashboards of one uid."""
    assert [resource["kind"] for resource in render(DEPLOY / "monitoring")] == ["PodMonitor", "PrometheusRule"]
    [dashboard] = render(DEPLOY / "monitoring/dashboard")
    assert json.loads(dashboard["data"]["splashdam.json"]) == DASHBOARD
    kinds = {resource["kind"] for resources in ALL.values() for resource in resources}
    assert not {"PodMonitor", "PrometheusRule", "ConfigMap"} & kinds


def test_promtool_takes_every_expression(tmp_path):
    """The dashboard's too, as recording rules, with its variables filled in."""
    filled = []
    for text in targets():
        for variable, value in VARIABLES.items():
            text = re.sub(re.escape(variable) + r"\b", value, text)
        filled.append({"record": f"panel:{len(filled)}", "expr": text})
    for name, groups in (("alerts", RULES["spec"]["groups"]), ("panels", [{"name": "panels", "rules": filled}])):
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
        code, said = promtool("check", "rules", file)
        assert code == 0, said


def test_alerts_have_all_their_parts():
    for name, rule in ALERTS.items():
        assert name.startswith("Splashdam")
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}


def test_alerts_fire_when_they_should_and_only_then(tmp_path):
    shutil.copy(SCENARIOS, tmp_path / "scenarios.yaml")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": RULES["spec"]["groups"]}), encoding="utf-8")
    code, said = promtool("test", "rules", tmp_path / "scenarios.yaml")
    assert code == 0, said


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_that_never_fires_would_be_seen(alert, tmp_path):
    groups = copy.deepcopy(RULES["spec"]["groups"])
    for rule in (rule for group in groups for rule in group["rules"] if rule["alert"] == alert):
        rule["expr"] = f"({rule['expr']}) and on () (vector(0) > 1)"
    shutil.copy(SCENARIOS, tmp_path / "scenarios.yaml")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    code, said = promtool("test", "rules", tmp_path / "scenarios.yaml")
    assert code != 0
    assert alert in said


def test_every_alert_has_a_time_to_fire_and_one_to_be_silent():
    [scenarios] = load(SCENARIOS)
    cases = [case for test in scenarios["tests"] for case in test["alert_rule_test"]]
    loud = {case["alertname"] for case in cases if case.get("exp_alerts")}
    silent = {case["alertname"] for case in cases if not case.get("exp_alerts")}
    assert loud == silent == set(ALERTS)


def test_the_pod_monitor_finds_the_port():
    [monitor] = load(DEPLOY / "monitoring/podmonitor.yaml")
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert set(monitor["spec"]) == {"selector", "podMetricsEndpoints"}
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    assert set(endpoint) == {"port", "path", "interval", "scrapeTimeout"}
    assert endpoint["path"] == "/metrics"
    template = template_of(workload("kubernetes/deployment"))
    assert monitor["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    assert endpoint["port"] in [port["name"] for port in template["spec"]["initContainers"][0]["ports"]]
    job = re.search(r'job=~"([^"]*)"', ALERTS["SplashdamUnreachable"]["expr"])[1]
    assert re.fullmatch(job, f"shop/{monitor['metadata']['name']}")


def test_clowders_pod_monitor_makes_up_for_the_port():
    [monitor] = load(DEPLOY / "clowder/podmonitor.yaml")
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    assert not {"port", "targetPort", "portNumber"} & set(endpoint)
    keep, replace = endpoint["relabelings"]
    assert (keep["action"], keep["regex"]) == ("keep", "otel-collector")
    assert (replace["targetLabel"], replace["replacement"]) == ("__address__", "$1:13133")
