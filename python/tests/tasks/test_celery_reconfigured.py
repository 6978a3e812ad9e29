"""A second dictConfig while tasks run: with Watchtower it could freeze Celery for ever (its issue 141)."""


def test_a_second_dictconfig_in_a_task_is_quick_and_loses_nothing(site):
    site.start_worker("--concurrency", "2")
    longest = site.run("configure_again", 0, 20)
    # It may wait for the sidecar's word that it has everything, but no longer than `exit_timeout`, which is 2 s.
    assert longest < 10
    assert site.check(range(21)).keys() == set(range(21))
