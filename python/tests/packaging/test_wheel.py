"""The wheel: for whom it is, and what is in it."""

from __future__ import annotations

import io
import platform
import re
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection

NATIVE = "setpoint/_core.abi3.so"
# What manylinux2014 promises to be there.
GLIBC = (2, 17)
LIBRARIES = re.compile(r"lib(c|m|dl|pthread|rt|util|gcc_s)\.so\.\d+|ld-linux-[a-z0-9-]+\.so\.\d+")


@pytest.fixture(scope="module")
def files(wheel: Path) -> dict[str, bytes]:
    """Everything in it, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def metadata(files: dict[str, bytes]) -> Message:
    """What it says of itself."""
    [name] = [name for name in files if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(files[name])


@pytest.fixture(scope="module")
def native(files: dict[str, bytes]) -> ELFFile:
    """The native half."""
    return ELFFile(io.BytesIO(files[NATIVE]))


def test_one_wheel_is_for_every_python_from_3_10_and_for_linux_since_2014(wheel: Path) -> None:
    machine = platform.machine()
    tag = f"cp310-abi3-manylinux2014_{machine}.manylinux_2_17_{machine}"
    assert re.fullmatch(rf"setpoint-\d+\.\d+\.\d+-{re.escape(tag)}\.whl", wheel.name)


def test_nothing_newer_than_glibc_2_17_is_needed(native: ELFFile) -> None:
    needed = dict(versions(native))
    newer = {f"{library} {name}" for name, library in needed.items() if version(name) > GLIBC}
    assert any(name.startswith("GLIBC_2.") for name in needed)
    assert not newer


def test_no_library_is_needed_that_a_system_may_lack(native: ELFFile) -> None:
    dynamic = native.get_section_by_name(".dynamic")
    assert isinstance(dynamic, DynamicSection)
    libraries = [str(vars(tag)["needed"]) for tag in dynamic.iter_tags("DT_NEEDED")]
    assert libraries
    assert [library for library in libraries if not LIBRARIES.fullmatch(library)] == []


def test_nothing_is_in_it_but_the_package_and_its_papers(
    wheel: Path, files: dict[str, bytes], modules: set[str]
) -> None:
    name, number = wheel.name.split("-")[:2]
    papers = {
        f"{name}-{number}.dist-info/{paper}"
        for paper in (
            "METADATA",
            "WHEEL",
            "RECORD",
            "licenses/LICENSE-APACHE",
            "licenses/LICENSE-MIT",
            "sboms/setpoint-python.cyclonedx.json",
        )
    }
    assert {"setpoint/__init__.py", "setpoint/_core.pyi", "setpoint/py.typed"} <= modules
    assert set(files) == modules | papers | {NATIVE}


def test_the_papers_say_what_it_is(metadata: Message) -> None:
    assert metadata["Name"] == "setpoint"
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "MIT OR Apache-2.0"
    assert set(metadata.get_all("License-File", [])) == {"LICENSE-MIT", "LICENSE-APACHE"}
    assert "client" in metadata.get_all("Provides-Extra", [])
    assert metadata["Description-Content-Type"].startswith("text/markdown")
    assert "pip install" in str(metadata.get_payload())


def test_the_engine_alone_needs_nothing_else(metadata: Message) -> None:
    needed = metadata.get_all("Requires-Dist", [])
    assert [requirement for requirement in needed if "extra ==" not in requirement] == []


def versions(native: ELFFile) -> Iterator[tuple[str, str]]:
    """Every version of a library's symbols that is asked for, and the library."""
    section = native.get_section_by_name(".gnu.version_r")
    assert isinstance(section, GNUVerNeedSection)
    for library, wanted in section.iter_versions():
        for symbol in wanted:
            yield symbol.name, str(library.name)


def version(name: str) -> tuple[int, ...]:
    """`GLIBC_2.14` as numbers; of libgcc, which counts otherwise, none."""
    prefix, _, numbers = name.partition("_")
    return tuple(map(int, numbers.split("."))) if prefix == "GLIBC" else ()
