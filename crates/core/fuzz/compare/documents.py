"""Documents on which readers may differ: generated, and then broken."""

from __future__ import annotations

import random

NUMBERS = ["0", "-0", "1.0", "-1.5e-3", "1e400", "-1E+999", "1e-400", "12345678901234567890", "1" * 400, "9" * 5_000]
STRINGS = ['""', '"a"', '"b"', r'"\u0061"', '"é"', '"😀"', r'"\ud83d\ude00"', r'"\ud800"', r'"\udc00x"', r'"\n\/"']
# What other dialects take, and what no dialect does.
ODDITIES = [
    "NaN",
    "Infinity",
    "-Infinity",
    "nan",
    "True",
    "01",
    "+1",
    ".5",
    "1.",
    "0x1",
    "'a'",
    '"\t"',
    '"\x7f"',
    r'"\x"',
]
ODDITIES += [
    "undefined",
    "/**/1",
    "[1,]",
    "{,}",
    '{"a":1,}',
    "\ufeff1",
    "1\ufeff",
    "\u00a01",
    "1e",
    "-",
    r'"\u12"',
    "1_0",
]
BYTES = b'{}[]",:\\u0eE+-.tfn dD8\x00\x1f\x7f\x80\xed\xa0\xbf\xef\xbb\xfe\xff\xc0\xf4'


def generate(rng: random.Random) -> bytes:
    """One document; of four, about three are broken on purpose."""
    if rng.random() < 0.02:
        return nested(rng.choice([126, 127, 128, 129, 150, 199, 200, 201, 202, 1_500]), rng)
    text = value(rng, 4).encode(errors="surrogatepass")
    how = rng.random()
    if how < 0.25:
        return text
    if how < 0.35:
        return text.decode().encode(
            rng.choice(["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
        )
    return mutate(rng, text)


def value(rng: random.Random, levels: int) -> str:
    """A value that is mostly valid; its keys come from few, so that some come again."""
    kind = rng.random()
    if levels and kind < 0.25:
        return "[" + ", ".join(value(rng, levels - 1) for _ in range(rng.randrange(4))) + "]"
    if levels and kind < 0.6:
        members = (f"{rng.choice(STRINGS)}:{value(rng, levels - 1)}" for _ in range(rng.randrange(4)))
        return "{" + ",".join(members) + "}"
    if kind < 0.75:
        return rng.choice(NUMBERS)
    if kind < 0.92:
        return rng.choice([*STRINGS, "null", "true", "false"])
    return rng.choice(ODDITIES)


def nested(levels: int, rng: random.Random) -> bytes:
    """So many arrays, or objects, around a number."""
    opening, closing = rng.choice([("[", "]"), ('{"a":', "}")])
    return (opening * levels + "1" + closing * levels).encode()


def mutate(rng: random.Random, document: bytes) -> bytes:
    """A few bytes deleted, replaced, put in or doubled, or the end cut off."""
    text = bytearray(document)
    for _ in range(rng.randrange(1, 4)):
        at, byte = rng.randrange(len(text) + 1), rng.choice(BYTES)
        match rng.randrange(5):
            case 0:
                del text[at : at + 1]
            case 1:
                text[at : at + 1] = bytes([byte])
            case 2:
                text.insert(at, byte)
            case 3:
                text[at:at] = text[at : at + 6]
            case _:
                del text[at + rng.randrange(20) :]
    return bytes(text)
