"""The source distribution: everything that a build needs, and nothing of the rest of the repository."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

# The engine with its tests and vectors, the crate below it, the native half, the package, and the papers.
FOLDERS = {"crates/core", "crates/prefetch", "python", "setpoint"}
PAPERS = {"Cargo.toml", "Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT", "PKG-INFO", "README.md", "pyproject.toml"}


@pytest.fixture(scope="module")
def files(sdist: Path) -> set[str]:
    """Every file, from the folder that they all are in."""
    with tarfile.open(sdist) as archive:
        names = [member.name for member in archive if member.isfile()]
    [root] = {name.partition("/")[0] for name in names}
    assert root == sdist.name.removesuffix(".tar.gz")
    return {name.partition("/")[2] for name in names}


def test_everything_that_a_build_needs_is_in_it(files: set[str], modules: set[str]) -> None:
    assert modules <= files
    assert {"crates/core/Cargo.toml", "crates/core/src/lib.rs", "python/Cargo.toml", "python/src/lib.rs"} <= files
    assert files >= PAPERS


def test_nothing_else_of_the_repository_is_in_it(files: set[str]) -> None:
    stray = {file for file in files - PAPERS if not any(file.startswith(f"{folder}/") for folder in FOLDERS)}
    assert stray == set()
    assert {file for file in files if file.endswith((".so", ".pyc", ".whl"))} == set()
