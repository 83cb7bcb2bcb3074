#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Content information as the specification has it, for tests: a second reading of it beside the
program's own, written from the text alone (MS-PCCRC; section numbers are those of the digest).
Slow and plain; whole contents are taken at once.

    peerdist_model.py decode FILE                  all fields as JSON; status 1: rejected
    peerdist_model.py make --version N --secret HEX [--range START,LENGTH] [--hash NAME]
                           [--cut content|N] [--form prefix|exact|all] FILE OUT
    peerdist_model.py verify [--secret HEX] [--whole] INFO FILE
                           whether INFO describes FILE; --whole: all of it and not a range
    peerdist_model.py cut FILE                     the lengths of our version 2.0 segments
    peerdist_model.py key export|import --passphrase TEXT IN OUT
                           between a file with the raw secret key and the exported form

Status: 0 yes, 1 no (a line on stderr says why), 2 wrong usage.
"""
import argparse
import hashlib
import hmac
import json
import struct
import sys
from dataclasses import dataclass, field

sys.dont_write_bytecode = sys.pycache_prefix is None
import peerdist_cutter  # noqa: E402
import peerdist_keys  # noqa: E402

SEGMENT_1 = 33554432
BLOCK_1 = 65536
SEGMENT_2_MAX = 131072
OFFSET_MAX = 2**63 - 1
LIMIT = 256 << 20
CHUNK_SEGMENTS = 63161283
# The text of section 4: UTF-16LE with its NUL.
CACHING = "MS_P2P_CACHING\0".encode("utf-16-le")


class Rejected(ValueError):
    """No content information, or none can be made; says why."""


def refuse_if(condition, why):
    if condition:
        raise Rejected(why)


@dataclass(frozen=True)
class Hash:
    name: str
    version: int
    number: int
    function: str
    size: int

    def digest(self, data):
        return hashlib.new(self.function, data).digest()[:self.size]

    def keyed(self, key, data):
        return hmac.new(key, data, self.function).digest()[:self.size]


HASHES = {h.name: h for h in (
    Hash("sha256", 1, 0x800C, "sha256", 32), Hash("sha384", 1, 0x800D, "sha384", 48),
    Hash("sha512", 1, 0x800E, "sha512", 64), Hash("sha512-trunc256", 2, 0x04, "sha512", 32))}
DEFAULT_HASH = {1: "sha256", 2: "sha512-trunc256"}


def hash_of(version, number):
    for candidate in HASHES.values():
        if (candidate.version, candidate.number) == (version, number):
            return candidate
    raise Rejected(f"hash number {number:#x} in version {version}")


@dataclass
class Segment:
    offset: int
    length: int
    hod: bytes
    kp: bytes = b""
    first_block: int = 0           # the number of the first listed block; 0 in 2.0
    block_hashes: list = field(default_factory=list)  # 2.0: none; the block is the segment

    def end(self):
        return self.offset + self.length

    def total(self):
        return (self.length + BLOCK_1 - 1) // BLOCK_1

    def name(self, algorithm):
        """HoHoDk."""
        return algorithm.keyed(self.kp, self.hod + CACHING)


@dataclass
class Info:
    version: int
    algorithm: Hash
    start: int
    end: int
    segments: list
    fields: dict = field(default_factory=dict)  # of the header, by the specification's names

    def blocks(self):
        """(segment, block, start, end, hash) of everything that can be verified."""
        for segment in self.segments:
            if self.version == 2:
                yield segment, 0, segment.offset, segment.end(), segment.hod
                continue
            for index, digest in enumerate(segment.block_hashes):
                block = segment.first_block + index
                start = segment.offset + block * BLOCK_1
                yield segment, block, start, min(start + BLOCK_1, segment.end()), digest

    def fetch(self):
        """(number of segment, block, start, end, first kept, end of kept), section 13."""
        number = {id(segment): index for index, segment in enumerate(self.segments)}
        for segment, block, start, end, _ in self.blocks():
            keep_start, keep_end = max(start, self.start), min(end, self.end)
            if keep_start < keep_end:
                yield number[id(segment)], block, start, end, keep_start, keep_end


# ---- reading, section 12 ----

class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def left(self):
        return len(self.data) - self.at

    def take(self, size):
        if size > self.left():
            raise Rejected(f"truncated: {size} octets wanted at {self.at}, {self.left()} left")
        self.at += size
        return self.data[self.at - size:self.at]

    def unpack(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))


def decode(data, limit=LIMIT):
    refuse_if(len(data) > limit, "longer than the limit")
    refuse_if(len(data) < 2, "truncated before the version")
    version = {b"\x00\x01": 1, b"\x00\x02": 2}.get(bytes(data[:2]))
    refuse_if(version is None, f"version {data[1]}.{data[0]}")
    return decode_1(Cursor(data)) if version == 1 else decode_2(Cursor(data))


def decode_1(cursor):
    _, number, skip, read, count = cursor.unpack("<HIIII")
    algorithm = hash_of(1, number)
    size = algorithm.size
    refuse_if(count == 0, "no segments")
    refuse_if(count > cursor.left() // (16 + 2 * size + 4), "more segments than octets")
    segments = [decode_segment_1(cursor, size) for _ in range(count)]
    for before, after in zip(segments, segments[1:]):
        refuse_if(before.length != SEGMENT_1, "a short segment is not the last")
        refuse_if(after.offset != before.end(), "segments do not touch")
    start, end = range_1(segments, skip, read)
    lists = []
    for segment in segments:
        count_field, = cursor.unpack("<I")
        segment.first_block = first_listed(segment, start, end, count_field)
        lists.append(count_field)
        packed = cursor.take(count_field * size)
        segment.block_hashes = [packed[i:i + size] for i in range(0, len(packed), size)]
        whole = count_field == segment.total()
        refuse_if(whole and algorithm.digest(packed) != segment.hod, "block hashes do not give HoD")
    refuse_if(cursor.left(), "octets behind the end")
    fields = {"dwHashAlgo": number, "dwOffsetInFirstSegment": skip,
              "dwReadBytesInLastSegment": read, "cSegments": count, "cBlocks": lists}
    return Info(1, algorithm, start, end, segments, fields)


def decode_segment_1(cursor, size):
    offset, length, block = cursor.unpack("<QII")
    refuse_if(block != BLOCK_1, f"block size {block}")
    refuse_if(not 0 < length <= SEGMENT_1, f"segment of {length} octets")
    refuse_if(offset % SEGMENT_1, f"segment at {offset}")
    refuse_if(offset > OFFSET_MAX - length, f"segment at {offset}")
    return Segment(offset, length, cursor.take(size), cursor.take(size))


def range_1(segments, skip, read):
    """Section 7 and rules 7 and 8."""
    first, last = segments[0], segments[-1]
    refuse_if(skip >= first.length, "the range begins behind the first segment")
    refuse_if(read > last.length, "the range ends behind the last segment")
    start = first.offset + skip
    if read in (0, last.length):
        return start, last.end()
    if len(segments) > 1:
        return start, last.offset + read
    refuse_if(read > first.length - skip, "the range ends behind its segment")
    return start, start + read


def touched(segment, start, end):
    """[lo, hi): the blocks of SEGMENT that touch [START, END)."""
    first = max(start, segment.offset) - segment.offset
    behind = min(end, segment.end()) - segment.offset
    return first // BLOCK_1, (behind + BLOCK_1 - 1) // BLOCK_1


def first_listed(segment, start, end, count):
    """The three forms of section 7."""
    low, high = touched(segment, start, end)
    if count in (segment.total(), high):
        return 0
    refuse_if(count != high - low, f"{count} blocks listed")
    return low


def decode_2(cursor):
    _, _, number, start, index, skip, length = cursor.unpack(">BBBQQIQ")
    algorithm = hash_of(2, number)
    refuse_if(start > OFFSET_MAX, f"start {start}")
    segments, chunks, position = [], [], start
    while cursor.left():
        kind, size = cursor.unpack(">BI")
        refuse_if(kind != 0, f"chunk of type {kind}")
        refuse_if(size == 0 or size % 68, f"chunk of {size} octets")
        refuse_if(size > cursor.left(), "truncated chunk")
        chunks.append(size // 68)
        for _ in range(size // 68):
            segment_length, = cursor.unpack(">I")
            refuse_if(not 0 < segment_length <= SEGMENT_2_MAX, f"segment of {segment_length}")
            refuse_if(segment_length > OFFSET_MAX - position, "segment behind the last offset")
            segments.append(Segment(position, segment_length, cursor.take(32), cursor.take(32)))
            position += segment_length
    refuse_if(not segments, "no chunk")
    total = position - start
    refuse_if(skip >= segments[0].length, "the range begins behind the first segment")
    refuse_if(length > total - skip, "the range is longer than what is listed")
    refuse_if(length and skip + length <= total - segments[-1].length, "last segment not reached")
    fields = {"bHashAlgo": number, "ullStartInContent": start, "ullIndexOfFirstSegment": index,
              "dwOffsetInFirstSegment": skip, "ullLengthOfRange": length, "chunks": chunks}
    end = start + skip + length if length else position
    return Info(2, algorithm, start + skip, end, segments, fields)


# ---- keys, section 4 ----

def server_secret(algorithm, secret_key):
    return algorithm.digest(secret_key)


# ---- cutting, sections 2 and 10 ----

def fixed_lengths(size, length):
    return [min(length, size - at) for at in range(0, size, length)]


# ---- writing, section 11 ----

def cut_segments(data, version, algorithm, secret_key, lengths=None):
    """All segments of the content, with their secrets, and in 1.0 with all block hashes."""
    if version == 1:
        lengths = fixed_lengths(len(data), SEGMENT_1)
    elif lengths is None:
        lengths = peerdist_cutter.content_lengths(data)
    secret, segments, position = server_secret(algorithm, secret_key), [], 0
    for length in lengths:
        octets = memoryview(data)[position:position + length]
        segment = Segment(position, length, b"")
        if version == 1:
            segment.block_hashes = [algorithm.digest(octets[at:at + BLOCK_1])
                                    for at in range(0, length, BLOCK_1)]
            segment.hod = algorithm.digest(b"".join(segment.block_hashes))
        else:
            segment.hod = algorithm.digest(octets)
        segment.kp = algorithm.keyed(secret, segment.hod)
        segments.append(segment)
        position += length
    return segments


def listed_blocks(segment, start, end, form="prefix"):
    """[first, behind) of the block hashes to write: the one ambiguity of the format."""
    low, high = touched(segment, start, end)
    return {"prefix": (0, high), "exact": (low, high), "all": (0, segment.total())}[form]


def encode(version, algorithm, segments, start=0, length=None, form="prefix", last_zero=True,
           chunk=CHUNK_SEGMENTS, whole_zero=True):
    """SEGMENTS: of the whole content. LENGTH None: to its end."""
    refuse_if(not segments, "no content")
    size = segments[-1].end()
    if length is None:
        length = size - start
    refuse_if(length <= 0 or start < 0 or start + length > size, "no such range")
    first = next(i for i, s in enumerate(segments) if s.end() > start)
    listed = [s for s in segments[first:] if s.offset < start + length]
    if version == 1:
        return encode_1(algorithm, listed, start, start + length, form, last_zero)
    whole = start == 0 and length == size and whole_zero
    return encode_2(algorithm, listed, first, start, 0 if whole else length, chunk)


def encode_1(algorithm, listed, start, end, form, last_zero):
    last = listed[-1]
    if end == last.end():
        read = 0 if last_zero else (end - start if len(listed) == 1 else last.length)
    else:
        read = end - start if len(listed) == 1 else end - last.offset
    out = [struct.pack("<HIIII", 0x0100, algorithm.number, start - listed[0].offset, read,
                       len(listed))]
    for segment in listed:
        out += [struct.pack("<QII", segment.offset, segment.length, BLOCK_1), segment.hod,
                segment.kp]
    for segment in listed:
        low, high = listed_blocks(segment, start, end, form)
        out += [struct.pack("<I", high - low), *segment.block_hashes[low:high]]
    return b"".join(out)


def encode_2(algorithm, listed, index, start, length, chunk):
    first = listed[0].offset
    out = [struct.pack(">BBBQQIQ", 0, 2, algorithm.number, first, index, start - first, length)]
    for at in range(0, len(listed), chunk):
        part = listed[at:at + chunk]
        out.append(struct.pack(">BI", 0, 68 * len(part)))
        for segment in part:
            out += [struct.pack(">I", segment.length), segment.hod, segment.kp]
    return b"".join(out)


def make(data, version, secret_key, start=0, length=None, lengths=None, hash_name=None, **form):
    algorithm = HASHES[hash_name or DEFAULT_HASH[version]]
    refuse_if(not secret_key, "no secret key")
    refuse_if(algorithm.version != version, "that hash is of the other version")
    segments = cut_segments(data, version, algorithm, secret_key, lengths)
    return encode(version, algorithm, segments, start, length, **form)


# ---- using it ----

def faults(info, data, secret_key=None, whole=False):
    """What of INFO is not so of the content DATA, in words."""
    secret = server_secret(info.algorithm, secret_key) if secret_key else None
    if info.segments[-1].end() > len(data):
        yield f"describes {info.segments[-1].end()} octets, the content has {len(data)}"
        return
    if whole and (info.start, info.end) != (0, len(data)):
        yield f"is of [{info.start}, {info.end}), not of all {len(data)} octets"
    content = memoryview(data)
    for segment, block, start, end, digest in info.blocks():
        if info.algorithm.digest(content[start:end]) != digest:
            yield f"segment at {segment.offset}, block {block}: other octets"
    for segment in info.segments:
        octets = content[segment.offset:segment.end()]
        if info.version == 1:
            # A segment shorter than it could be must be the content's last.
            if segment.length < SEGMENT_1 and segment.end() != len(data):
                yield f"segment at {segment.offset}: not the whole segment"
            octets = b"".join(info.algorithm.digest(octets[at:at + BLOCK_1])
                              for at in range(0, len(octets), BLOCK_1))
            if info.algorithm.digest(octets) != segment.hod:
                yield f"segment at {segment.offset}: HoD"
        if secret and info.algorithm.keyed(secret, segment.hod) != segment.kp:
            yield f"segment at {segment.offset}: secret"


def description(info):
    """All fields, for JSON."""
    def of_segment(segment):
        fields = {"offset": segment.offset, "length": segment.length, "hod": segment.hod.hex(),
                  "kp": segment.kp.hex(), "id": segment.name(info.algorithm).hex()}
        if info.version == 1:
            fields.update(first_block=segment.first_block, block_count=len(segment.block_hashes),
                          complete=len(segment.block_hashes) == segment.total(),
                          block_hashes=[h.hex() for h in segment.block_hashes])
        return fields
    fetch = [{"segment": number, "block": block, "block_range": [start, end - start],
              "keep": [keep_start, keep_end - keep_start]}
             for number, block, start, end, keep_start, keep_end in info.fetch()]
    return {"version": info.version, "hash": info.algorithm.name, **info.fields,
            "range": [info.start, info.end - info.start],
            "segments": [of_segment(s) for s in info.segments], "fetch": fetch}


# ---- the command line ----

def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def write_file(path, data):
    with open(path, "wb") as file:
        file.write(data)


def command_decode(arguments):
    print(json.dumps(description(decode(read_file(arguments.file))), indent=1))


def command_make(arguments):
    data = read_file(arguments.file)
    start, length = arguments.range or (0, None)
    lengths = None
    if arguments.cut != "content" and arguments.version == 2:
        lengths = fixed_lengths(len(data), int(arguments.cut))
    write_file(arguments.out, make(data, arguments.version, arguments.secret, start, length,
                                   lengths, arguments.hash, form=arguments.form))


def command_verify(arguments):
    info = decode(read_file(arguments.info))
    found = list(faults(info, read_file(arguments.file), arguments.secret, arguments.whole))
    refuse_if(found, "; ".join(found[:10]))


def command_cut(arguments):
    print("\n".join(map(str, peerdist_cutter.content_lengths(read_file(arguments.file)))))


def command_key(arguments):
    turn = {"export": peerdist_keys.export_key,
            "import": peerdist_keys.import_key}[arguments.direction]
    write_file(arguments.out, turn(read_file(arguments.file), arguments.passphrase))


def pair(text):
    start, length = map(int, text.split(","))
    return start, length


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(name, function, *positional):
        added = verbs.add_parser(name)
        added.set_defaults(function=function)
        for argument in positional:
            added.add_argument(argument)
        return added
    verb("decode", command_decode, "file")
    making = verb("make", command_make, "file", "out")
    making.add_argument("--version", type=int, choices=(1, 2), default=2)
    making.add_argument("--secret", type=bytes.fromhex, required=True)
    making.add_argument("--range", type=pair)
    making.add_argument("--hash", choices=HASHES)
    making.add_argument("--cut", default="content")
    making.add_argument("--form", choices=("prefix", "exact", "all"), default="prefix")
    verifying = verb("verify", command_verify, "info", "file")
    verifying.add_argument("--secret", type=bytes.fromhex)
    verifying.add_argument("--whole", action="store_true")
    verb("cut", command_cut, "file")
    keys = verbs.add_parser("key")
    keys.set_defaults(function=command_key)
    keys.add_argument("direction", choices=("export", "import"))
    keys.add_argument("--passphrase", required=True)
    keys.add_argument("file")
    keys.add_argument("out")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    try:
        arguments.function(arguments)
    except (Rejected, peerdist_keys.NoKey, OSError) as error:
        print(f"{sys.argv[0]}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
