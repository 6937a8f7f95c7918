"""Upstreams of one test: a hub remembers how they behaved."""
import pytest

from harness import upstream as up


@pytest.fixture
def openai():
    with up.Upstream() as upstream:
        yield upstream


@pytest.fixture
def groq():
    with up.Upstream() as upstream:
        yield upstream
