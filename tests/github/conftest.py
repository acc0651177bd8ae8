"""The fake GitHub as a fixture, for the tests of the client and of the publishers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.github.fake import FakeGitHub


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    """A GitHub of its own for each test; no call may break GitHub's description of its API."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with FakeGitHub() as github:
        yield github
    assert github.violations == []
