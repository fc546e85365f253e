"""Where the corpora are."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--corpora FOLDER`: what `boundary write` wrote."""
    parser.addoption("--corpora", required=True)
