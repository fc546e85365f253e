"""The lines of an event stream, however they are cut and ended."""

from __future__ import annotations

import pytest

from setpoint.sources._parser import Parsed, Parser


def parse(*pieces: bytes) -> tuple[list[Parsed], str | None]:
    parser = Parser(32)
    found = [parsed for piece in pieces for parsed in parser.push(piece)]
    return found, parser.last_id


def event(data: bytes, kind: str = "message") -> Parsed:
    return Parsed(kind, data)


def test_fields_comments_and_types() -> None:
    found = parse(b"\xef\xbb\xbf: hello\n\nid: 7\nevent: gap\ndata: a\ndata:b\nretry: 9\nnone\n\n")
    assert found == ([event(b"a\nb", "gap")], "7")


def test_an_id_without_data_is_kept_and_yields_nothing() -> None:
    assert parse(b"id: 41\n\n") == ([], "41")


def test_an_id_counts_only_once_its_event_is_whole() -> None:
    assert parse(b"id: 1\ndata: x\n\nid: 2\ndata: y\n") == ([event(b"x")], "1")


def test_an_id_with_a_zero_byte_is_ignored() -> None:
    assert parse(b"id: 1\n\nid: 2\x003\n\n") == ([], "1")


def test_an_empty_id_takes_the_last_one_away() -> None:
    assert parse(b"id: 1\n\nid\n\n") == ([], "")


def test_empty_data_is_an_event_and_no_data_is_none() -> None:
    assert parse(b"data\n\ndata:\ndata:\n\nevent: x\n\n") == ([event(b""), event(b"\n")], None)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_and_every_cut_reads_the_same(end: str) -> None:
    text = "id: 1\nevent: m\ndata: ab\ndata: c\n\ndata: d\n\n".replace("\n", end).encode()
    whole = ([event(b"ab\nc", "m"), event(b"d")], "1")
    for at in range(len(text) + 1):
        assert parse(text[:at], text[at:]) == whole, at
    assert parse(*(text[at : at + 1] for at in range(len(text)))) == whole


def test_line_ends_of_other_trades_are_data() -> None:
    data = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg".encode()
    assert parse(b"data: " + data + b"\n\n") == ([event(data)], None)


def test_what_is_too_large_is_skipped_named_and_bounded() -> None:
    long = b"x" * 1_000
    parser = Parser(32)
    pieces = [
        b"id: 5\ndata: ",
        long,
        long,
        b"\n\ndata: ok\n\n",
        b"data: " + long[:20] + b"\ndata: " + long[:20],
        b"\n\n",
    ]
    found: list[Parsed] = []
    for piece in pieces:
        found += parser.push(piece)
        assert len(parser._line) <= 32 + 64
    assert found == [Parsed("message", None), event(b"ok"), Parsed("message", None)]
    assert parser.last_id == "5"
