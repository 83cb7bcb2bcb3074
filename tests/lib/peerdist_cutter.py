# SPDX-License-Identifier: BSD-2-Clause
"""The segments that we cut in version 2.0, for peerdist_model.py (section 10 of the digest). Some
twenty MiB a second: see window_octets()."""
import bisect
import re

SEGMENT_2_MIN = 32768
SEGMENT_2_MAX = 131072
POLYNOMIAL = 1 << 64 | 0xF2B5D42C384A2167
PIECE = 1 << 20


def window_tables():
    """For each place in the window, first octet first, what its octet adds to the low 16 bits of
    the hash: two translation tables (low octet, second octet), None where that is nothing."""
    tables = []
    for place in range(16):
        powers = [0]
        for number in range(8):
            value = 1 << number + 8 * (15 - place)
            for bit in range(127, 63, -1):
                if value >> bit & 1:
                    value ^= POLYNOMIAL << bit - 64
            powers += [value ^ lower for lower in powers]  # of the octets up to twice as large
        low, second = bytes(v & 0xFF for v in powers), bytes(v >> 8 & 0xFF for v in powers)
        tables.append((low if any(low) else None, second if any(second) else None))
    return tables


def window_octets(data, tables):
    """The lowest octet of the hash at every position: the hash is linear, so it is a sum of
    translated and shifted copies of the data, added as large numbers. Item i is for the window that
    begins at i."""
    count, total = len(data) - 15, 0
    for place, (low, _) in enumerate(tables):
        if low is not None:
            part = data[place:place + count].translate(low)
            total ^= int.from_bytes(part, "little")
    return total.to_bytes(count, "little")


def second_octet(data, tables, start):
    """The next octet of it, for the window that begins at START."""
    total = 0
    for place, (_, second) in enumerate(tables):
        if second is not None:
            total ^= second[data[start + place]]
    return total


def matches(data):
    """[(position behind the window, bits that match)], 12 bits at least, in order."""
    tables, found = window_tables(), []
    for start in range(0, max(0, len(data) - 15), PIECE):
        piece = data[start:start + PIECE + 15]
        for hit in re.finditer(b"\x55", window_octets(piece, tables)):
            wrong = second_octet(piece, tables, hit.start()) ^ 0x55
            if wrong & 0x0F == 0:
                bits = next((n for n in (12, 13, 14, 15) if wrong >> n - 8 & 1), 16)
                found.append((start + hit.start() + 16, bits))
    return found


def content_lengths(data):
    """Section 10."""
    found, lengths, position, zero_runs = matches(data), [], 0, True
    places = [place for place, _ in found]
    while position < len(data):
        left = len(data) - position
        limit = min(SEGMENT_2_MAX, left)
        length, zero_runs = next_length(data, position, left, limit, zero_runs, found, places)
        lengths.append(length)
        position += length
    return lengths


def next_length(data, position, left, limit, zero_runs, found, places):
    if left < SEGMENT_2_MIN:
        return left, zero_runs
    if zero_runs and not any(data[position:position + SEGMENT_2_MIN]):
        return limit - len(data[position:position + limit].lstrip(b"\0")), True
    best = {}
    for index in range(bisect.bisect_left(places, position + SEGMENT_2_MIN), len(found)):
        place, bits = found[index]
        if place > position + limit:
            break
        if bits == 16:
            return place - position, True
        for count in range(12, bits + 1):
            best[count] = place - position
    if limit < SEGMENT_2_MAX:
        return limit, zero_runs
    length = best[max(best)] if best else SEGMENT_2_MAX
    return length, SEGMENT_2_MAX - length < 16
