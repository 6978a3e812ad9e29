"""The database's distance: each query takes so much longer, with the connection held, as if it went over a network."""

import time
from collections.abc import Callable
from typing import Any


class Distance:
    """Wraps the execution of each query (Django's `execute_wrappers`); counts them for the answer."""

    def __init__(self, milliseconds: float) -> None:
        self.seconds = milliseconds / 1000
        self.queries = 0

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        self.queries += 1
        try:
            return execute(sql, params, many, context)
        finally:
            if self.seconds:
                time.sleep(self.seconds)

    def wrap(self, connection: Any, **_: object) -> None:
        """Receives Django's signal `connection_created`."""
        if self not in connection.execute_wrappers:
            connection.execute_wrappers.append(self)
