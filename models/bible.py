# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reads the King James Bible out of Debian's `bible-kjv-text` package.

The package has no plain text: /usr/lib/bible.data is a random-access LZW file,
described in the README of the `bible-kjv` reader program and checked here
against that program's output:

    0x00  "EC02" and a title, zero padded to 84 bytes
    0x54  u32 big-endian  window size W in plain bytes (65536)
    0x58  u32 big-endian  number of windows N (68)
    0x5c  u32 big-endian  N+1 file offsets of the windows, the last is the end
    then  1f 9d 90, the usual mark of `compress` with 16 bits and clear codes

Each window is one stream of `compress` codes that starts with an empty table
and ends with a clear code.  The plain text has one title line, then one verse
per line: "Ge1:1 In the beginning ...".
"""

import functools
import pathlib
import re
import struct
from typing import NamedTuple

DATA = pathlib.Path("/usr/lib/bible.data")
CLEAR = 256
MAX_BITS = 16

# One chapter in HELD_OUT_STEP is kept from training; see `is_held_out`.
HELD_OUT_STEP = 20


class Verse(NamedTuple):
    """One verse.  `chapter_index` counts through the whole book, 0..1188."""
    book: str
    chapter: int
    verse: int
    chapter_index: int
    text: str


def decompress_window(data: bytes) -> bytes:
    """Decodes one window of `compress` codes (9 to 16 bits, low bit first).

    Codes come in groups of eight of the same width, so a change of width skips
    to the end of the running group, as in the original program.
    """
    table = [bytes([value]) for value in range(256)] + [b""]
    out = []
    bits, position, group = 9, 0, 0
    previous = None
    while position + bits <= len(data) * 8:
        byte = position >> 3
        word = int.from_bytes(data[byte:byte + 4], "little")
        code = (word >> (position & 7)) & ((1 << bits) - 1)
        position += bits
        if code == CLEAR:
            break
        if previous is None:
            entry = table[code]
        else:
            if code > len(table):
                raise ValueError(f"{DATA}: code {code} outside the table")
            entry = (table[code] if code < len(table)
                     else previous + previous[:1])
            if len(table) < 1 << MAX_BITS:
                table.append(previous + entry[:1])
        out.append(entry)
        previous = entry
        if len(table) >= 1 << bits and bits < MAX_BITS:
            width = bits * 8
            position = group + -(-(position - group) // width) * width
            group = position
            bits += 1
    return b"".join(out)


def read_text(path: pathlib.Path = DATA) -> str:
    """Returns the whole plain text (4,404,475 ASCII characters)."""
    data = path.read_bytes()
    if data[:4] != b"EC02":
        raise ValueError(f"{path}: expected a file of bible-kjv-text 'EC02'")
    window, count = struct.unpack(">II", data[0x54:0x5c])
    offsets = struct.unpack(f">{count + 1}I",
                            data[0x5c:0x5c + 4 * (count + 1)])
    parts = [decompress_window(data[begin:end])
             for begin, end in zip(offsets, offsets[1:])]
    if any(len(part) != window for part in parts[:-1]):
        raise ValueError(f"{path}: expected windows of {window} bytes")
    return b"".join(parts).decode("ascii")


@functools.cache
def verses() -> tuple[Verse, ...]:
    """All 31,102 verses in order."""
    result = []
    chapter_index, running = -1, None
    for line in read_text().splitlines()[1:]:
        match = re.fullmatch(r"(\d?[A-Za-z]+)(\d+):(\d+) (.*)", line)
        if not match:
            raise ValueError(f"{DATA}: expected a verse, got '{line[:40]}'")
        book, chapter, verse, text = match.groups()
        if (book, chapter) != running:
            running = (book, chapter)
            chapter_index += 1
        result.append(Verse(book, int(chapter), int(verse), chapter_index,
                            text))
    return tuple(result)


def is_held_out(verse: Verse) -> bool:
    """True for the chapters 10, 30, 50, ... of 1,189 (59 chapters, 5 %).

    Whole chapters are held out, spread evenly over all books.  The books repeat
    one another in places (Kings and Isaiah, the Gospels), so a held-out chapter
    may have a near copy in the training part.
    """
    return verse.chapter_index % HELD_OUT_STEP == HELD_OUT_STEP // 2


def chapters(held_out: bool) -> list[list[Verse]]:
    """The verses of the held-out, or of the training, part by chapter."""
    result: dict[int, list[Verse]] = {}
    for verse in verses():
        if is_held_out(verse) == held_out:
            result.setdefault(verse.chapter_index, []).append(verse)
    return list(result.values())


def sentences(count: int, held_out: bool = True) -> list[str]:
    """`count` verses at even distances over the held-out (or training) part.

    The choice depends on nothing but `count`, so figures can be compared
    between machines; the two parts share no chapter.
    """
    pool = [verse.text for verse in verses() if is_held_out(verse) == held_out]
    if not 0 < count <= len(pool):
        raise ValueError(f"expected 1..{len(pool)} sentences, got {count}")
    return [pool[index * len(pool) // count] for index in range(count)]


def passage(count: int = 12, chapter_index: int = 10) -> str:
    """The first `count` verses of a chapter in one string: a long input."""
    return " ".join(verse.text for verse in verses()
                    if verse.chapter_index == chapter_index
                    and verse.verse <= count)
