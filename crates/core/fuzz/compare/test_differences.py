"""Our strict reader against three others: where they differ, it is for a reason that is written down."""

from __future__ import annotations

import os
import random
import secrets
from pathlib import Path

from differences import CLASSES, unexplained
from documents import generate, mutate
from readers import Verdicts, ask
from vectors import cases, content

FUZZ = Path(__file__).parents[1]
PAGE = FUZZ.parents[2] / "docs" / "json-differences.md"
READERS = os.environ["SETPOINT_READERS"]
# Documents that are made up in each run.
MADE_UP = int(os.environ.get("DOCUMENTS", "20000"))


def kept() -> list[bytes]:
    """What the vectors hold, and the fuzz targets' corpus."""
    vectors = [text for kind in ("json", "replies", "validation") for _, case in cases(kind) if (text := content(case))]
    corpus = [file.read_bytes() for file in sorted((FUZZ / "corpus").glob("*/*"))]
    return vectors + corpus


def check(documents: list[bytes], whence: str) -> None:
    """Fails with the shortest documents that nothing explains."""
    failures: list[tuple[bytes, list[str], Verdicts]] = []
    for document, verdicts in zip(documents, ask(READERS, documents), strict=True):
        if readers := unexplained(document, verdicts):
            failures.append((document, readers, verdicts))
    failures.sort(key=lambda failure: len(failure[0]))
    assert not failures, f"{len(failures)} differences from {whence} have no explanation: {failures[:5]}"


def test_vectors_and_corpus_differ_only_as_written_down() -> None:
    check(kept(), "the vectors and the corpus")


def test_made_up_documents_differ_only_as_written_down() -> None:
    seed = int(os.environ.get("SEED") or secrets.randbits(32))
    print(f"SEED={seed}")
    rng = random.Random(seed)
    check([generate(rng) for _ in range(MADE_UP)], f"SEED={seed}")
    known = [document for document in kept() if len(document) < 4_096]
    check([mutate(rng, rng.choice(known)) for _ in range(MADE_UP)], f"SEED={seed}, the mutated corpus")


def test_each_class_is_on_the_page_and_its_row_is_true() -> None:
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in PAGE.read_text().splitlines()]
    table = {row[0]: row[2:6] for row in rows if len(row) == 7}
    readers = ["setpoint", "serde_json", "jiter", "Python"]
    assert table.pop("class") == readers
    table.pop("---")
    found = {}
    answers = ask(READERS, [known.example for known in CLASSES.values()])
    for (name, known), verdicts in zip(CLASSES.items(), answers, strict=True):
        assert not unexplained(known.example, verdicts), name
        found[name] = ["takes it" if verdicts[reader] is None else "refuses" for reader in readers]
    assert table == found
