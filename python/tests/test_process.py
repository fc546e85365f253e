"""What happens to processes that use the package: they end, they are forked, they are interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

PRELUDE = """
import sys
sys.path.insert(0, {here!r})
import conversation, setpoint
"""


def run(program: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in an interpreter of its own; one that hangs fails the test."""
    text = PRELUDE.format(here=str(Path(__file__).parent)) + program
    return subprocess.run([sys.executable, "-W", "error", "-c", text], capture_output=True, text=True, timeout=60)


def test_a_process_ends_with_thousands_of_items_pending() -> None:
    ended = run("""
requester = setpoint.Requester("o1")
for start in range(0, 5_000, 1_000):
    requester.submit(conversation.items(1_000, start))
requester.handle_message(conversation.message(*(conversation.reply(f"r{n}") for n in range(2_000))))
kept = requester.poll_events(1_000)
print(requester.open_items, kept[1].output)
""")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "3000 {'rpm': 12}\n", "")


def test_a_process_ends_while_other_threads_are_inside() -> None:
    ended = run("""
import threading
requester = setpoint.Requester("o1")
body = conversation.message(*conversation.items(2_000))
inside = threading.Event()
def work():
    while True:
        setpoint.check(body, org_id="o1")
        requester.poll_events()
        inside.set()
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
inside.wait()
print("ends")
""")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ends\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_to_make_a_requester_of_its_own() -> None:
    ended = run(
        """
import os, threading
requester = setpoint.Requester("o1")
requester.submit(conversation.items(10))
stop = threading.Event()
def busy():
    while not stop.is_set():
        requester.poll_timeout()
        requester.submit([conversation.items(1)[0] | {"requestId": None}])
thread = threading.Thread(target=busy)
thread.start()
for _ in range(50):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            requester.poll_events()
        except setpoint.ForkedError as error:
            assert error.made_in == os.getppid() and error.used_in == os.getpid(), error
            own = setpoint.Requester("o1")
            own.submit(conversation.items(3))
            own.handle_message(conversation.message(conversation.reply("r1")))
            assert setpoint.check(conversation.items(1), org_id="o1").ok
            code = 0 if len(own.poll_events()) == 2 else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
thread.join()
requester.handle_message(conversation.message(conversation.reply("r3")))
print([type(event).__name__ for event in requester.poll_events()])
""".replace(
            "import os, threading",
            "import os, threading, warnings\nwarnings.simplefilter('ignore', DeprecationWarning)",
        )
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "['Accepted', 'Finished']\n", "")


def test_an_interrupt_ends_a_loop_of_calls_with_the_usual_exit() -> None:
    program = (
        PRELUDE.format(here=str(Path(__file__).parent))
        + """
body = conversation.message(*conversation.items(5_000))
requester = setpoint.Requester("o1")
print("ready", flush=True)
while True:
    setpoint.check(body, org_id="o1")
    requester.poll_events()
"""
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert said.rstrip().endswith("KeyboardInterrupt")
    assert running.returncode in (-signal.SIGINT, 130)


def test_a_subinterpreter_is_refused_by_an_import_error_or_served() -> None:
    ended = run("""
try:
    import _xxsubinterpreters as interpreters
except ImportError:
    try:
        import _interpreters as interpreters
    except ImportError:
        print("done")
        sys.exit()
other = interpreters.create()
try:
    interpreters.run_string(other, '''
try:
    import setpoint
    assert setpoint.check([], org_id="o1")
except (ImportError, Exception) as error:
    assert isinstance(error, ImportError) or type(error).__name__ == "RequestError", error
''')
finally:
    interpreters.destroy(other)
assert setpoint.check(conversation.items(1), org_id="o1").ok
print("done")
""")
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr
