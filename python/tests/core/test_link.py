"""What a handler says to a sidecar, and what it makes of the answers: delivery, resume, reconnecting."""

import logging
import os

import pytest

from fake import FakeSidecar
from splashdam import _client, _talk


def log(logger, numbers, size=0):
    for number in numbers:
        logger.info("n=%d%s", number, " " + "x" * size if size else "")


def test_a_record_is_written_behind_the_hello_before_any_welcome(logger, sidecar):
    log(logger, [1])
    hello = sidecar.accept()
    assert (hello["oldest"], hello["group"], hello["stream"]) == (1, "", "")
    assert sidecar.texts() == {1: "n=1"}


def test_each_call_writes_its_record_within_the_call(logger, sidecar):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    for number in range(1, 500):
        assert sidecar.texts() == {number: f"n={number}"}
        log(logger, [number + 1])


def test_a_delivered_record_leaves_the_window(logger, sidecar):
    log(logger, range(1, 11))
    sidecar.accept()
    assert logger.handler.stats().pending == 10
    assert logger.handler.stats().window_bytes > 0
    sidecar.welcome()
    sidecar.ack(10, 7, 7, delivered=5, rejected=1, dropped=1)
    logger.handler.flush(timeout=0)
    stats = logger.handler.stats()
    assert (stats.delivered, stats.rejected, stats.dropped, stats.pending) == (5, 1, 1, 3)
    assert stats.adds_up
    sidecar.ack(10, 10, 10, delivered=8, rejected=1, dropped=1)
    logger.handler.flush(timeout=0)
    assert logger.handler.stats().window_bytes == 0


def test_acks_are_read_by_later_calls_alone(logger, sidecar, link):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    for last in range(40, 4000, 40):
        log(logger, range(last - 38, last + 1))
        sidecar.frames()
        sidecar.delivered(link.channel.last())
    assert link.channel.last() > 3000
    assert len(link.channel.sent) < 500


def test_what_is_unacknowledged_is_sent_again_at_the_next_record(logger, sidecar):
    log(logger, range(1, 6))
    first = sidecar.accept()
    sidecar.welcome()
    sidecar.delivered(3)
    sidecar.hang_up()
    log(logger, [6])
    second = sidecar.accept()
    assert second["client_id"] == first["client_id"]
    assert second["oldest"] == 4, "what was said before it hung up is heard"
    assert sidecar.texts() == {4: "n=4", 5: "n=5", 6: "n=6"}
    assert logger.handler.stats().reconnects == 1


def test_a_welcome_that_knows_more_spares_the_sending(logger, sidecar, link):
    log(logger, range(1, 4))
    sidecar.accept()
    sidecar.hang_up()
    link._retry_at = float("inf")
    log(logger, range(4, 7))
    assert [len(link.channel.sent), len(link.channel.unsent)] == [0, 6]
    link._retry_at = 0.0
    log(logger, [7])
    sidecar.accept()
    sidecar.welcome(resume=5, flags=8)
    sidecar.ack(5, 5, 5, delivered=5)
    assert sidecar.texts().keys() == {1, 2, 3, 4, 5, 6, 7}, "nobody waits for the welcome"
    log(logger, [8])
    logger.handler.flush(timeout=0)
    stats = logger.handler.stats()
    assert (stats.delivered, stats.pending) == (5, 3)


def test_a_sidecar_that_forgot_a_safe_record_is_no_loss(logger, sidecar, link):
    """It was delivered, and the sidecar was restarted without a spool."""
    log(logger, range(1, 4))
    sidecar.accept()
    sidecar.welcome()
    sidecar.delivered(2)
    sidecar.hang_up()
    log(logger, [4])
    assert sidecar.accept()["oldest"] == 3
    sidecar.welcome(resume=2)
    logger.handler.flush(timeout=0)
    assert link.channel.mark("ended") == 2, "what has ended has ended, whoever forgets it"
    sidecar.ack(4, 4, 4, delivered=2)
    logger.handler.flush(timeout=0)
    stats = logger.handler.stats()
    assert (stats.delivered, stats.pending, stats.lost) == (4, 0, {})


def test_outcomes_that_a_sidecar_forgot_are_not_counted_twice(logger, sidecar):
    """Attempts end out of order: three had an outcome, one of them below the watermark. The rest is delivered again."""
    log(logger, range(1, 5))
    sidecar.accept()
    sidecar.welcome()
    sidecar.ack(4, 1, 1, delivered=3)
    logger.handler.flush(timeout=0)
    assert logger.handler.stats().delivered == 3
    sidecar.hang_up()
    log(logger, [5])
    assert sidecar.accept()["oldest"] == 2
    sidecar.welcome(resume=1)
    logger.handler.flush(timeout=0)
    assert logger.handler.stats().delivered == 1
    sidecar.ack(5, 5, 5, delivered=4)
    logger.handler.flush(timeout=0)
    stats = logger.handler.stats()
    assert (stats.delivered, stats.pending, stats.adds_up) == (5, 0, True)


def full_window(logger, sidecar, size=1000):
    """More than the window, admitted and not ended, at a sidecar whose durable means ended; gives the last number."""
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    last = 1
    while logger.handler.stats().at_risk == 0:
        last += 1
        log(logger, [last], size)
        sidecar.ack(admitted_to=last)
        sidecar.frames()
        assert last < 20_000
    return last


def test_where_durable_means_ended_a_full_window_lets_go_of_what_is_admitted(logger, sidecar):
    full_window(logger, sidecar)
    stats = logger.handler.stats()
    assert stats.window_bytes <= logger.handler.window
    assert stats.lost == {}
    assert stats.adds_up


def test_records_let_go_of_and_then_forgotten_are_lost_and_told(logger, sidecar):
    last = full_window(logger, sidecar)
    sidecar.hang_up()
    logger.handler.flush(timeout=0)
    oldest = sidecar.accept()["oldest"]
    assert oldest > 1
    sidecar.welcome(resume=oldest - 1)
    logger.handler.flush(timeout=0)
    stats = logger.handler.stats()
    assert stats.lost == {"unconfirmed": oldest - 1}
    assert stats.logged == last
    assert stats.adds_up
    [told] = [frame for frame in sidecar.frames() if frame["type"] == "lost"]
    assert (told["report"], told["count"], told["reason"]) == (1, oldest - 1, "unconfirmed")
    assert 0 < told["from_ms"] <= told["to_ms"]


def test_what_ended_without_a_word_how_is_waited_for_no_longer(logger, sidecar):
    log(logger, range(1, 11))
    sidecar.accept()
    sidecar.welcome()
    # It was killed before it had noted how some of the first six ended; one behind them is counted already.
    sidecar.ack(admitted_to=10, durable_to=10, ended_to=6, delivered=4)
    logger.handler.flush(timeout=0)
    stats = logger.handler.stats()
    assert (stats.lost, stats.pending, stats.adds_up) == ({"unconfirmed": 2}, 4, True)
    sidecar.ack(admitted_to=10, durable_to=10, ended_to=10, delivered=7)
    assert logger.handler.flush(timeout=5)
    stats = logger.handler.stats()
    assert (stats.lost, stats.delivered, stats.adds_up) == ({"unconfirmed": 3}, 7, True)


def test_records_let_go_of_that_the_sidecar_says_it_has_not_are_lost(logger, sidecar):
    full_window(logger, sidecar)
    sidecar.hang_up()
    logger.handler.flush(timeout=0)
    oldest = sidecar.accept()["oldest"]
    sidecar.welcome(resume=0, flags=8)
    logger.handler.flush(timeout=0)
    assert logger.handler.stats().lost == {"sidecar_lost": oldest - 1}


def test_a_report_is_sent_again_until_it_is_confirmed(logger, sidecar, link):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    link.channel.losses.add("queue_full", 3, (5, 9))
    logger.handler.flush(timeout=0)
    told = {"type": "lost", "report": 1, "count": 3, "from_ms": 5, "to_ms": 9, "reason": "queue_full"}
    assert told in sidecar.frames()
    sidecar.hang_up()
    logger.handler.flush(timeout=0)
    sidecar.accept()
    sidecar.welcome()
    logger.handler.flush(timeout=0)
    assert told in sidecar.frames()
    sidecar.ack(1, 1, 1, delivered=1, lost_to=1)
    logger.handler.flush(timeout=0)
    assert link.channel.losses.reports == []
    sidecar.hang_up()
    log(logger, [2])
    sidecar.accept()
    sidecar.welcome(resume=1, flags=8)
    logger.handler.flush(timeout=0)
    assert [frame["type"] for frame in sidecar.frames()] == ["records", "flush"]


def test_a_draining_sidecar_is_written_nothing_and_its_successor_all(logger, sidecar):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    sidecar.say(type="draining", deadline_ms=1000)
    logger.handler.flush(timeout=0)
    sidecar.frames()
    log(logger, [2, 3])
    assert sidecar.frames() == []
    sidecar.hang_up()
    log(logger, [4])
    sidecar.accept()
    assert list(sidecar.texts()) == [1, 2, 3, 4]


@pytest.mark.parametrize("code", range(1, 9))
def test_an_error_ends_the_connection_and_nothing_else(logger, sidecar, link, code):
    log(logger, [1])
    sidecar.accept()
    sidecar.say(type="error", code=code, text="for a reason")
    logger.handler.flush(timeout=0)
    assert link.pipe is None or link.connections == 2
    link._retry_at = 0.0
    log(logger, [2])
    sidecar.accept()
    assert list(sidecar.texts()) == [1, 2]


@pytest.mark.parametrize("nonsense", [b"HTTP/1.1 400 Bad Request\r\n", b"\0\0\0\0", b"\x39\0\0\0\x82\0"])
def test_nonsense_ends_the_connection_and_nothing_else(logger, sidecar, link, nonsense):
    log(logger, [1])
    sidecar.accept()
    sidecar.connection.sendall(nonsense)
    sidecar.hang_up()
    logger.handler.flush(timeout=0)
    link._retry_at = 0.0
    log(logger, [2])
    sidecar.accept()
    assert list(sidecar.texts()) == [1, 2]


def test_a_later_version_of_the_sidecar_is_not_spoken_to(logger, sidecar, link):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome(version=2)
    logger.handler.flush(timeout=0)
    assert link.pipe is None
    assert "version 2" in link.problem()


def test_a_second_welcome_changes_nothing(logger, sidecar):
    log(logger, [1, 2])
    sidecar.accept()
    sidecar.welcome()
    sidecar.welcome(resume=2, flags=8)
    logger.handler.flush(timeout=0)
    assert logger.handler.stats().pending == 2


def test_a_silent_sidecar_is_taken_for_hung(logger, sidecar, link, monkeypatch):
    monkeypatch.setattr(_talk, "HUNG_AFTER", 0.0)
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    while link.connections == 1:  # Hears the welcome; hears nothing; again.
        logger.handler.flush(timeout=0)
    monkeypatch.undo()
    log(logger, [2])
    assert sidecar.accept()["oldest"] == 1
    assert sidecar.texts().keys() >= {1, 2}


def test_a_sidecar_that_owes_nothing_may_be_silent(logger, sidecar, link, monkeypatch):
    monkeypatch.setattr(_talk, "HUNG_AFTER", 0.0)
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    sidecar.delivered(1)
    for _ in range(5):
        logger.handler.flush(timeout=0)
    assert link.connections == 1


def test_a_long_text_goes_in_parts_that_the_sidecar_takes(logger, sidecar):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome(max_record=1000)
    logger.handler.flush(timeout=0)
    sidecar.frames()
    text = "€" * 1000
    logger.info(text)
    parts = sidecar.texts()
    assert "".join(parts.values()) == text
    assert [len(part.encode()) for part in parts.values()] == [999, 999, 999, 3]
    stats = logger.handler.stats()
    assert (stats.split, stats.logged) == (3, 5)


def test_a_frame_over_64_kib_waits_for_the_welcome(logger, sidecar):
    text = "x" * 200_000
    logger.info(text)
    sidecar.accept()
    assert sidecar.texts() == {}
    sidecar.welcome()
    logger.handler.flush(timeout=0)
    assert sidecar.texts() == {1: text}


def test_a_new_sidecar_that_takes_less_gets_the_text_in_parts(logger, sidecar):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    logger.handler.flush(timeout=0)
    sidecar.hang_up()
    logger.info("é" * 100_000)
    log(logger, [2])
    sidecar.accept()
    sidecar.welcome(max_record=1001)
    logger.handler.flush(timeout=0)
    found = list(sidecar.texts().values())
    assert "".join(found) == "n=1" + "é" * 100_000 + "n=2"
    assert {len(text) for text in found} == {3, 500}
    stats = logger.handler.stats()
    assert (stats.split, stats.logged, stats.adds_up) == (199, 202, True)
    log(logger, [3])
    assert list(sidecar.texts()) == [203]


def test_a_refused_destination_is_told_of(logger, sidecar, capfd):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome(flags=2)
    logger.handler.flush(timeout=0)
    assert logger.handler.stats().refused == 1
    assert capfd.readouterr().err.count("--allow") == 1


def test_a_user_that_may_not_connect_keeps_its_records_and_calls_again_with_patience(logger, sidecar, path):
    log(logger, [1])
    sidecar.accept()
    sidecar.say(type="error", code=9, text="user 5 may not connect; see the sidecar's --allow-uids")
    sidecar.hang_up()
    logger.handler.flush(timeout=0)
    (link,) = _client._clients[str(path)].links.values()
    assert link._backoff.failures > 7, "the next wait is one of up to 5 s"
    assert "--allow-uids" in link._problem
    assert (logger.handler.stats().pending, logger.handler.stats().lost) == (1, {})


def test_two_handlers_of_one_destination_share_a_connection(logger, sidecar, path):
    import splashdam

    second = splashdam.Handler(socket=path, max_wait=0.0)
    logger.addHandler(second)
    log(logger, [1])
    sidecar.accept()
    assert sidecar.texts() == {1: "n=1", 2: "n=1"}
    assert second.stats() == logger.handler.stats()


def test_what_a_sidecar_that_is_gone_had_in_memory_is_not_admitted(logger, sidecar, link):
    log(logger, range(1, 4))
    sidecar.accept()
    sidecar.welcome()
    sidecar.ack(admitted_to=3)
    assert logger.handler.flush(timeout=0, level="admitted").reached
    link._backoff.failures, link._backoff.next = 1, lambda: 1e9
    sidecar.hang_up()
    assert not logger.handler.flush(timeout=0, level="admitted").reached
    assert logger.handler.stats().unsent == 3
    link._retry_at = 0.0
    logger.handler.flush(timeout=0)
    sidecar.accept()
    sidecar.welcome(resume=3, flags=8)
    assert logger.handler.flush(timeout=0, level="admitted").reached


def test_a_half_written_record_is_not_the_kernels(logger, sidecar, link):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    logger.handler.flush(timeout=0)
    while not link.channel.unsent:
        log(logger, [2], size=3000)
    assert link.pipe.unwritten(link.channel.sent) == 1
    stats = logger.handler.stats()
    whole = [frame for frame in sidecar.frames() if frame["type"] == "records"]
    assert stats.unsent == stats.logged - len(whole)


def again(logger, link):
    """Notices that the connection has gone, and makes the next one at once."""
    logger.handler.flush(timeout=0)
    link._retry_at = 0.0
    logger.handler.flush(timeout=0)


def test_a_connection_lost_within_a_record_costs_nothing(logger, sidecar, link):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    logger.handler.flush(timeout=0)
    last = 1
    while not link.channel.unsent:
        last += 1
        log(logger, [last], size=3000)
    assert link.pipe.unwritten(link.channel.sent) == 1
    whole = len([frame for frame in sidecar.frames() if frame["type"] == "records"])
    assert whole < last
    sidecar.hang_up()
    again(logger, link)
    assert sidecar.accept()["oldest"] == 1
    sidecar.welcome()
    found = {}
    while last not in found:
        logger.handler.flush(timeout=0)
        found.update(sidecar.texts())
    assert {number: text.split()[0] for number, text in found.items()} == {n: f"n={n}" for n in range(1, last + 1)}
    sidecar.delivered(last)
    assert logger.handler.flush(timeout=0).reached
    assert logger.handler.stats().adds_up


def test_a_sidecar_whose_path_another_one_has_taken_is_kept_as_long_as_it_lives(logger, sidecar, link, path):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    with FakeSidecar(path.with_name("new")) as other:
        path.unlink()
        os.link(other.path, path)
        log(logger, [2])
        assert sidecar.texts() == {1: "n=1", 2: "n=2"}
        sidecar.delivered(1)
        logger.handler.flush(timeout=0)
        sidecar.hang_up()
        again(logger, link)
        assert other.accept()["oldest"] == 2
        other.welcome(resume=1)
        log(logger, [3])
        assert other.texts() == {2: "n=2", 3: "n=3"}
        other.ack(3, 3, 3, delivered=2)
        assert logger.handler.flush(timeout=0).reached
        assert logger.handler.stats().adds_up


def test_a_closed_handler_opens_again(logger, sidecar):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    sidecar.delivered(1)
    logger.handler.close()
    assert [frame["type"] for frame in sidecar.frames()][-1] == "bye"
    log(logger, [2])
    assert sidecar.accept()["oldest"] == 2
    assert sidecar.texts() == {2: "n=2"}
    sidecar.welcome(resume=1, flags=8)
    sidecar.ack(2, 2, 2, delivered=2)
    logger.handler.flush(timeout=0)
    assert logger.handler.stats().delivered == 2


def test_closing_does_not_take_leave_of_a_sidecar_that_still_owes_an_answer(logger, sidecar, link):
    log(logger, [1])
    sidecar.accept()
    sidecar.welcome()
    sidecar.ack(admitted_to=1)
    logger.handler.close()
    assert link.pipe is not None
    assert "bye" not in {frame["type"] for frame in sidecar.frames()}


def test_a_disabled_handler_does_nothing(path, monkeypatch):
    import splashdam

    monkeypatch.setenv("SPLASHDAM_DISABLED", "1")
    handler = splashdam.CloudWatchLogHandler(socket=path)
    handler.handle(logging.makeLogRecord({"msg": object()}))
    assert handler.flush(1) == splashdam.FlushReport("admitted", True, False, 0, 0, 0, 0, 0, 0)
    assert handler.stats() == splashdam.Stats()
