"""The report as a reader meets it: made by `splashdam-bench report`, opened in Chromium, wide and on a phone.

`synthetic.json` was made for this test by the crate's own tests (`benches/src/report/sample.rs`); nothing in it was
measured. SPLASHDAM_RESULTS may name real results instead.
"""

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from browser import look

HERE = Path(__file__).parent
RESULTS = Path(os.environ.get("SPLASHDAM_RESULTS") or HERE / "synthetic.json")
SIDECAR = Path(os.environ.get("SPLASHDAM_BIN") or HERE.parents[1] / "target/debug/splashdam")
WIDE, PHONE = 1280, 390
# Rounding of coordinates, and letters that reach a little beyond their line.
SLACK = 1.5


@pytest.fixture(scope="session")
def page(tmp_path_factory):
    program = SIDECAR.with_name("splashdam-bench")
    assert program.exists(), f"{program} is missing: cargo build -p splashdam-bench"
    page = tmp_path_factory.mktemp("report") / "report.html"
    done = subprocess.run([program, "report", RESULTS, "--html", page], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return page


@pytest.fixture(scope="session", params=[WIDE, PHONE], ids=["wide", "phone"])
def seen(request, page, tmp_path_factory):
    return look(page, tmp_path_factory.mktemp("chromium"), request.param)


def inside(box, other, slack=SLACK):
    return (
        box["left"] >= other["left"] - slack
        and box["top"] >= other["top"] - slack
        and box["right"] <= other["right"] + slack
        and box["bottom"] <= other["bottom"] + slack
    )


def overlap(a, b):
    """Of so many pixels each way, a pair of letters' margins apart."""
    across = min(a["right"], b["right"]) - max(a["left"], b["left"])
    down = min(a["bottom"], b["bottom"]) - max(a["top"], b["top"])
    return across > 2 * SLACK and down > 0.35 * min(a["bottom"] - a["top"], b["bottom"] - b["top"])


def test_every_plot_has_marks(seen):
    assert seen.facts["figures"]
    for figure in seen.facts["figures"]:
        svg = figure["svg"]
        assert svg and svg["right"] - svg["left"] > 200, figure["id"]
        assert svg["bottom"] - svg["top"] > 100, figure["id"]
        visible = [
            mark
            for mark in figure["marks"]
            if max(mark["box"]["right"] - mark["box"]["left"], mark["box"]["bottom"] - mark["box"]["top"]) > 0.5
            and float(mark["opacity"] or 1) > 0.1
        ]
        assert len(visible) >= 2, f"{figure['id']}: {len(visible)} marks"
        assert all(inside(mark["box"], svg) for mark in visible), figure["id"]


def test_texts_of_plots_lie_inside_and_apart(seen):
    for figure in seen.facts["figures"]:
        texts = [text for text in figure["texts"] if text["text"].strip()]
        # Ticks, the names of both axes, and of a line at least.
        assert len(texts) >= 5, figure["id"]
        for text in texts:
            assert inside(text["box"], figure["svg"]), f"{figure['id']}: {text['text']!r} leaves the plot"
        for index, text in enumerate(texts):
            for other in texts[index + 1 :]:
                assert not overlap(text["box"], other["box"]), f"{figure['id']}: {text['text']!r} on {other['text']!r}"


def test_every_plot_is_described(seen):
    for figure in seen.facts["figures"]:
        assert figure["role"] == "img", figure["id"]
        assert len(figure["label"]) > 40, figure["id"]
        assert len(figure["caption"]) > 40, figure["id"]
    ids = [figure["id"] for figure in seen.facts["figures"]]
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded_and_nothing_fails(seen):
    assert seen.facts["loaded"] == []
    assert seen.facts["outside"] == []
    assert seen.console == []
    assert seen.facts["scripts"] == 0


def test_the_page_fits_its_width(seen):
    assert seen.facts["contents"] <= seen.facts["width"]


def test_the_headline_comes_first_and_links_lead_somewhere(seen):
    facts = seen.facts
    assert facts["headline"]
    assert facts["text"].index(facts["headline"][:40]) < facts["text"].index("What each mode pays")
    assert facts["links"]
    assert all(facts["links"])
    assert all(rows >= 2 for rows in facts["tables"])


def test_the_download_is_what_was_measured(seen):
    kind, data = seen.facts["download"].split(",", 1)
    assert kind == "data:application/json;base64"
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    downloaded = json.loads(base64.b64decode(data, validate=True))
    assert downloaded == json.loads(seen.facts["embedded"])
    for part in ("api", "tasks", "load", "sweeps", "recoveries", "soaks", "skipped"):
        assert len(downloaded[part]) == len(results.get(part, []))
    for mine, theirs in zip(downloaded["api"], results["api"], strict=True):
        assert mine["latency"]["buckets"] == theirs["latency"]["buckets"]
    assert downloaded["machine"] == results["machine"]


@pytest.mark.skipif(RESULTS.name != "synthetic.json", reason="real results have no such names")
def test_names_of_shippers_stay_text(seen):
    assert "<script>alert(1)</script> shipper" in seen.facts["text"]
    assert "<script>alert(2)</script>" in seen.facts["text"]


def test_the_checks_find_what_they_look_for(tmp_path):
    """A page that loads, complains, overflows, and draws nothing is not taken for a good one."""
    bad = tmp_path / "bad.html"
    bad.write_text(
        "<!DOCTYPE html><title>bad</title><body><p class=headline>x</p><img src='missing.png'><img src='http://127.0.0.1:9/none.png'>"
        "<script>console.error('oh')</script><div style='width:3000px'>x</div><figure id=f><h3>t</h3>"
        "<svg viewBox='0 0 100 50' width=100 height=50><text x=90 y=20>far outside</text><text x=91 y=20>on it</text>"
        "<line x1=0 y1=0 x2=9 y2=9 stroke='#E4E7EC'/></svg><figcaption></figcaption></figure>",
        encoding="utf-8",
    )
    seen = look(bad, tmp_path, WIDE)
    assert seen.facts["outside"] == ["missing.png", "http://127.0.0.1:9/none.png"]
    assert seen.facts["loaded"] == ["http://127.0.0.1:9/none.png"]
    assert seen.console
    assert seen.facts["scripts"] == 1
    assert seen.facts["contents"] > seen.facts["width"]
    (figure,) = seen.facts["figures"]
    assert figure["marks"] == []
    first, second = figure["texts"]
    assert overlap(first["box"], second["box"])
    assert not inside(first["box"], figure["svg"])
