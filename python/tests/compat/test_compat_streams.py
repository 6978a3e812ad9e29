"""Many streams, many records, and streams that somebody deletes."""

import logging
import threading
import time

import pytest

import splashdam
from harness import Cloud, Emulator, numbers, start_sidecar
from programs import PATIENCE, Moto
from splashdam import _account, _client, _link


def test_a_hundred_thousand_records_over_five_loggers(folder, logger):
    """Watchtower's first test: five loggers, one handler, pauses; here each record is numbered and looked for."""
    with Emulator() as emulator, start_sidecar(folder, emulator.url) as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="all", socket=sidecar.socket)
        loggers = [logging.Logger(f"logger{n}") for n in range(5)]
        for each in loggers:
            each.addHandler(handler)
        n = 0
        for count in (10_000, 9_000, 1_000):
            for _ in range(count):
                for each in loggers:
                    each.error("n=%d", n)
                    n += 1
            assert handler.flush(PATIENCE).reached
        report = handler.flush(PATIENCE, "ended")
        assert n == 100_000 and report.all_delivered and report.delivered == n, report
        marks = emulator.report()["marks"]
        assert (marks["unique"], marks["doubled"], marks["unmarked"]) == (n, 0, 0), marks
        assert handler.stats().lost_total == 0
        handler.close()


def test_the_same_with_moto(folder):
    """The same against an endpoint that others have written: every number once, and in order."""
    with Moto() as moto, start_sidecar(folder, moto.url) as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="all", socket=sidecar.socket)
        logger = logging.Logger("app")
        logger.addHandler(handler)
        for n in range(100_000):
            logger.error("n=%d", n)
        assert handler.flush(PATIENCE, "ended").all_delivered
        found = Cloud(moto.url).numbers("all")
        assert len(found) == 100_000 and set(found.values()) == {1}
        handler.close()


def test_json_unicode_and_sizes_with_moto(folder):
    """Basic delivery, JSON and the limits against moto: names, times and texts as they were logged."""
    with Moto() as moto, start_sidecar(folder, moto.url) as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="{logger_name}", socket=sidecar.socket)
        logger = logging.Logger("my app/ü")
        logger.addHandler(handler)
        long = "🦀" * 65_536 + "x"
        before = int(time.time() * 1000)
        logger.error({"ü": [1, 2]})
        logger.error("umlauts äöü, 漢字, 🦀 \x00 \x1b[31m")
        logger.error("🦀" * 65_536)
        logger.error(long)
        assert handler.flush(PATIENCE, "ended").all_delivered
        events = Cloud(moto.url).events("my app/ü")
        assert all(before <= event["timestamp"] <= time.time() * 1000 for event in events)
        texts = [event["message"] for event in events]
        assert texts[:3] == ['{"\\u00fc": [1, 2]}', "umlauts äöü, 漢字, 🦀 \x00 \x1b[31m", "🦀" * 65_536]
        assert "".join(texts[3:]) == long
        handler.close()


def test_a_stream_is_made_on_emit_and_again_after_it_was_deleted(folder, emulator, cloud):
    """Watchtower's "stream created on emit": no describing, no waiting; and again when somebody deletes it."""
    with start_sidecar(folder, emulator.url) as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="mine", socket=sidecar.socket)
        logger = logging.Logger("app")
        logger.addHandler(handler)
        assert cloud.streams() == []
        for n in range(2):
            logger.error("n=%d", n)
            assert handler.flush(PATIENCE, "ended").all_delivered
            assert cloud.messages("mine") == [f"n={n}"]
            cloud.logs.delete_log_stream(logGroupName="/splashdam/tests", logStreamName="mine")
        cloud.logs.delete_log_group(logGroupName="/splashdam/tests")
        logger.error("n=2")
        assert handler.flush(PATIENCE, "ended").all_delivered
        assert cloud.messages("mine") == ["n=2"]
        handler.close()


def test_more_streams_than_a_process_keeps_open(folder, emulator, cloud, eager):
    """Row "Stream name formatted per record": a bounded number of channels, of which idle ones make room."""
    with start_sidecar(folder, emulator.url, "--create-rate", "1000") as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="{logger_name}", socket=sidecar.socket)
        streams = [f"stream{n}" for n in range(_client.MOST_LINKS + 20)]
        for n, name in enumerate(streams):
            logger = logging.Logger(name)
            logger.addHandler(handler)
            logger.error("n=%d", n)
            if n >= _client.MOST_LINKS - 1:
                assert handler.flush(PATIENCE, "ended").all_delivered
        assert handler.stats().redirected == 0
        assert handler.stats().channels <= _client.MOST_LINKS
        assert {name: cloud.messages(name) for name in streams} == {
            f"stream{n}": [f"n={n}"] for n in range(len(streams))
        }
        assert handler.stats().delivered == len(streams) and handler.stats().adds_up
        handler.close()


def test_more_busy_streams_than_a_process_keeps_open(folder, emulator, cloud, eager):
    """Row "Stream name formatted per record": where all are in use, the default stream takes the rest, counted."""
    emulator.control("faults", {"kind": "unavailable"})
    with start_sidecar(folder, emulator.url, "--backoff-max", "200ms", "--create-rate", "1000") as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="{logger_name}", socket=sidecar.socket)
        most = _client.MOST_LINKS
        for n in range(most + 36):
            logger = logging.Logger(f"stream{n}")
            logger.addHandler(handler)
            logger.error("n=%d", n)
        assert handler.stats().redirected == 36
        emulator.control("faults", method="DELETE")
        assert handler.flush(PATIENCE, "ended").all_delivered
        for n in range(most):
            assert cloud.messages(f"stream{n}") == [f"n={n}"]
        assert numbers(cloud.messages("default")) == dict.fromkeys(range(most, most + 36), 1)
        assert handler.stats().logged == most + 36 and handler.stats().adds_up
        handler.close()


def test_no_room_for_a_stream_is_found_out_once(folder, emulator, monkeypatch, eager):
    """Watchtower's default template has {logger_name}: an app must not pay for its many loggers at each record."""
    looks = []
    leave = _link.Link.leave
    monkeypatch.setattr(_link.Link, "leave", lambda link, **how: looks.append(link) or leave(link, **how))
    monkeypatch.setattr(_client, "ASK_AGAIN_AFTER", 1.0)
    emulator.control("faults", {"kind": "unavailable"})
    with start_sidecar(folder, emulator.url, "--backoff-max", "200ms", "--create-rate", "1000") as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="{logger_name}", socket=sidecar.socket)
        for n in range(_client.MOST_LINKS + 100):
            logger = logging.Logger(f"stream{n}")
            logger.addHandler(handler)
            logger.error("n=%d", n)
        looked = len(looks)
        emulator.control("faults", method="DELETE")
        assert handler.flush(PATIENCE, "ended").all_delivered
        assert handler.stats().redirected == 100
        assert looked < 100 * _client.MOST_LINKS / 4, looked
        handler.close()


@pytest.mark.parametrize("flags", [[], ["--allow", "/other/*:*"]])
def test_a_group_of_its_own(folder, emulator, cloud, flags):
    """Row "log_group_name": another group where the sidecar allows it, else the sidecar's own destination, counted."""
    with start_sidecar(folder, emulator.url, *flags) as sidecar:
        handler = splashdam.CloudWatchLogHandler("/other/app", "s", socket=sidecar.socket)
        logger = logging.Logger("app")
        logger.addHandler(handler)
        logger.error("here")
        assert handler.flush(PATIENCE, "ended").all_delivered
        group, stream = ("/other/app", "s") if flags else ("/splashdam/tests", "default")
        assert cloud.messages(stream, group) == ["here"]
        assert handler.stats().refused == (not flags)
        handler.close()


def test_a_link_that_makes_room_leaves_no_record_behind(folder, emulator, monkeypatch, eager):
    """A record that another thread logs to a stream in the very moment in which it makes room for another one."""
    errors = []
    monkeypatch.setattr(threading, "excepthook", errors.append)
    with start_sidecar(folder, emulator.url) as sidecar:
        client = _client.Client(str(sidecar.socket))
        client.window = 1 << 20
        monkeypatch.setattr(_client, "MOST_LINKS", 1)
        first = client.link("", "first", "")
        leave = first.leave

        def log():
            link = first
            while not link.log(int(time.time() * 1000), b"n=1"):
                link = client.link("", "first", "")

        other = threading.Thread(target=log)

        def leave_and_be_overtaken(**how):
            left = leave(**how)
            other.start()
            other.join(0.5)  # Whoever is right to wait for the lock goes on when this thread is through.
            return left

        monkeypatch.setattr(first, "leave", leave_and_be_overtaken)
        client.link("", "second", "").log(int(time.time() * 1000), b"n=2")
        other.join()
        assert not errors, errors
        assert sum(link.channel.last() for link in client.links.values()) == 2, "the end of the process knows of both"


def retire(link):
    """As `Client.link` does when another stream needs the room."""
    assert link.leave(for_good=True)
    del link.client.links[(link.group, link.stream, link.app)]


def test_a_record_that_was_handed_on_is_flushed_and_counted(folder, emulator, cloud, monkeypatch):
    """Its link makes room for another stream between the call's first step and its last."""
    with start_sidecar(folder, emulator.url) as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="mine", socket=sidecar.socket)
        logger = logging.Logger("app")
        logger.addHandler(handler)
        logger.error("n=0")
        assert handler.flush(PATIENCE, "ended").all_delivered
        hand_over = handler._hand_over

        def overtaken(link, *more):
            retire(link)
            hand_over(link, *more)

        monkeypatch.setattr(handler, "_hand_over", overtaken)
        emulator.control("faults", {"kind": "unavailable", "count": 3})
        logger.error("n=1")
        report = handler.flush(PATIENCE, "ended")
        assert report.all_delivered and report.delivered == 2
        assert cloud.messages("mine") == ["n=0", "n=1"]
        assert handler.stats().logged == 2 and handler.stats().adds_up
        monkeypatch.undo()
        handler.close()


def test_stats_of_two_threads_count_a_retired_link_once(folder, emulator, monkeypatch):
    """One thread asks while another one is about to settle the account of a link that has made room."""
    with start_sidecar(folder, emulator.url) as sidecar:
        handler = splashdam.CloudWatchLogHandler(log_stream_name="{logger_name}", socket=sidecar.socket)
        for n in range(2):
            logger = logging.Logger(f"stream{n}")
            logger.addHandler(handler)
            logger.error("n=%d", n)
        assert handler.flush(PATIENCE, "ended").all_delivered
        retire(next(iter(handler._links.values())))
        other = threading.Thread(target=handler.stats)
        add = _account.add

        def overtaken(*arguments):
            monkeypatch.setattr(_account, "add", add)
            result = add(*arguments)
            other.start()
            other.join(0.5)  # Whoever is right to wait for a lock goes on when this thread is through.
            return result

        errors = []
        monkeypatch.setattr(threading, "excepthook", errors.append)
        monkeypatch.setattr(_account, "add", overtaken)
        assert handler.stats().logged == 2
        other.join()
        assert handler.stats().logged == 2 and not errors
        handler.close()
