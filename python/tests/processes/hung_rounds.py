"""Programs that log in rounds while the sidecar hangs."""

import signal

from process_app import App

ROUNDS = 3


def run_rounds(folder, name, *arguments, hang=None):
    """Runs one, with the sidecar hung in each of its rounds if there is one; gives the program."""
    with App(folder, name, *arguments) as app:
        for k in range(ROUNDS):
            app.line(f"^round {k}")
            if hang:
                hang.send_signal(signal.SIGSTOP)
            (folder / f"round-{k}").touch()
            app.line(f"^after {k}")
            if hang:
                hang.send_signal(signal.SIGCONT)
            (folder / f"after-{k}").touch()
        assert app.end() == 0, app.output()
    for turn in [*folder.glob("round-*"), *folder.glob("after-*")]:
        turn.unlink()
    return app


def told(app, name):
    """The numbers that the program printed behind a name."""
    return [float(line.split()[1]) for line in app.lines if line.startswith(f"{name} ")]
