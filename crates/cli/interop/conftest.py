"""A real `setpoint serve` for every test. Its peers use none of this project's code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from peers import Gateway
from service import serve

DEVICES = """\
orgId,productKey,deviceKey,assetId
o1,turbine,t1,asset-1
o1,turbine,t2,asset-2
o1,turbine,silent,asset-3
o2,turbine,foreign,asset-9
"""


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    """The list of devices."""
    path = tmp_path / "devices.csv"
    path.write_text(DEVICES)
    return path


@pytest.fixture
def gateway(devices: Path) -> Iterator[Gateway]:
    with serve(devices) as service:
        yield service.gateway
        service.stop()
