"""The client against a scripted service, and against the real one."""

from __future__ import annotations

import sys
from pathlib import Path

# The helpers beside the tests.
sys.path.insert(0, str(Path(__file__).parent))
