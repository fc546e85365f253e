"""One requester, many threads."""

from __future__ import annotations

import threading
from collections import Counter
from queue import Empty, Queue

import conversation

import setpoint

SUBMITTERS = 8
DRAINERS = 2
BATCHES = 40
ITEMS = 25
TOTAL = SUBMITTERS * BATCHES * ITEMS


def test_many_threads_share_a_requester_and_every_item_ends_once() -> None:
    requester = setpoint.Requester("o1")
    sent: Queue[list[str]] = Queue()
    ended: Queue[tuple[int, int, str | None]] = Queue()
    done, failures = threading.Event(), Queue[BaseException]()
    started = threading.Barrier(SUBMITTERS + DRAINERS + 1)

    def guarded(work: object, *arguments: object) -> threading.Thread:
        def run() -> None:
            try:
                started.wait(30)
                work(*arguments)  # type: ignore[operator]
            except BaseException as error:
                failures.put(error)
                done.set()

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def submit(number: int) -> None:
        for batch in range(BATCHES):
            start = (number * BATCHES + batch) * ITEMS
            items = conversation.items(ITEMS, start)
            submitted = requester.submit(items if batch % 2 else conversation_body(items))
            assert submitted.items == ITEMS
            requester.resend(submitted.batch)
            sent.put([item["requestId"] for item in items])

    def answer() -> None:
        for _ in range(SUBMITTERS * BATCHES):
            while not done.is_set():
                try:
                    names = sent.get(timeout=0.2)
                except Empty:
                    continue
                requester.handle_message(conversation.message(*map(conversation.reply, reversed(names))))
                break

    def drain() -> None:
        while not done.is_set():
            for event in requester.poll_events(100):
                if isinstance(event, setpoint.Finished):
                    assert event.output == {"rpm": 12}
                    ended.put((event.batch, event.index, event.request_id))
            requester.handle_timeout()
            if ended.qsize() >= TOTAL:
                done.set()

    threads = [guarded(submit, number) for number in range(SUBMITTERS)]
    threads += [guarded(answer), *(guarded(drain) for _ in range(DRAINERS))]
    for thread in threads:
        thread.join(120)
    assert failures.empty(), failures.get()
    assert not any(thread.is_alive() for thread in threads), "a thread waits for ever"
    seen = Counter(ended.get() for _ in range(ended.qsize()))
    assert len(seen) == TOTAL
    assert set(seen.values()) == {1}
    assert {request_id for _, _, request_id in seen} == {f"r{index}" for index in range(TOTAL)}
    assert requester.open_items == 0


def conversation_body(items: list[dict[str, object]]) -> bytes:
    return conversation.message(*items)


def test_checks_of_many_threads_disturb_nobody() -> None:
    bodies = [conversation.message(*conversation.items(200, start)) for start in range(0, 1_600, 200)]
    expected = [setpoint.check(body, org_id="o1", now=setpoint.Now(0, 1)).response for body in bodies]
    wrong: Queue[object] = Queue()

    def work(which: int) -> None:
        try:
            for turn in range(60):
                at = (which + turn) % len(bodies)
                if setpoint.check(bodies[at], org_id="o1", now=setpoint.Now(0, 1)).response != expected[at]:
                    wrong.put(at)
        except BaseException as error:
            wrong.put(error)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert wrong.empty(), wrong.get()
