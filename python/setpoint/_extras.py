"""Optional libraries, which come with extras."""

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
        # The error of a library that is installed and broken says more.
        if error.name != module.partition(".")[0]:
            raise
        text = f"{purpose} takes {error.name}, which is not installed: pip install 'setpoint[{extra}]'"
        raise ImportError(text, name=error.name) from None
