"""What is refused, and `versions`."""

import json

import pytest

from workloads.__main__ import main

API = ["api", "--database", "none.sqlite"]


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ([*API, "--mode", "splashdam"], "needs --socket"),
        ([*API, "--mode", "shipper"], "needs --socket"),
        ([*API, "--mode", "sync"], "needs --endpoint-url"),
        (["tasks", "--mode", "queue", "--endpoint-url", "http://127.0.0.1:1"], "needs AWS_ACCESS_KEY_ID"),
    ],
)
def test_what_cannot_be_run_is_said(flags, complaint, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(flags)
    assert complaint in str(ended.value.code)


@pytest.mark.parametrize(
    "flags",
    [
        ["tasks", "--mode", "null", "--workers", "0"],
        ["tasks", "--mode", "null", "--bytes", "63"],
        ["tasks", "--mode", "null", "--task-ms", "-1"],
        ["tasks", "--mode", "watchtower"],
        [*API, "--mode", "null", "--downstream", "http://127.0.0.1:1"],
    ],
)
def test_values_out_of_bounds_are_refused(flags, capsys):
    with pytest.raises(SystemExit) as ended:
        main(flags)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_versions_are_json(capsys):
    assert main(["versions"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"python", "django", "gunicorn", "celery", "redis", "redis-py", "boto3", "watchtower"}
    assert all(version[0].isdigit() for version in found.values())
