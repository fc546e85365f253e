"""What happens around a process: forks, its end, interrupts, other interpreters, and memory over a long run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SUPPORT = Path(__file__).parent


def run(script: str, timeout: float = 100) -> str:
    """Runs a script in a process of its own, which has to end well and say nothing on stderr."""
    head = f"import sys; sys.path.insert(0, {str(SUPPORT)!r})\n"
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", head + textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_needs_a_requester_of_its_own() -> None:
    said = run(
        """
        import os, signal, threading
        from conversation import items, message, reply
        from setpoint import ForkedError, Requester, check

        requester, stop = Requester("o1"), threading.Event()

        def use():
            while not stop.is_set():
                requester.cancel(requester.submit([{}] * 20).batch)
                requester.poll_events()
                check(items(5), org_id="o1")

        threads = [threading.Thread(target=use) for _ in range(4)]
        for thread in threads:
            thread.start()
        calls = [
            lambda: requester.submit(items(1)), lambda: requester.poll_events(), lambda: requester.poll_timeout(),
            lambda: requester.handle_message(b"{}"), lambda: requester.handle_timeout(), lambda: requester.cancel(1),
            lambda: requester.open_items, lambda: repr(requester),
        ]
        for _ in range(30):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                code = 1
                try:
                    assert check(items(3), org_id="o1").ok
                    own = Requester("o1")
                    own.submit(items(1))
                    own.handle_message(message(reply("r0")))
                    assert len(own.poll_events()) == 2
                    for call in calls:
                        try:
                            call()
                        except ForkedError as error:
                            assert (error.made_in, error.used_in) == (os.getppid(), os.getpid())
                        else:
                            raise AssertionError("it was taken")
                    code = 0
                finally:
                    os._exit(code)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        for thread in threads:
            thread.join()
        assert requester.submit(items(1)).items == 1
        print("ended")
        """
    )
    assert said == "ended\n"


def test_a_program_may_end_with_thousands_pending() -> None:
    run(
        """
        import threading
        from conversation import items
        from setpoint import Requester

        requesters = [Requester("o1") for _ in range(3)]
        for one in requesters:
            one.submit(items(10_000))
            one.submit(items(10_000, 10_000))
        kept = requesters[0].poll_events()
        started = threading.Barrier(5)

        def use(one):
            started.wait()
            while True:
                one.cancel(one.submit([{}] * 50).batch)
                one.poll_events()

        for at in range(4):
            threading.Thread(target=use, args=(requesters[at % 3],), daemon=True).start()
        started.wait()
        """
    )


def test_an_interrupt_between_calls_leaves_everything_usable() -> None:
    said = run(
        """
        import signal
        from conversation import items
        from setpoint import Requester, check

        requester, interrupts, start = Requester("o1"), 0, 0
        batch = items(2_000)
        while interrupts < 20:
            signal.setitimer(signal.ITIMER_REAL, 0.003)
            try:
                while True:
                    check(batch, org_id="o1")
                    requester.cancel(requester.submit([{}] * 500).batch)
                    requester.poll_events()
            except KeyboardInterrupt:
                interrupts += 1
        """.replace("signal.setitimer", "signal.signal(signal.SIGALRM, signal.default_int_handler); signal.setitimer")
        + """
        requester.poll_events()
        print(requester.submit(items(1)).items)
        """
    )
    assert said == "1\n"


def test_an_interrupt_that_nobody_catches_ends_the_program_as_usual() -> None:
    # Whoever runs tests in the background may have interrupts ignored, which is inherited.
    script = f"""
import signal, sys; sys.path.insert(0, {str(SUPPORT)!r})
signal.signal(signal.SIGINT, signal.default_int_handler)
from conversation import items, message
from setpoint import Requester, check
body, requester = message(*items(5_000)), Requester("o1")
print("ready", flush=True)
while True:
    check(body, org_id="o1")
    requester.poll_events()
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert said.rstrip().endswith("KeyboardInterrupt")
    # Python ends itself by the signal, which a shell shows as 130.
    assert running.returncode in (-signal.SIGINT, 130)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="before 3.12 no module can say that it is for one interpreter")
def test_another_interpreter_is_served_or_told_that_it_cannot_be() -> None:
    # An interpreter with a lock of its own, as Python 3.12 and newer make them, is refused by Python itself.
    said = run(
        """
        import importlib, os
        import setpoint
        for name in ("_interpreters", "_xxsubinterpreters"):
            try:
                interpreters = importlib.import_module(name)
                break
            except ImportError:
                pass
        script = (
            "import os\\n"
            "try:\\n"
            "    import setpoint\\n"
            "    said = 'served' if setpoint.check([{}], org_id='o1').refused else 'wrong'\\n"
            "except ImportError as error:\\n"
            "    said = 'told' if 'interpreter' in str(error) else repr(error)\\n"
            "os.write(1, (said + ' ').encode())"
        )
        for _ in range(3):
            made = interpreters.create()
            interpreters.run_string(made, script)
            interpreters.destroy(made)
            assert setpoint.check([{}], org_id="o1").refused
        """
    )
    assert said in ("served " * 3, "told " * 3)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc here")
def test_a_long_run_in_a_fresh_process_leaves_nothing_behind() -> None:
    run(
        """
        import copy, gc, pickle
        from conversation import items, message, reply, response
        from setpoint import Now, Requester, SetpointError, check, wire

        requester = Requester("o1", remembered=500)

        def attempt(call):
            try:
                call()
            except SetpointError as error:
                return str(error), pickle.loads(pickle.dumps(error))
            raise AssertionError

        def round(at):
            batch = items(50, at * 50, inputData={"speed": 1.5, "names": ["a", {"b": None}]})
            batch[7]["serviceId"] = 5
            report = check(batch, org_id="o1")
            assert (len(report.accepted), len(report.refused), len(report.to_records())) == (49, 1, 50)
            assert pickle.loads(pickle.dumps(report)) == report
            attempt(report.raise_for_refused)
            attempt(lambda: check(b'{"data":[', org_id="o1"))
            attempt(lambda: check([{"a": [float("nan")]}], org_id="o1"))
            sent = requester.submit(batch, now=Now(at * 100_000, 0))
            attempt(lambda: requester.submit(batch, now=Now(at * 100_000, 0)))
            replies = [reply(item["requestId"]) for item in batch]
            requester.handle_response(sent.batch, response(*replies), Now(at * 100_000, 0))
            requester.handle_message(message(*replies[:30], *replies[:5], {}))
            requester.handle_timeout(Now(at * 100_000 + 90_000, 0))
            attempt(lambda: requester.handle_message(b"["))
            events = requester.poll_events()
            assert requester.open_items == 0 and len(events) == 107, (requester.open_items, len(events))
            for event in events[::7]:
                repr(event), hash(event), copy.copy(event), getattr(event, "output", None)
            wire.write_message([one for one in wire.read_message(message(*replies)) if isinstance(one, wire.Reply)])

        def resident():
            gc.collect()
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096

        for at in range(500):
            round(at)
        before = resident()
        for at in range(500, 2_500):
            round(at)
        grown = resident() - before
        # 100,000 items: 200 bytes of each would be 20 MB.
        assert grown < 6_000_000, grown
        """
    )


def test_what_is_finalized_while_events_are_made_may_call_the_requester() -> None:
    said = run(
        """
        import gc
        from conversation import items, message, reply
        from setpoint import Requester

        requester, asked = Requester("o1"), []

        class Caller:
            def __init__(self):
                self.cycle = self

            def __del__(self):
                asked.append(requester.open_items)

        batch = items(100)
        requester.submit(batch)
        requester.handle_message(message(*(reply(item["requestId"]) for item in batch)))
        gc.disable()
        Caller()
        gc.set_threshold(1)
        gc.enable()
        events = requester.poll_events()
        gc.disable()
        print(len(events), asked)
        """,
        timeout=30,
    )
    assert said == "101 [0]\n"
