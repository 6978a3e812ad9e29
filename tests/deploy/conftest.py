"""What the tests share. See ../interop/stage.py."""

from stage import folder, pytest_configure

__all__ = ["folder", "pytest_configure"]
