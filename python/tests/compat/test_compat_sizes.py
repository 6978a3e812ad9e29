"""Long texts: byte-exact at the limits, between characters, nothing lost unless `max_message_size` asks for it."""

import warnings

import pytest

import splashdam
from harness import start_sidecar

#: The longest record of a sidecar that was not told otherwise, in bytes.
LONGEST = 262_144
#: What CloudWatch adds to the size of each event, in bytes.
OVERHEAD = 26


@pytest.mark.parametrize("size", [LONGEST - OVERHEAD, LONGEST - 1, LONGEST])
def test_a_text_up_to_the_limit_arrives_whole(side, logger, stream, size):
    """Row "wrong byte counts (PR 112, 181)": byte-exact, tested at the limit."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    text = "x" * (size - 2) + "é"
    logger.info(text)
    assert side.arrived(handler, stream) == [text]
    assert (handler.stats().split, handler.stats().truncated) == (0, 0)


@pytest.mark.parametrize("character", ["x", "é", "漢", "🦀"])
@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_a_longer_text_is_split_between_characters(side, logger, stream, character, shift):
    """Row "wrong byte counts (PR 112, 181)": the cut falls at every place within a character of 1 to 4 bytes."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    text = "." * shift + character * (LONGEST // len(character.encode()) + 1)
    logger.info(text)
    parts = side.arrived(handler, stream)
    assert len(parts) == 2 and sorted(map(len, parts), reverse=True) == list(map(len, parts))
    assert "".join(parts) == text
    assert LONGEST - 3 <= len(parts[0].encode()) <= LONGEST
    assert handler.stats().split == 1


def test_a_text_of_a_megabyte_arrives(side, logger, stream):
    """Row "Oversize": Watchtower cuts it at 262,118 bytes; here nothing is lost unless that is asked for."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    text = "🦀é漢x" * 100_000
    logger.info(text)
    assert "".join(side.arrived(handler, stream)) == text


def test_batches_of_texts_at_the_limit_are_never_too_large(side, logger, stream):
    """Row "wrong byte counts (PR 112, 181)": the endpoint refuses a batch with one byte too many; none came."""
    handler = side.handler(stream)
    logger.addHandler(handler)
    texts = [f"{n:02}" + "é" * ((LONGEST - OVERHEAD - 2) // 2) for n in range(12)]
    for text in texts:
        logger.info(text)
    assert sorted(side.arrived(handler, stream)) == texts
    assert side.emulator.report()["violations"]["total"] == 0


@pytest.mark.parametrize("character", ["x", "é", "漢", "🦀"])
@pytest.mark.parametrize("limit", [1000, LONGEST])
def test_max_message_size_cuts_between_characters(side, logger, stream, character, limit):
    """Row "Oversize: cut at `max_message_size` if set, counted": 26 bytes less, as in Watchtower, and warned about."""
    handler = side.handler(stream, max_message_size=limit)
    logger.addHandler(handler)
    with pytest.warns(splashdam.SplashdamWarning, match="cut"):
        logger.info(character * limit)
    logger.info("short")
    whole = (limit - OVERHEAD) // len(character.encode())
    assert side.arrived(handler, stream) == [character * whole, "short"]
    assert handler.stats().truncated == 1


@pytest.mark.parametrize("below", [0, 1, 25])
def test_what_fits_is_not_called_cut(side, logger, stream, below):
    """Row "wrong byte counts": up to `max_message_size - 26` bytes nothing is cut, so nothing is counted or said."""
    handler = side.handler(stream, max_message_size=1000)
    logger.addHandler(handler)
    text = "x" * (1000 - OVERHEAD - below)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        logger.info(text)
    assert side.arrived(handler, stream) == [text]
    assert (len(caught), handler.stats().truncated) == (0, 0)


def test_surrogates_are_measured_as_they_are_written(side, logger, stream):
    """Row "wrong byte counts": what arrives is never longer than was asked for."""
    handler = side.handler(stream, max_message_size=100)
    logger.addHandler(handler)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logger.info("\ud800" * 40)
    (text,) = side.arrived(handler, stream)
    assert len(text.encode()) <= 100 - OVERHEAD


def test_a_subclass_that_measures_and_cuts(side, logger, stream):
    """Row "overridable `_size`, `_truncate`": called with what Watchtower calls them with."""
    calls = []

    class Own(splashdam.CloudWatchLogHandler):
        def _size(self, msg):
            calls.append(sorted(msg))
            return len(msg["message"])

        def _truncate(self, msg, max_size):
            calls.append(max_size)
            return {**msg, "message": msg["message"][:5] + "…"}

    handler = Own(log_stream_name=stream, socket=side.socket, max_message_size=100)
    logger.addHandler(handler)
    logger.info("a text of more than seventy-four characters, which is what a hundred less the overhead are")
    logger.info("short")
    assert side.arrived(handler, stream) == ["a tex…", "short"]
    assert calls == [["message", "timestamp"], 100 - OVERHEAD, ["message", "timestamp"]]
    assert handler.stats().truncated == 1


def test_a_subclass_that_cuts_at_watchtowers_default(side, logger, stream):
    """Row "overridable `_truncate`": Watchtower calls it beyond 262,118 bytes although nobody set a size."""

    class Own(splashdam.CloudWatchLogHandler):
        def _truncate(self, msg, max_size):
            return {**msg, "message": f"cut at {max_size}"}

    handler = Own(log_stream_name=stream, socket=side.socket)
    logger.addHandler(handler)
    logger.info("x" * LONGEST)
    assert side.arrived(handler, stream) == ["cut at 262118"]


def test_cutting_warns_once_where_warnings_are_logged(side, run_app, stream):
    """Row "botocore recursion, endless hang (65, 93, 115)": a warning about a record becomes such a record itself."""
    code = """if True:
        import logging, splashdam, sys
        logging.captureWarnings(True)
        handler = splashdam.CloudWatchLogHandler(log_stream_name=sys.argv[1], max_message_size=40)
        logging.getLogger().addHandler(handler)
        logging.getLogger("app").warning("x" * 100)
        logging.getLogger("app").warning("after")
        assert handler.flush(60, "ended").all_delivered
    """
    done = run_app(code, stream, flags=["-W", "always"])
    assert done.returncode == 0, done.stderr
    messages = side.cloud.messages(stream)
    assert messages[-1] == "after"
    assert len(messages) <= 3, "the text, the warning about it, and what came after"


def test_a_sidecar_that_takes_only_shorter_records(folder, emulator, cloud, logger, stream):
    """Row "Oversize": with `--max-record 64KiB` nothing of the first text is lost either."""
    with start_sidecar(folder, emulator.url, "--max-record", "64KiB") as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name=stream, socket=sidecar.socket)
        logger.addHandler(handler)
        text = "🦀" * 50_000
        logger.info(text)
        assert handler.flush(60, "ended").all_delivered
        assert "".join(cloud.messages(stream)) == text
