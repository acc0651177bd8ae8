"""The fake GitHub as a fixture of the publishers."""

from tests.github.conftest import fake

__all__ = ["fake"]
