#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The messages of the retrieval protocol (MS-PCCRR), for tests: written from the digest alone, a
second reading beside the program's own. Sections are those of the digest.

    peer_messages.py decode HEX          a request, or with --answer a response, as JSON
    peer_messages.py check FOLDER        whether this reads and writes what the vectors say

Status: 0 yes, 1 no (a line on stderr says why), 2 wrong usage.
"""
import argparse
import hashlib
import json
import os
import struct
import sys
from dataclasses import dataclass, field

sys.dont_write_bytecode = sys.pycache_prefix is None
import peer_cipher  # noqa: E402

PATH = "/116B50EB-ECE2-41ac-8429-9F9E963361B7/"
NEGO_REQ, NEGO_RESP, GETBLKLIST, GETBLKS, BLKLIST, BLK, GETSEGLIST, SEGLIST = range(8)
NAMES = ("NEGO_REQ", "NEGO_RESP", "GETBLKLIST", "GETBLKS", "BLKLIST", "BLK", "GETSEGLIST",
         "SEGLIST")
REQUESTS = (NEGO_REQ, GETBLKLIST, GETBLKS, GETSEGLIST)
ANSWER_OF = {NEGO_REQ: NEGO_RESP, GETBLKLIST: BLKLIST, GETBLKS: BLK, GETSEGLIST: SEGLIST}
REQUEST_MAX, ANSWER_MAX = 98304, 393216
ID_MAX, RANGES_MAX = 64, 256


class Malformed(ValueError):
    """To be discarded; says why."""


class Incompatible(ValueError):
    """A request of a major version that is not spoken: answered with the versions that are."""


def refuse_if(condition, why):
    if condition:
        raise Malformed(why)


@dataclass
class Message:
    """One message of any type. Versions are (major, minor)."""
    type: int
    version: tuple = None      # None: that of its type
    cipher: int = 1
    id: bytes = b""
    ranges: list = field(default_factory=list)
    verification: bytes = b""
    index: int = 0
    next: int = 0
    block: bytes = b""
    iv: bytes = b""
    request_id: bytes = bytes(16)
    ids: list = field(default_factory=list)
    blob: bytes = b""
    least: tuple = (1, 0)
    most: tuple = (2, 0)

    def shown(self):
        """For JSON."""
        fields = {"type": NAMES[self.type], "version": self.version, "cipher": self.cipher}
        for name, _ in LAYOUTS[self.type]:
            value = getattr(self, name)
            if name == "ids":
                value = [one.hex() for one in value]
            fields[name] = value.hex() if isinstance(value, bytes) else value
        return fields


# What follows the header, sections 4 and 5. "end": sized octets that are the last element, which
# has no padding; "blob": likewise, and may be absent.
LAYOUTS = {
    NEGO_REQ: (("least", "version"), ("most", "version")),
    NEGO_RESP: (("least", "version"), ("most", "version")),
    GETBLKLIST: (("id", "id"), ("ranges", "ranges")),
    GETBLKS: (("id", "id"), ("ranges", "ranges"), ("verification", "end")),
    BLKLIST: (("id", "id"), ("ranges", "ranges"), ("next", "number")),
    BLK: (("id", "id"), ("index", "number"), ("next", "number"), ("block", "sized"),
          ("verification", "sized"), ("iv", "end")),
    GETSEGLIST: (("request_id", "sixteen"), ("ids", "ids"), ("blob", "end")),
    SEGLIST: (("request_id", "sixteen"), ("ranges", "ranges"), ("blob", "blob")),
}


# ---- writing ----

def number(value):
    return struct.pack(">I", value)


def sized(data, last=False):
    return number(len(data)) + data + (b"" if last else bytes(-len(data) % 4))


WRITERS = {
    "number": number,
    "version": lambda version: struct.pack(">HH", version[1], version[0]),
    "id": sized,
    "sized": sized,
    "end": lambda data: sized(data, True),
    "blob": lambda data: sized(data, True),
    "sixteen": bytes,
    "ids": lambda ids: number(len(ids)) + b"".join(map(sized, ids)),
    "ranges": lambda ranges: number(len(ranges)) + b"".join(
        struct.pack(">II", *one) for one in ranges),
}


def encode(message):
    body = b"".join(WRITERS[kind](getattr(message, name)) for name, kind in LAYOUTS[message.type])
    version = message.version or ((2, 0) if message.type in (GETSEGLIST, SEGLIST) else (1, 0))
    return WRITERS["version"](version) + struct.pack(
        ">III", message.type, 16 + len(body), message.cipher) + body


def encode_answer(message):
    """With the transport header."""
    data = encode(message)
    return number(len(data)) + data


# ---- reading ----

class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        refuse_if(size > self.left(), f"{size} octets wanted at {self.at}, {self.left()} left")
        self.at += size
        return self.data[self.at - size:self.at]

    def number(self):
        return struct.unpack(">I", self.take(4))[0]

    def version(self):
        minor, major = struct.unpack(">HH", self.take(4))
        return major, minor

    def sized(self):
        data = self.take(self.number())
        refuse_if(any(self.take(-len(data) % 4)), "padding is not zero")
        return data

    def end(self):
        return self.take(self.number())

    def blob(self):
        return self.end() if self.left() else b""

    def id(self):
        data = self.sized()
        refuse_if(not 1 <= len(data) <= ID_MAX, f"segment id of {len(data)} octets")
        return data

    def sixteen(self):
        return self.take(16)

    def ids(self):
        count = self.number()
        refuse_if(count == 0, "no ids")
        refuse_if(count > self.left() // 8, "more ids than octets")
        return [self.id() for _ in range(count)]

    def ranges(self):
        count = self.number()
        refuse_if(count > self.left() // 8, "more ranges than octets")
        return [(self.number(), self.number()) for _ in range(count)]


def read_body(cursor, message):
    for name, kind in LAYOUTS[message.type]:
        setattr(message, name, getattr(cursor, kind)())
    refuse_if(cursor.left(), f"{cursor.left()} octets behind the end")


def read_frame(data, limit):
    refuse_if(not 16 <= len(data) <= limit, f"message of {len(data)} octets")
    cursor = Cursor(data)
    version = cursor.version()
    kind, size, cipher = cursor.number(), cursor.number(), cursor.number()
    refuse_if(size != len(data), f"MsgSize {size} of {len(data)} octets")
    refuse_if(kind > 7, f"type {kind}")
    return cursor, Message(kind, version, cipher)


def decode_request(data):
    """In the order of section 9.1."""
    cursor, message = read_frame(data, REQUEST_MAX)
    refuse_if(message.type not in REQUESTS, f"type {message.type} is no request")
    if message.version[0] not in (1, 2):
        raise Incompatible(f"major version {message.version[0]}")
    read_body(cursor, message)
    refuse_if(message.cipher > 3, f"CryptoAlgoId {message.cipher}")
    refuse_if(len(message.ranges) > RANGES_MAX, "too many ranges")
    refuse_if(message.type == GETBLKS and not message.ranges, "no blocks are named")
    return message


def decode_answer(body, request):
    """A response to REQUEST as section 11.2 wants it; the hash is left to the caller."""
    refuse_if(len(body) < 20, "too short for a response")
    refuse_if(struct.unpack(">I", body[:4])[0] != len(body) - 4, "transport size")
    cursor, message = read_frame(body[4:], ANSWER_MAX)
    refuse_if(message.version[0] not in (1, 2), f"major version {message.version[0]}")
    refuse_if(message.cipher > 3, f"CryptoAlgoId {message.cipher}")
    refuse_if(message.type not in (NEGO_RESP, ANSWER_OF[request.type]), f"type {message.type}")
    read_body(cursor, message)
    if message.type in (BLKLIST, BLK):
        refuse_if(message.id != request.id, "another segment's id")
    if message.type == SEGLIST:
        refuse_if(message.request_id != request.request_id, "another request's id")
        refuse_if(any(index + count > len(request.ids) or not count
                      for index, count in message.ranges), "a segment that was not asked for")
        refuse_if(len(message.ranges) > len(request.ids), "more ranges than segments")  # our choice
    elif message.type == BLKLIST:
        refuse_if(len(message.ranges) > RANGES_MAX, "too many ranges")
        asked = set(block for index, count in request.ranges
                    for block in range(index, min(index + count, 512)))
        refuse_if(any(not asked.intersection(range(index, min(index + count, 512)))
                      for index, count in message.ranges), "a block that was not asked for")
    elif message.type == BLK and message.block:
        check_block(message, request)
    return message


def check_block(message, request):
    refuse_if(message.index != selected(request.ranges)[0], f"block {message.index}")
    # Whether the ciphertext can be of such a block is found when it is decrypted.
    if message.cipher:
        refuse_if(len(message.iv) != 16, f"initial vector of {len(message.iv)} octets")


# ---- blocks and ranges ----

def normal_form(blocks):
    """Of a set of block numbers, section 3.4."""
    ranges = []
    for block in sorted(blocks):
        if ranges and sum(ranges[-1]) == block:
            ranges[-1] = ranges[-1][0], ranges[-1][1] + 1
        else:
            ranges.append((block, 1))
    return ranges


def blocks_of(ranges):
    """Those below 512, as numbers."""
    return {block for index, count in ranges for block in range(index, min(index + count, 512))}


def selected(ranges):
    """(block, whether it is asked for), section 9.3."""
    asked = [index for index, count in ranges if count]
    return (min(asked), True) if asked else (ranges[0][0], False)


def next_block(held, after):
    """Section 9.4: of the first block held after AFTER, 0 if there is none."""
    return min((block for block in held if block > after), default=0)


# ---- ages, section 6 ----

UNITS_MS = {1: 1000, 2: 100, 3: 10, 4: 1}


def encode_ages(ages, unit=3):
    """AGES: pairs of index and milliseconds."""
    out = [struct.pack(">HBB", 1, unit, len(ages))]
    for index, age in ages:
        value = min(age // UNITS_MS[unit], 0xFFFFFF)
        out.append(bytes([index]) + value.to_bytes(3, "little"))
    return b"".join(out)


def decode_ages(blob):
    """None: to be discarded."""
    if len(blob) < 2 or blob[:2] != b"\0\1" or len(blob) < 4 or blob[2] not in UNITS_MS:
        return None
    if len(blob) < 4 * (blob[3] + 1):
        return None
    return [(blob[at], int.from_bytes(blob[at + 1:at + 4], "little") * UNITS_MS[blob[2]])
            for at in range(4, 4 * (blob[3] + 1), 4)]


# ---- the vectors ----

def shown_request(message):
    shown = {"type": message.type, "cipher": message.cipher, "version": list(message.version)}
    if message.type == NEGO_REQ:
        shown.update(least=list(message.least), most=list(message.most))
    if message.type in (GETBLKLIST, GETBLKS):
        shown["segment"] = message.id.hex()
    if message.type == GETBLKLIST:
        shown["blocks"] = [list(one) for one in normal_form(blocks_of(message.ranges))]
    if message.type == GETBLKS:
        shown["block"], asked = selected(message.ranges)
        shown["none"] = not asked
    if message.type == GETSEGLIST:
        shown.update(request_id=message.request_id.hex(), blob=message.blob.hex(),
                     ids=[one.hex() for one in message.ids])
    return shown


def shown_answer(message, request):
    """What is of use to the asker."""
    shown = {"type": message.type, "cipher": message.cipher}
    if message.type == NEGO_RESP:
        shown.update(least=list(message.least), most=list(message.most))
    if message.type in (BLKLIST, BLK):
        shown.update(segment=message.id.hex(), next=message.next)
    if message.type == BLKLIST:
        kept = blocks_of(message.ranges) & blocks_of(request.ranges)
        shown["blocks"] = [list(one) for one in normal_form(kept)]
    if message.type == BLK:
        encrypted = message.block and message.cipher
        shown.update(block=selected(request.ranges)[0], data=message.block.hex(),
                     iv=message.iv.hex() if encrypted else "")
    if message.type == SEGLIST:
        there = {i for index, count in message.ranges for i in range(index, index + count)}
        shown.update(request_id=message.request_id.hex(), blob=message.blob.hex(),
                     first=message.ranges[0][0] if message.ranges else 0,
                     segments=[list(one) for one in normal_form(there)])
    return shown


def differences(case, shown):
    return [f"{name}: {shown.get(name)}, should be {value}"
            for name, value in case["read"].items() if shown.get(name) != value]


def check_request(case):
    data = bytes.fromhex(case["message"])
    try:
        message, verdict = decode_request(data), "valid"
    except Malformed:
        message, verdict = None, "malformed"
    except Incompatible:
        message, verdict = None, "incompatible"
    if verdict != case["verdict"]:
        return [f"is {verdict}, should be {case['verdict']}"]
    if message is None:
        return []
    found = differences(case, shown_request(message))
    if "written" not in case and encode(message) != data:
        found.append("is written in another way")
    return found


def check_answer(case):
    body, request = bytes.fromhex(case["body"]), decode_request(bytes.fromhex(case["asked"]))
    try:
        message = decode_answer(body, request)
    except Malformed as error:
        return [str(error)] if "read" in case else []
    if "read" not in case:
        return ["is taken"]
    found = differences(case, shown_answer(message, request))
    if "written" not in case and encode_answer(message) != body:
        found.append("is written in another way")
    return found


def check_ages(case):
    ages = decode_ages(bytes.fromhex(case["blob"]))
    expected = case.get("ages")
    if ages != (None if expected is None else [tuple(pair) for pair in expected]):
        return ["reads otherwise"]
    if "written" in case and encode_ages(case["written"]).hex() != case["blob"]:
        return ["is written in another way"]
    return []


def content_of(rule):
    """By the rules of the README of the vectors: those that blocks have."""
    kind, _, text = rule["generator"].partition(":")
    if kind == "text":
        data = text.encode()
    elif kind == "mod251":
        data = (bytes((31 * i + 7) % 251 for i in range(251)) * (rule["size"] // 251 + 1))[
            :rule["size"]]
    else:
        raise ValueError(rule["generator"])
    if hashlib.sha256(data).hexdigest() != rule["sha256"]:
        raise ValueError("the content is another")
    return data


def check_cipher(case):
    algorithm = peer_cipher.NAMES.index(case["algorithm"])
    secret, initial = bytes.fromhex(case["secret"]), bytes.fromhex(case["iv"])
    if "block" in case:  # published, without padding
        block, sealed = bytes.fromhex(case["block"]), bytes.fromhex(case["sealed"])
        same = peer_cipher.transform(algorithm, secret, initial, block, True) == sealed
        back = peer_cipher.unseal(algorithm, secret, initial, sealed, len(block)) == block
        return [] if same and back else ["is encrypted otherwise"]
    block = content_of(case["content"])
    sealed = peer_cipher.seal(algorithm, secret, initial, block)
    if (len(sealed), hashlib.sha256(sealed).hexdigest()) != (case["sealed_size"],
                                                             case["sealed_sha256"]):
        return ["is encrypted otherwise"]
    for length in (None, len(block)):
        if peer_cipher.unseal(algorithm, secret, initial, sealed, length) != block:
            return ["is decrypted otherwise"]
    return []


CHECKS = (("messages.json", "requests", check_request), ("messages.json", "answers", check_answer),
          ("ages.json", "ages", check_ages), ("cipher.json", "blocks", check_cipher),
          ("cipher.json", "published", check_cipher))


def command_check(arguments):
    wrong, count = [], 0
    for name, part, check in CHECKS:
        with open(os.path.join(arguments.folder, name), encoding="utf-8") as file:
            cases = json.load(file)[part]
        refuse_if(not cases, f"{name} has no {part}")
        for case in cases:
            count += 1
            label = case.get("name") or case.get("algorithm")
            wrong += [f"{part} {label}: {words}" for words in check(case)]
    refuse_if(wrong, "\n".join(wrong))
    print(f"{count} vectors")


def command_decode(arguments):
    data = bytes.fromhex(arguments.hex)
    if arguments.answer_to:
        message = decode_answer(data, decode_request(bytes.fromhex(arguments.answer_to)))
    else:
        message = decode_request(data)
    print(json.dumps(message.shown()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    decoding = verbs.add_parser("decode")
    decoding.set_defaults(function=command_decode)
    decoding.add_argument("--answer-to", metavar="HEX")
    decoding.add_argument("hex")
    checking = verbs.add_parser("check")
    checking.set_defaults(function=command_check)
    checking.add_argument("folder")
    arguments = parser.parse_args()
    try:
        arguments.function(arguments)
    except (Malformed, Incompatible, OSError) as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
