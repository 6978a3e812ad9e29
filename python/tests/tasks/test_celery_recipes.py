"""Every snippet of Celery's recipes stands in the file that it names, letter by letter; other tests run that file."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
RECIPES = ROOT / "docs" / "python-recipes-celery.md"
FROM = re.compile(r"From\s+\[`([^`]+)`\]")
BLOCK = re.compile(r"```(python|diff)\n(.*?)```", re.DOTALL)


def snippets():
    """The language and text of each, and the file that the text before it names."""
    text, end = RECIPES.read_text(), 0
    for block in BLOCK.finditer(text):
        names = FROM.findall(text[end : block.start()])
        yield pytest.param(block[1], block[2], names[-1] if names else None, id=block[2].strip().splitlines()[0])
        end = block.end()


@pytest.mark.parametrize(("language", "snippet", "name"), list(snippets()))
def test_snippet_is_what_the_file_has(language, snippet, name):
    assert name, "it does not say where it is from"
    if language == "diff":
        snippet = "".join(line[1:] for line in snippet.splitlines(keepends=True) if not line.startswith("-"))
    assert snippet in (ROOT / name).read_text()
