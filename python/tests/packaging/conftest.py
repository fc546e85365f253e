"""What is in the packages that are handed out. `scripts/python-packages` builds them and says where they are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[2]


def only(pattern: str) -> Path:
    """The one package of this kind."""
    folder = Path(os.environ["SETPOINT_DIST"])
    [package] = folder.glob(pattern)
    return package


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The wheel for Linux."""
    return only("*.whl")


@pytest.fixture(scope="session")
def sdist() -> Path:
    """The source distribution."""
    return only("*.tar.gz")


@pytest.fixture(scope="session")
def modules() -> set[str]:
    """Every file that makes up the Python half, from the folder `python`."""
    kept = (".py", ".pyi", ".typed")
    files = (file for file in (PYTHON / "setpoint").rglob("*") if file.suffix in kept)
    return {file.relative_to(PYTHON).as_posix() for file in files}
