"""Libraries that only some users need."""

from __future__ import annotations

import importlib
from types import ModuleType


def need(module: str, extra: str, purpose: str) -> ModuleType:
    """Imports a library that comes with an extra.

    Raises `ImportError` that says which command installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        # Of a library that is there and broken, its own words say more.
        if error.name != module.partition(".")[0]:
            raise
        text = f"{purpose} takes {error.name}, which is not installed: pip install 'setpoint[{extra}]'"
        raise ImportError(text, name=error.name) from None
