"""What all tests need, wherever they are run from."""

import signal


def pytest_configure() -> None:
    # A shell starts what it runs in the background with interrupts ignored, and processes inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
