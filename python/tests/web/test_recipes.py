"""What the recipes of docs/python.md are copied from runs, before and after the move from Watchtower."""

import os
import sys

from web_servers import HERE, Gunicorn

from harness import Program, start_sidecar, wait_for
from programs import CREDENTIALS, REGION

ROOT = HERE.parents[2]
EXAMPLE = ROOT / "examples" / "django"


def test_the_settings_of_before_are_watchtowers(emulator, cloud):
    """The diff's other side: with the old class path the same settings work with Watchtower itself."""
    program = """
import logging, logging.config, pathlib, sys
text = pathlib.Path(sys.argv[1]).read_text()
settings = {}
exec(text.replace("splashdam.CloudWatchLogHandler", "watchtower.CloudWatchLogHandler"), settings)
logging.config.dictConfig(settings["LOGGING"])
logging.getLogger("orders").info("n=17")
"""
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": emulator.url, "AWS_DEFAULT_REGION": REGION}
    with Program([sys.executable, "-c", program, EXAMPLE / "settings.py"], environment) as watchtower:
        assert watchtower.process.wait(60) == 0, watchtower.output()
    assert cloud.numbers(group="/example/django") == {17: 1}


def test_the_example_runs():
    binary = {"SPLASHDAM_BIN": os.environ["SPLASHDAM_BIN"]}
    with Program([sys.executable, EXAMPLE / "run.py"], binary) as example:
        assert example.process.wait(120) == 0, example.output()
        example.reader.join(60)
    for number in range(1, 7):
        assert [line for line in example.lines if line.endswith(f"orders: order {number} is taken")], example.output()
    assert [line for line in example.lines if "gunicorn.error: Listening at" in line], example.output()


def test_gunicorns_own_words(folder, emulator, cloud):
    """The master logs, too, also after the app's own dictConfig has closed the handler that gunicorn had opened."""
    configuration = ["--config", EXAMPLE / "gunicorn.conf.py", "--timeout", "1"]
    with start_sidecar(folder, emulator.url) as sidecar, Gunicorn(folder, *configuration) as server:
        assert server.get("sleep", first=900_001).status in (None, 500)
        wait_for("gunicorn's word has arrived", lambda: [m for m in cloud.messages() if "WORKER TIMEOUT" in m])
        assert server.stop() == 0
        assert sidecar.stop() == 0, sidecar.output()
    words = cloud.messages("gunicorn")
    assert len([word for word in words if "WORKER TIMEOUT" in word]) == 1
    assert len([word for word in words if "Listening at" in word]) == 1
    assert len([word for word in words if "Shutting down: Master" in word]) == 1
