#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The messages of the hosted cache protocol (MS-PCHC), for tests: written from the digest alone, a
second reading beside the program's own. Sections are those of the digest.

    hosted_messages.py check             the worked messages of section 15, and what is refused
    hosted_messages.py decode HEX        an offer, as JSON; --tls: one that came by HTTPS

Status: 0 yes, 1 no (a line on stderr says why), 2 wrong usage.
"""
import argparse
import json
import struct
import sys
from dataclasses import dataclass, field

sys.dont_write_bytecode = sys.pycache_prefix is None
import peerdist_model as model  # noqa: E402

PATH_1 = "/C574AC30-5794-4AEE-B1BB-6651C5315029/"
PATH_2 = "/0131501b-d67f-491b-9a40-c4bf27bcb4d4/"
INITIAL_OFFER, SEGMENT_INFO, BATCHED_OFFER = 1, 2, 3
OK, INTERESTED = 0, 1
DESCRIPTORS_MAX, DESCRIPTOR_SIZE, BODY_MAX = 128, 59, 65536
BLOCK_1 = 65536
SIZES_MAX = {1: 32 << 20, 4: 128 << 10}   # of a segment, section 8.4
ID_SIZES = (32, 48, 64)
TAG = b"peerdistfs test\0"


class Dropped(ValueError):
    """Answered by 400; says why."""


class Unusable(ValueError):
    """Answered OK, and nothing is done; says why."""


def drop_if(condition, why):
    if condition:
        raise Dropped(why)


@dataclass
class Descriptor:
    """Of one segment in a BATCHED_OFFER."""
    id: bytes
    size: int
    algorithm: int
    block_size: int = BLOCK_1
    tag: bytes = TAG

    def usable(self):
        return 0 < self.size <= SIZES_MAX.get(self.algorithm, 0)

    def blocks(self):
        return -(-self.size // BLOCK_1) if self.algorithm == 1 else 1


@dataclass
class Offer:
    type: int
    port: int
    version: tuple = None     # (major, minor); None: that of its type
    id: bytes = b""
    tag: bytes = TAG
    information: bytes = b""
    descriptors: list = field(default_factory=list)
    padding: tuple = (bytes(4), bytes(6))

    def shown(self):
        """For JSON."""
        shown = {"type": self.type, "port": self.port, "version": self.version}
        if self.type == INITIAL_OFFER:
            shown["id"] = self.id.hex()
        elif self.type == SEGMENT_INFO:
            shown.update(tag=self.tag.hex(), information=len(self.information))
        else:
            shown["descriptors"] = [dict(vars(one), id=one.id.hex(), tag=one.tag.hex())
                                    for one in self.descriptors]
        return shown


# ---- writing ----

def prefix(offer):
    major, minor = offer.version or ((2, 0) if offer.type == BATCHED_OFFER else (1, 0))
    return struct.pack(">BBH4sH6s", minor, major, offer.type, offer.padding[0], offer.port,
                       offer.padding[1])


def encode_descriptor(one):
    return struct.pack(">IIH", one.block_size, one.size, len(one.tag)) + one.tag + bytes(
        [one.algorithm]) + one.id


def encode(offer):
    body = {INITIAL_OFFER: lambda: offer.id,
            SEGMENT_INFO: lambda: offer.tag + offer.information,
            BATCHED_OFFER: lambda: b"".join(map(encode_descriptor, offer.descriptors))}[offer.type]
    return prefix(offer) + body()


def encode_response(code):
    return struct.pack(">IB", 1, code)


def information_of(segment, algorithm, hashes=None, skip=0, read=None, version=b"\0\1",
                   number=None, count=1, hod=None):
    """Section 5, of a peerdist_model.Segment with all its block hashes; HASHES: those that are
    listed in their place."""
    hashes = segment.block_hashes if hashes is None else hashes
    description = struct.pack("<QII", segment.offset, segment.length, BLOCK_1) + \
        (hod or segment.hod) + segment.kp
    return version + struct.pack(
        "<IIII", algorithm.number if number is None else number, skip,
        segment.length if read is None else read, count) + description + \
        struct.pack("<I", len(hashes)) + b"".join(hashes)


# ---- reading ----

def decode(body, tls):
    """As a cache reads it; TLS: whether it came by HTTPS."""
    drop_if(not 16 <= len(body) <= BODY_MAX, f"{len(body)} octets")
    minor, major, kind, pad_1, port, pad_2 = struct.unpack(">BBH4sH6s", body[:16])
    drop_if(minor or major not in (1, 2), f"version {major}.{minor}")
    drop_if(kind not in (INITIAL_OFFER, SEGMENT_INFO, BATCHED_OFFER), f"type {kind}")
    drop_if((major, kind == BATCHED_OFFER) != ((1, False) if tls else (2, True)),
            "not by this transport")
    offer = Offer(kind, port, (major, minor), padding=(pad_1, pad_2))
    rest = body[16:]
    if kind == INITIAL_OFFER:
        drop_if(len(rest) not in ID_SIZES, f"id of {len(rest)} octets")
        offer.id = rest
    elif kind == SEGMENT_INFO:
        drop_if(len(rest) < 16, "no content tag")
        offer.tag, offer.information = rest[:16], rest[16:]
    else:
        offer.descriptors = decode_descriptors(rest)
    return offer


def decode_descriptors(rest):
    drop_if(not rest, "no descriptor")
    drop_if(len(rest) % DESCRIPTOR_SIZE, "a descriptor is cut short")
    drop_if(len(rest) > DESCRIPTORS_MAX * DESCRIPTOR_SIZE, "too many descriptors")
    found = []
    for at in range(0, len(rest), DESCRIPTOR_SIZE):
        block_size, size, tag_size, tag, algorithm, identity = struct.unpack(
            ">IIH16sB32s", rest[at:at + DESCRIPTOR_SIZE])
        drop_if(tag_size != 16, f"content tag of {tag_size} octets")
        found.append(Descriptor(identity, size, algorithm, block_size, tag))
    return found


def unusable_if(condition, why):
    if condition:
        raise Unusable(why)


def decode_information(data):
    """(segment, algorithm) of a SEGMENT_INFO. How much is read of the segment says nothing; what is
    skipped, only where there are fewer hashes than blocks. Rules of section 12 of that digest."""
    unusable_if(len(data) < 18 or data[:2] != b"\0\1", "version")
    number, skip, _, count = struct.unpack("<IIII", data[2:18])
    try:
        algorithm = model.hash_of(1, number)
    except model.Rejected as error:
        raise Unusable(str(error)) from None
    size = algorithm.size
    unusable_if(count != 1, f"{count} segments")
    unusable_if(len(data) < 18 + 16 + 2 * size + 4, "cut short")
    offset, length, block = struct.unpack("<QII", data[18:34])
    unusable_if(block != BLOCK_1 or not 0 < length <= model.SEGMENT_1 or skip >= length
                or offset % model.SEGMENT_1 or offset > model.OFFSET_MAX - length, "sizes")
    at = 34 + 2 * size
    listed, packed = struct.unpack("<I", data[at:at + 4])[0], data[at + 4:]
    segment = model.Segment(offset, length, data[34:34 + size], data[34 + size:at])
    unusable_if(not 1 <= listed <= segment.total() or len(packed) != listed * size, "block list")
    low = skip // BLOCK_1
    if listed <= low and listed != segment.total():
        segment.first_block = low
    segment.block_hashes = [packed[i:i + size] for i in range(0, len(packed), size)]
    unusable_if(listed == segment.total() and algorithm.digest(packed) != segment.hod,
                "the block hashes do not give the hash of data")
    return segment, algorithm


def decode_response(body, request):
    """The code; section 7."""
    if len(body) != 5 or body[:4] != b"\0\0\0\1":
        raise Unusable(f"response {body[:20].hex()}")
    allowed = (OK, INTERESTED) if request == INITIAL_OFFER else (OK,)
    if body[4] not in allowed:
        raise Unusable(f"code {body[4]}")
    return body[4]


# ---- against the text ----

ID = bytes(range(32))
SMB_TAG = bytes.fromhex("35db045d14234553a0510dc2e15e6c4c")
WORKED_INITIAL = """00 01 0001 00000000 205a 000000000000
    000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"""
WORKED_BATCH = """00 02 0003 00000000 0050 000000000000
    00010000 01d00000 0010 57696e494e6574000000000000000000 01
    000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
    00011170 00011170 0010 35db045d14234553a0510dc2e15e6c4c 04
    1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100"""
WORKED_INFO = """00 01 0002 00000000 205a 000000000000
    424954532d342e300000000000000000
    0001 0c800000 00000000 13000000 01000000
    0000000000000000 13000000 00000100
    7743034d22491720b723b68afd046be66969409254dc79a153e290c81a8f238a
    032abf1b8c45313b4228320976696c35aa3367b2fb71d5797078fcf00132d27c
    01000000
    5cac4f980fedc3d3f1f99b4be3472c9b30d56523e632d151237ec9309048bda9"""


def octets(text):
    return bytes.fromhex("".join(text.split()))


def worked():
    """(name, offer, what the text has, by TLS)"""
    algorithm = model.HASHES["sha256"]
    fox, = model.cut_segments(b"The quick brown fox", 1, algorithm, b"no more secrets")
    yield "INITIAL_OFFER", Offer(INITIAL_OFFER, 8282, id=ID), WORKED_INITIAL, True
    yield "SEGMENT_INFO", Offer(
        SEGMENT_INFO, 8282, tag=b"BITS-4.0" + bytes(8),
        information=information_of(fox, algorithm)), WORKED_INFO, True
    yield "BATCHED_OFFER", Offer(BATCHED_OFFER, 80, descriptors=[
        Descriptor(ID, 0x1D00000, 1, 65536, b"WinINet" + bytes(9)),
        Descriptor(ID[::-1], 70000, 4, 70000, SMB_TAG)]), WORKED_BATCH, False


def refused():
    """(name, body, by TLS)"""
    initial, batch, info = map(octets, (WORKED_INITIAL, WORKED_BATCH, WORKED_INFO))
    one = batch[16:75]
    yield "nothing", b"", True
    yield "15 octets", initial[:15], True
    yield "version", b"\xfe\xfe" + initial[2:], True
    yield "minor version", b"\1" + initial[1:], True
    yield "type", initial[:2] + b"\xfe\xfe" + initial[4:], True
    yield "type 0", initial[:2] + b"\0\0" + initial[4:], True
    yield "1.0 by HTTP", initial, False
    yield "2.0 by HTTPS", batch, True
    yield "BATCHED_OFFER as 1.0 by HTTPS", b"\0\1" + batch[2:], True
    yield "INITIAL_OFFER as 2.0", b"\0\2" + initial[2:], False
    yield "no id", initial[:16], True
    yield "id of 31", initial[:-1], True
    yield "no tag", info[:31], True
    yield "no descriptor", batch[:16], False
    yield "129 descriptors", batch[:16] + one * 129, False
    yield "tag of 0", batch[:24] + b"\0\0" + batch[26:34] + batch[42:], False
    yield "cut descriptor", batch[:-1], False


def command_check(_):
    for name, offer, text, tls in worked():
        data = octets(text)
        drop_if(encode(offer) != data, f"{name} is written otherwise: {encode(offer).hex()}")
        drop_if(encode(decode(data, tls)) != data, f"{name} is read otherwise")
    segment, algorithm = decode_information(decode(octets(WORKED_INFO), True).information)
    drop_if((segment.length, algorithm.name, len(segment.block_hashes)) != (19, "sha256", 1),
            "the segment info is read otherwise")
    drop_if(encode_response(OK) != octets("00000001 00") or
            encode_response(INTERESTED) != octets("00000001 01"), "responses")
    drop_if(len(encode(Offer(BATCHED_OFFER, 1, descriptors=[Descriptor(ID, 1, 4)] * 128))) != 7568,
            "size of 128 descriptors")
    for name, body, tls in refused():
        try:
            decode(body, tls)
        except Dropped:
            continue
        raise Dropped(f"{name} is taken")


def command_decode(arguments):
    print(json.dumps(decode(bytes.fromhex(arguments.hex), arguments.tls).shown()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    verbs.add_parser("check").set_defaults(function=command_check)
    decoding = verbs.add_parser("decode")
    decoding.set_defaults(function=command_decode)
    decoding.add_argument("--tls", action="store_true")
    decoding.add_argument("hex")
    arguments = parser.parse_args()
    try:
        arguments.function(arguments)
    except (Dropped, Unusable) as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
