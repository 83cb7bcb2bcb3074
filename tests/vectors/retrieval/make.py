#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes messages.json, ages.json and cipher.json beside itself, from the description of the
protocol alone: nothing of the project's code is used, and AES is written out here from FIPS 197.
make.py CORPUS also writes the messages below that folder, for the fuzzers."""
import hashlib
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ID = bytes(range(32))
OTHER = bytes(range(0x80, 0xA0))
SECRET = bytes(range(0x40, 0x60))
IV = bytes(range(0x10, 0x20))
REQUEST_ID = bytes(range(0xA0, 0xB0))
DOG = b"The quick brown fox jumps over the lazy dog."
NAMES = ["none", "aes-128", "aes-192", "aes-256"]


# ---- AES, one octet at a time ----

def double(a):
    return (a << 1 ^ 0x11B) & 0xFF if a & 0x80 else a << 1


def times(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a, b = double(a), b >> 1
    return product


def make_sbox():
    sbox = []
    for value in range(256):
        inverse = next((x for x in range(256) if times(value, x) == 1), 0)
        out = 0x63
        for turn in range(5):
            out ^= (inverse << turn | inverse >> (8 - turn)) & 0xFF
        sbox.append(out)
    return sbox


SBOX = make_sbox()
TWO = [times(x, 2) for x in range(256)]
THREE = [times(x, 3) for x in range(256)]


def expand(key):
    words = [list(key[i:i + 4]) for i in range(0, len(key), 4)]
    length, constant = len(words), 1
    while len(words) < 4 * (length + 7):
        word = list(words[-1])
        if len(words) % length == 0:
            word = [SBOX[x] for x in word[1:] + word[:1]]
            word[0] ^= constant
            constant = double(constant)
        elif length > 6 and len(words) % length == 4:
            word = [SBOX[x] for x in word]
        words.append([a ^ b for a, b in zip(word, words[-length])])
    flat = [x for word in words for x in word]
    return [flat[i:i + 16] for i in range(0, len(flat), 16)]


def encrypt_unit(rounds, unit):
    state = [a ^ b for a, b in zip(unit, rounds[0])]
    for number, key in enumerate(rounds[1:], 1):
        state = [SBOX[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < len(rounds) - 1:
            mixed = []
            for c in range(0, 16, 4):
                a = state[c:c + 4]
                for i in range(4):
                    mixed.append(TWO[a[i]] ^ THREE[a[(i + 1) % 4]] ^ a[(i + 2) % 4]
                                 ^ a[(i + 3) % 4])
            state = mixed
        state = [a ^ b for a, b in zip(state, key)]
    return bytes(state)


def cbc(key, iv, data):
    rounds, last, out = expand(key), iv, []
    for at in range(0, len(data), 16):
        last = encrypt_unit(rounds, bytes(a ^ b for a, b in zip(data[at:at + 16], last)))
        out.append(last)
    return b"".join(out)


def seal(algorithm, block, secret=SECRET, iv=IV):
    if algorithm == 0:
        return block
    pad = 16 - len(block) % 16
    return cbc(secret[:8 + 8 * algorithm], iv, block + bytes([pad]) * pad)


# ---- messages ----

def u32(*numbers):
    return struct.pack(">%dI" % len(numbers), *numbers)


def pad(data):
    return data + bytes(-len(data) % 4)


def sized(data):
    return u32(len(data)) + pad(data)


def ranges(*pairs):
    return u32(len(pairs)) + b"".join(u32(*pair) for pair in pairs)


def message(kind, body, cipher=1, version=None, size=None):
    major, minor = version or ((2, 0) if kind in (6, 7) else (1, 0))
    length = 16 + len(body) if size is None else size
    return struct.pack(">HHIII", minor, major, kind, length, cipher) + body


def transported(data, size=None):
    return u32(len(data) if size is None else size) + data


def getblks(*pairs, id=ID, verification=u32(0), **rest):
    return message(3, sized(id) + ranges(*pairs) + verification, **rest)


def getblklist(*pairs, id=ID, **rest):
    return message(2, sized(id) + ranges(*pairs), **rest)


def getseglist(ids=(ID, OTHER), blob=u32(0), count=None, **rest):
    body = REQUEST_ID + u32(len(ids) if count is None else count)
    return message(6, body + b"".join(sized(i) for i in ids) + blob, **rest)


def nego(least=(1, 0), most=(2, 0), kind=0, **rest):
    return message(kind, struct.pack(">HHHH", least[1], least[0], most[1], most[0]), **rest)


def normal(pairs, limit):
    """Ranges in normal form, by the plain way: index by index."""
    members = sorted({i for index, count in pairs
                      for i in range(index, min(index + count, limit))})
    out = []
    for i in members:
        if out and out[-1][0] + out[-1][1] == i:
            out[-1][1] += 1
        else:
            out.append([i, 1])
    return out


requests, answers = [], []


def valid(name, data, written=None, **read):
    entry = {"name": name, "message": data.hex(), "verdict": "valid", "read": read}
    if written is not None and written != data:
        entry["written"] = written.hex()
    requests.append(entry)


def refused(name, data, verdict="malformed"):
    requests.append({"name": name, "message": data.hex(), "verdict": verdict})


def ask_list(name, *pairs, id=ID, data=None, cipher=1, version=(1, 0)):
    kept = normal(pairs, 512)
    if data is None:
        data = getblklist(*pairs, id=id, cipher=cipher, version=version)
    valid(name, data, getblklist(*kept, id=id, cipher=cipher, version=version), type=2,
          version=list(version), cipher=cipher, segment=id.hex(), blocks=kept)


def ask_block(name, block, *pairs, none=False, id=ID, data=None, cipher=1, version=(1, 0)):
    if data is None:
        data = getblks(*pairs, id=id, cipher=cipher, version=version)
    valid(name, data,
          getblks((block, 0 if none else 1), id=id, cipher=cipher, version=version), type=3,
          version=list(version), cipher=cipher, segment=id.hex(), block=block, none=none)


def ask_segments(name, ids=(ID, OTHER), blob=b"", version=(2, 0)):
    valid(name, getseglist(ids, u32(len(blob)) + blob, version=version), type=6,
          version=list(version), cipher=1, request_id=REQUEST_ID.hex(), ids=[i.hex() for i in ids],
          blob=blob.hex())


def ask_versions(name, least, most, **rest):
    cipher = rest.get("cipher", 1)
    version = rest.get("version", (1, 0))
    valid(name, nego(least, most, **rest), type=0, version=list(version), cipher=cipher,
          least=list(least), most=list(most))


def make_requests():
    # section 15
    ask_block("worked-block", 3, (3, 1))
    ask_list("worked-list", (0, 4), (42, 7))
    ask_segments("worked-segments")
    ask_versions("worked-versions", (1, 0), (2, 0))
    # section 10, row by row
    refused("empty", b"")
    refused("fewer-than-16", getblks((3, 1))[:15])
    refused("header-only", message(3, b""))
    refused("size-under-16", message(0, bytes(8), size=15))
    refused("size-too-large", getblks((3, 1), size=69))
    refused("size-too-small", getblks((3, 1), size=67))
    refused("size-zero", getblks((3, 1), size=0))
    refused("left-over-versions", message(0, bytes(12)))
    refused("left-over-list", message(2, sized(ID) + ranges((0, 4)) + b"\0"))
    refused("left-over-block", getblks((3, 1), verification=u32(0, 0)))
    refused("left-over-segments", getseglist(blob=u32(0, 0)))
    for kind in (8, 0xFEFE, 0xFFFFFFFF):
        refused("type-%x" % kind, message(kind, bytes(8)))
    refused("response-versions", nego(kind=1))
    for kind in (4, 5, 7):
        refused("response-type-%d" % kind, message(kind, sized(ID) + bytes(12)))
    for version in ((0, 0), (0, 1), (3, 0), (0xFEFE, 0xFEFE), (256, 1), (512, 0)):
        name = "major-%d-minor-%d-" % version
        refused(name + "versions", nego(version=version), "incompatible")
        refused(name + "list", getblklist((0, 4), version=version), "incompatible")
        refused(name + "block", getblks((3, 1), version=version), "incompatible")
        refused(name + "segments", getseglist(version=version), "incompatible")
    refused("major-3-broken-body", message(3, b"xyz", version=(3, 0)), "incompatible")
    refused("major-3-cipher-4", getblks((3, 1), version=(3, 0), cipher=4), "incompatible")
    refused("major-3-size", getblks((3, 1), version=(3, 0), size=69))
    refused("major-3-type-5", message(5, bytes(8), version=(3, 0)))
    ask_block("minor-odd", 3, (3, 1), version=(1, 7))
    ask_block("minor-most", 3, (3, 1), version=(2, 65535))
    ask_block("block-as-2.0", 3, (3, 1), version=(2, 0))
    ask_list("list-as-2.0", (0, 4), version=(2, 0))
    ask_segments("segments-as-1.0", version=(1, 0))
    ask_versions("versions-as-2.0", (1, 0), (2, 0), version=(2, 0))
    for cipher in (0, 2, 3):
        ask_block("cipher-%d" % cipher, 3, (3, 1), cipher=cipher)
    ask_versions("versions-cipher-0", (1, 0), (1, 0), cipher=0)
    for cipher in (4, 0x80000001, 0xFFFFFFFF):
        refused("cipher-%x" % cipher, getblks((3, 1), cipher=cipher))
    refused("cipher-4-versions", nego(cipher=4))
    ask_versions("versions-turned-around", (2, 0), (1, 0))
    ask_versions("versions-unknown", (0xFEFE, 0xFEFE), (0xFEFE, 0xFEFE))
    refused("versions-cut", message(0, bytes(4)))
    for name, make in (("list", getblklist), ("block", getblks)):
        refused("id-empty-" + name, make((0, 1), id=b""))
        refused("id-65-" + name, make((0, 1), id=bytes(65)))
    refused("id-empty-segments", getseglist([ID, b""]))
    refused("id-65-segments", getseglist([bytes(65)]))
    for size in (1, 2, 3, 31, 33, 48, 63, 64):
        ask_block("id-%d-block" % size, 3, (3, 1), id=bytes(range(1, size + 1)))
        ask_list("id-%d-list" % size, (3, 1), id=bytes(range(1, size + 1)))
    refused("id-larger-than-left", message(3, u32(40) + ID))
    refused("id-size-wraps", message(3, u32(0xFFFFFFFF) + ID + ranges((3, 1)) + u32(0)))
    for size in (1, 2, 3):
        name = bytes(range(1, size + 1))
        dirty = u32(size) + name + b"\0" * (3 - size) + b"\1"
        refused("padding-%d-block" % size, message(3, dirty + ranges((3, 1)) + u32(0)))
        refused("padding-%d-list" % size, message(2, dirty + ranges((3, 1))))
        refused("padding-%d-segments" % size, message(6, REQUEST_ID + u32(1) + dirty + u32(0)))
    # range counts
    refused("ranges-more-than-sent-list", message(2, sized(ID) + u32(2, 0, 4)))
    refused("ranges-more-than-sent-block", message(3, sized(ID) + u32(2, 3, 1, 0)))
    refused("ranges-fewer-than-sent-list", message(2, sized(ID) + u32(1, 0, 4, 8, 1)))
    refused("ranges-fewer-than-sent-block", message(3, sized(ID) + u32(1, 3, 1, 5, 1, 0)))
    refused("ranges-count-most", message(2, sized(ID) + u32(0xFFFFFFFF, 0, 4)))
    refused("ranges-count-wraps", message(2, sized(ID) + u32(0x20000001, 0, 4)))
    refused("ranges-half", message(2, sized(ID) + u32(1, 0)))
    ask_list("list-without-ranges")
    refused("block-without-ranges", message(3, sized(ID) + u32(0, 0)))
    ask_block("block-count-0", 3, (3, 0), none=True)
    ask_block("block-count-0-twice", 9, (9, 0), (3, 0), none=True)
    ask_block("block-count-0-then-1", 9, (3, 0), (9, 1))
    ask_block("block-count-1-then-0", 9, (9, 1), (3, 0))
    ask_list("list-count-0", (3, 0), (9, 1))
    ask_list("list-count-0-only", (3, 0))
    many = [(2 * i, 1) for i in range(257)]
    ask_list("list-256-ranges", *many[:256])
    refused("list-257-ranges", getblklist(*many))
    refused("block-257-ranges", getblks(*many))
    ask_block("block-256-ranges", 0, *many[:256])
    ask_list("list-index-512", (512, 1))
    ask_list("list-index-511", (511, 1))
    ask_list("list-beyond", (500, 100))
    ask_list("list-wraps", (5, 0xFFFFFFFF))
    ask_list("list-wraps-far", (0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 2), (7, 1))
    ask_list("list-everything", (0, 512))
    ask_block("block-index-512", 512, (512, 1))
    ask_block("block-index-most", 0xFFFFFFFF, (0xFFFFFFFF, 0xFFFFFFFF))
    ask_list("list-unsorted", (42, 7), (0, 4))
    ask_list("list-overlapping", (0, 4), (2, 4), (1, 1))
    ask_list("list-adjacent", (4, 4), (0, 4), (63, 1), (64, 1))
    ask_list("list-repeated", (4, 4), (4, 4))
    ask_block("block-several", 3, (3, 5))
    ask_block("block-several-ranges", 2, (7, 1), (2, 3), (5, 1))
    for size in (1, 4, 5, 32):
        ask_block("verification-%d" % size, 3,
                  data=getblks((3, 1), verification=u32(size) + b"\xee" * size))
    refused("verification-missing", message(3, sized(ID) + ranges((3, 1))))
    refused("verification-too-long", getblks((3, 1), verification=u32(5) + b"abcd"))
    refused("verification-too-short", getblks((3, 1), verification=u32(3) + b"abcd"))
    refused("verification-size-most", getblks((3, 1), verification=u32(0xFFFFFFFF)))
    # segments
    refused("segments-no-ids", getseglist([]))
    refused("segments-more-ids", getseglist([ID, OTHER], count=3))
    refused("segments-fewer-ids", getseglist([ID, OTHER], count=1))
    refused("segments-count-most", getseglist([ID, OTHER], count=0xFFFFFFFF))
    refused("segments-blob-missing", getseglist(blob=b""))
    refused("segments-blob-too-long", getseglist(blob=u32(9) + bytes(8)))
    refused("segments-blob-too-short", getseglist(blob=u32(7) + bytes(8)))
    refused("segments-blob-size-most", getseglist(blob=u32(0xFFFFFFFF)))
    refused("segments-request-id-cut", message(6, bytes(12)))
    ask_segments("segments-blob", blob=bytes.fromhex("0001030100452301"))
    ask_segments("segments-blob-odd", blob=b"\x00\x01\x03")
    ask_segments("segments-blob-nonsense", blob=b"\xff" * 7)
    ask_segments("segments-repeated-id", [ID, OTHER, ID])
    ask_segments("segments-mixed-ids", [b"\1", ID, bytes(range(63)), bytes(range(64))])
    ask_segments("segments-one", [OTHER])


ASK = {"versions": nego(), "list": getblklist((0, 4), (42, 7)), "block": getblks((3, 1)),
       "segments": getseglist()}


def answered(name, asked, body, written=None, ask=None, **read):
    entry = {"name": name, "asked": (ask or ASK[asked]).hex(), "body": body.hex(), "read": read}
    if written is not None and written != body:
        entry["written"] = written.hex()
    answers.append(entry)


def unanswered(name, asked, body, ask=None):
    answers.append({"name": name, "asked": (ask or ASK[asked]).hex(), "body": body.hex()})


def versions(least=(1, 0), most=(2, 0), cipher=0, **rest):
    return transported(nego(least, most, kind=1, cipher=cipher, **rest))


def blklist(*pairs, id=ID, next=60, **rest):
    return transported(message(4, sized(id) + ranges(*pairs) + u32(next), **rest))


def blk(block, data, index=3, id=ID, iv=IV, cipher=1, next=4, verification=u32(0), **rest):
    body = sized(id) + u32(index, next) + sized(data) + verification
    return transported(message(5, body + u32(len(iv)) + iv, cipher=cipher, **rest))


def seglist(*pairs, blob=u32(0), id=REQUEST_ID, **rest):
    return transported(message(7, id + ranges(*pairs) + blob, **rest))


def got_list(name, *pairs, next=60, written=None, body=None, cipher=1, id=ID, ask=None,
             asked=((0, 4), (42, 7))):
    wanted = {i for index, count in asked for i in range(index, index + count)}
    kept = normal([(i, 1) for index, count in normal(pairs, 512)
                   for i in range(index, index + count) if i in wanted], 512)
    answered(name, "list", body or blklist(*pairs, next=next, cipher=cipher, id=id),
             blklist(*kept, next=next, cipher=cipher, id=id), ask=ask, type=4, cipher=cipher,
             segment=id.hex(), blocks=kept, next=next)


def got_block(name, data, cipher=1, next=4, body=None, id=ID, ask=None, block=3, iv=None):
    iv = iv if iv is not None else (IV if cipher and data else b"")
    plain = blk(None, data, block, id, iv, cipher, next)
    answered(name, "block", body or plain, plain, ask=ask, type=5, cipher=cipher,
             segment=id.hex(), block=block, next=next, data=data.hex(), iv=iv.hex())


def got_segments(name, *pairs, blob=b"", body=None, ask=None, count=2):
    kept = normal(pairs, count)
    whole = seglist(*kept, blob=u32(len(blob)) + blob)
    answered(name, "segments", body or seglist(*pairs, blob=u32(len(blob)) + blob), whole,
             ask=ask, type=7, cipher=1, request_id=REQUEST_ID.hex(), segments=kept,
             first=pairs[0][0] if pairs else 0, blob=blob.hex())


def make_answers():
    sealed = seal(1, DOG)
    # section 15
    got_block("worked-block", sealed)
    got_block("worked-block-missing", b"", next=0)
    got_list("worked-list", (0, 2), (44, 5))
    got_segments("worked-segments", (1, 1), blob=bytes.fromhex("0001030100452301"))
    for asked in ASK:
        answered("worked-versions-" + asked, asked, versions(), type=1, cipher=0, least=[1, 0],
                 most=[2, 0])
    # the frame
    good = blk(None, sealed)
    for cut in (0, 3, 4, 19):
        unanswered("cut-at-%d" % cut, "block", good[:cut])
    unanswered("transport-size-larger", "block", u32(len(good) - 3) + good[4:])
    unanswered("transport-size-smaller", "block", u32(len(good) - 5) + good[4:])
    unanswered("transport-size-all", "block", u32(len(good)) + good[4:])
    unanswered("transport-missing", "block", good[4:])
    inner = message(5, good[20:], size=len(good) - 5)
    unanswered("message-size-differs", "block", transported(inner))
    unanswered("both-sizes-smaller", "block", transported(inner, len(inner) - 1))
    unanswered("left-over", "block", transported(message(5, good[20:] + b"\0")))
    unanswered("left-over-list", "list", transported(message(4, blklist((0, 1))[20:] + bytes(4))))
    unanswered("left-over-segments", "segments", seglist((1, 1), blob=u32(0, 0)))
    unanswered("left-over-versions", "block", transported(message(1, bytes(12), cipher=0)))
    unanswered("versions-cut", "block", transported(message(1, bytes(4), cipher=0)))
    # type, version, cipher
    unanswered("type-list-for-block", "block", blklist((3, 1)))
    unanswered("type-block-for-list", "list", good)
    unanswered("type-segments-for-block", "block", seglist())
    unanswered("type-own-request", "block", transported(getblks((3, 1))))
    unanswered("type-fefe", "block", transported(message(0xFEFE, good[20:])))
    unanswered("type-most", "block", transported(message(0xFFFFFFFF, good[20:])))
    for version in ((0, 0), (3, 0), (0xFEFE, 0xFEFE)):
        unanswered("major-%d" % version[0], "block", transported(
            message(5, good[20:], version=version)))
        unanswered("versions-major-%d" % version[0], "block", versions(version=version))
    got_block("major-2", sealed, body=transported(message(5, good[20:], version=(2, 9))))
    got_list("list-major-2", (0, 1), body=transported(
        message(4, blklist((0, 1))[20:], version=(2, 0))))
    for cipher in (4, 0xFFFFFFFF):
        unanswered("cipher-%x" % cipher, "block", blk(None, sealed, cipher=cipher))
        unanswered("cipher-%x-versions" % cipher, "block", versions(cipher=cipher))
        unanswered("cipher-%x-list" % cipher, "list", blklist((0, 1), cipher=cipher))
    answered("versions-cipher-1", "list", versions(cipher=1), type=1, cipher=1, least=[1, 0],
             most=[2, 0])
    answered("versions-of-others", "list", versions((7, 1), (3, 9)), type=1, cipher=0,
             least=[7, 1], most=[3, 9])
    # lists
    got_list("list-empty", next=0)
    got_list("list-cipher-3", (0, 4), cipher=3)
    got_list("list-unsorted", (44, 5), (0, 1), (1, 1))
    got_list("list-overlapping", (0, 3), (1, 2), (0, 3))
    got_list("list-more-than-asked", (0, 512), next=0)
    got_list("list-wraps", (43, 0xFFFFFFFF))
    got_list("list-next-odd", (0, 1), next=0xFFFFFFFF)
    unanswered("list-other-id", "list", blklist((0, 1), id=OTHER))
    unanswered("list-shorter-id", "list", blklist((0, 1), id=ID[:31]))
    unanswered("list-longer-id", "list", blklist((0, 1), id=ID + b"\0"))
    unanswered("list-empty-id", "list", blklist((0, 1), id=b""))
    unanswered("list-not-asked", "list", blklist((0, 1), (4, 38)))
    unanswered("list-beyond", "list", blklist((512, 1)))
    unanswered("list-index-most", "list", blklist((0xFFFFFFFF, 0xFFFFFFFF)))
    unanswered("list-count-0", "list", blklist((0, 0)))
    unanswered("list-257-ranges", "list", blklist(*[(0, 1)] * 257))
    got_list("list-256-ranges", *[(0, 1)] * 256)
    unanswered("list-count-more", "list", transported(message(4, sized(ID) + u32(2, 0, 1, 0))))
    unanswered("list-count-fewer", "list",
               transported(message(4, sized(ID) + u32(1, 0, 1, 1, 1, 0))))
    unanswered("list-count-most", "list", transported(
        message(4, sized(ID) + u32(0xFFFFFFFF, 0, 1, 0))))
    unanswered("list-without-next", "list", transported(message(4, sized(ID) + ranges((0, 1)))))
    odd = bytes(range(1, 34))
    got_list("list-id-33", (0, 2), id=odd, ask=getblklist((0, 4), (42, 7), id=odd))
    dirty = u32(33) + odd + b"\0\0\1" + ranges((0, 1)) + u32(0)
    unanswered("list-padding", "list", transported(message(4, dirty)), ask=getblklist(
        (0, 4), (42, 7), id=odd))
    # blocks
    for cipher in (2, 3):
        got_block("block-cipher-%d" % cipher, seal(cipher, DOG), cipher=cipher)
    got_block("block-plain", DOG, cipher=0)
    for size in (1, 2, 3, 5):
        got_block("block-plain-%d" % size, DOG[:size], cipher=0)
        dirty = sized(ID) + u32(3, 4, size) + DOG[:size] + bytes(-size % 4)[:-1] + b"\1"
        unanswered("block-plain-padding-%d" % size, "block", transported(
            message(5, dirty + u32(0, 0), cipher=0)))
    for iv in (IV, b"x" * 5):
        got_block("block-plain-iv-%d" % len(iv), DOG, cipher=0, iv=b"",
                  body=blk(None, DOG, cipher=0, iv=iv))
    for size in (0, 15, 17, 32):
        unanswered("block-iv-%d" % size, "block", blk(None, sealed, iv=bytes(size)))
    unanswered("block-iv-0-with-16", "block", transported(
        message(5, sized(ID) + u32(3, 4) + sized(sealed) + u32(0, 0) + IV)))
    unanswered("block-iv-missing", "block", transported(
        message(5, sized(ID) + u32(3, 4) + sized(sealed) + u32(0))))
    unanswered("block-iv-cut", "block", transported(
        message(5, sized(ID) + u32(3, 4) + sized(sealed) + u32(0, 16) + IV[:15])))
    unanswered("block-size-0-with-octets", "block", transported(
        message(5, sized(ID) + u32(3, 4, 0) + sealed + u32(0, 16) + IV)))
    unanswered("block-size-larger", "block", transported(
        message(5, sized(ID) + u32(3, 4, 0x1000) + sealed + u32(0, 16) + IV)))
    unanswered("block-size-most", "block", transported(
        message(5, sized(ID) + u32(3, 4, 0xFFFFFFFF) + sealed + u32(0, 16) + IV)))
    got_block("block-missing-index-0-iv", b"", next=0, body=blk(None, b"", index=0, next=0))
    got_block("block-missing-cipher-3", b"", cipher=3)
    got_block("block-missing-plain", b"", cipher=0, next=0)
    unanswered("block-other-index", "block", blk(None, sealed, index=4))
    unanswered("block-other-id", "block", blk(None, sealed, id=OTHER))
    unanswered("block-missing-other-id", "block", blk(None, b"", id=OTHER, iv=b""))
    for size in (1, 4, 6):
        got_block("block-verification-%d" % size, sealed,
                  body=blk(None, sealed, verification=sized(b"\xee" * size)))
    unanswered("block-verification-long", "block",
               blk(None, sealed, verification=u32(21) + b"\xee" * 4))
    unanswered("block-verification-padding", "block",
               blk(None, sealed, verification=u32(1) + b"\xee" * 4))
    got_block("block-index-most", sealed, block=0xFFFFFFFF, ask=getblks((0xFFFFFFFF, 1)))
    got_block("block-id-1", sealed, id=b"\7", ask=getblks((3, 1), id=b"\7"))
    got_block("block-id-64", DOG[:1], cipher=0, id=bytes(64), ask=getblks((3, 1), id=bytes(64)))
    got_block("block-not-a-multiple", sealed[:-1])
    # segments
    got_segments("segments-empty")
    got_segments("segments-both", (0, 2))
    got_segments("segments-unsorted", (1, 1), (0, 1))
    got_segments("segments-overlapping", (0, 2), (1, 1))
    got_segments("segments-without-blob", (0, 2),
                 body=transported(message(7, REQUEST_ID + ranges((0, 2)))))
    got_segments("segments-empty-without-blob",
                 body=transported(message(7, REQUEST_ID + ranges())))
    got_segments("segments-blob-nonsense", (0, 1), blob=b"\xff\xff\xff")
    got_segments("segments-many", *[(3 * i, 2) for i in range(90)], count=270,
                 ask=getseglist([ID] * 270))
    unanswered("segments-other-request-id", "segments", seglist((0, 1), id=bytes(16)))
    unanswered("segments-beyond", "segments", seglist((2, 1)))
    unanswered("segments-end-beyond", "segments", seglist((0, 3)))
    unanswered("segments-wraps", "segments", seglist((1, 0xFFFFFFFF)))
    unanswered("segments-count-0", "segments", seglist((0, 0)))
    unanswered("segments-more-ranges-than-ids", "segments", seglist((0, 1), (1, 1), (0, 1)))
    unanswered("segments-count-more", "segments", transported(
        message(7, REQUEST_ID + u32(2, 0, 1) + u32(0))))
    unanswered("segments-blob-long", "segments", seglist((0, 1), blob=u32(5) + bytes(4)))
    unanswered("segments-blob-short", "segments", seglist((0, 1), blob=u32(3) + bytes(4)))
    unanswered("segments-blob-half-size", "segments", seglist((0, 1), blob=bytes(3)))


def make_ages():
    def blob(*ages, unit=3, version=1, count=None):
        return struct.pack(">HBB", version, unit, len(ages) if count is None else count) + \
            b"".join(bytes([i]) + struct.pack("<I", age)[:3] for i, age in ages)

    def entry(name, data, ages=None, **rest):
        return dict({"name": name, "blob": data.hex()},
                    **({} if ages is None else {"ages": ages}), **rest)

    full = [(i, i * 257) for i in range(255)]
    return [
        entry("worked", blob((0, 0x12345)), [[0, 0x12345 * 10]], written=[[0, 0x12345 * 10 + 9]]),
        entry("none", blob(), []),
        entry("seconds", blob((7, 5), unit=1), [[7, 5000]]),
        entry("tenths", blob((7, 5), unit=2), [[7, 500]]),
        entry("hundredths", blob((7, 5)), [[7, 50]], written=[[7, 50]]),
        entry("milliseconds", blob((7, 5), unit=4), [[7, 5]]),
        entry("longest-seconds", blob((255, 0xFFFFFF), unit=1), [[255, 0xFFFFFF * 1000]]),
        entry("saturated", blob((255, 0xFFFFFF), (1, 0xFFFFFF), (2, 0xFFFFFE)),
              [[255, 0xFFFFFF * 10], [1, 0xFFFFFF * 10], [2, 0xFFFFFE * 10]],
              written=[[255, 1 << 62], [1, 0x1000000 * 10], [2, 0xFFFFFE * 10]]),
        entry("all", blob(*full), [[i, age * 10] for i, age in full],
              written=[[i, age * 10] for i, age in full]),
        entry("more-octets", blob((0, 1)) + b"xyz", [[0, 10]]),
        entry("unit-0", blob((0, 1), unit=0)),
        entry("unit-5", blob((0, 1), unit=5)),
        entry("unit-255", blob((0, 1), unit=255)),
        entry("version-0", blob((0, 1), version=0)),
        entry("version-2", blob((0, 1), version=2)),
        entry("version-little-endian", blob((0, 1), version=256)),
        entry("count-more", blob((0, 1), count=2)),
        entry("count-255", blob((0, 1), count=255)),
        entry("one-octet-short", blob((0, 1))[:-1]),
    ] + [entry("cut-at-%d" % cut, blob((0, 1))[:cut]) for cut in (0, 1, 2, 3)]


def make_cipher():
    def content(size):
        data = bytes((31 * i + 7) % 251 for i in range(size))
        digest = hashlib.sha256(data).hexdigest()
        return data, {"generator": "mod251", "size": size, "sha256": digest}

    entries = []
    for algorithm in (1, 2, 3):
        for size in (1, 15, 16, 17, 31, 32, 33, 44, 255, 256, 4097, 65535, 65536, 131072):
            data, described = content(size)
            sealed = seal(algorithm, data)
            entry = {"algorithm": NAMES[algorithm], "secret": SECRET.hex(), "iv": IV.hex(),
                     "content": described, "sealed_size": len(sealed),
                     "sealed_sha256": hashlib.sha256(sealed).hexdigest()}
            if size < 4096:
                entry["sealed"] = sealed.hex()
            entries.append(entry)
    dog = {"generator": "text:" + DOG.decode(), "size": len(DOG),
           "sha256": hashlib.sha256(DOG).hexdigest()}
    for algorithm in (1, 2, 3):  # section 15; and secrets as long as SHA-512 makes them
        for secret in (SECRET, SECRET + bytes(range(32))):
            sealed = seal(algorithm, DOG, secret)
            entries.append({"algorithm": NAMES[algorithm], "secret": secret.hex(), "iv": IV.hex(),
                            "content": dog, "sealed_size": len(sealed),
                            "sealed_sha256": hashlib.sha256(sealed).hexdigest(),
                            "sealed": sealed.hex()})
    plain = ("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
             "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
    published = [
        ("aes-128", "2b7e151628aed2a6abf7158809cf4f3c",
         "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
         "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7"),
        ("aes-192", "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b",
         "4f021db243bc633d7178183a9fa071e8b4d9ada9ad7dedf4e5e738763f69145a"
         "571b242012fb7ae07fa9baac3df102e008b0e27988598881d920a9e64f5615cd"),
        ("aes-256", "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4",
         "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
         "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b"),
    ]
    for name, key, sealed in published:
        assert cbc(bytes.fromhex(key), bytes(range(16)), bytes.fromhex(plain)).hex() == sealed
    return {"blocks": entries,
            "published": [{"algorithm": name, "secret": key, "iv": bytes(range(16)).hex(),
                           "block": plain, "sealed": sealed} for name, key, sealed in published]}


def save(name, value):
    def compact(item):
        return json.dumps(item, separators=(", ", ": "))

    with open(os.path.join(HERE, name), "w", encoding="ascii") as out:
        parts = ["  %s: [\n    %s\n  ]" % (compact(key), ",\n    ".join(map(compact, items)))
                 for key, items in value.items()]
        out.write("{\n" + ",\n".join(parts) + "\n}\n")


def save_corpus(folder):
    for name, entries, key in (("pccrr_request", requests, "message"),
                               ("pccrr_response", answers, "body")):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        for entry in entries:
            data = bytes.fromhex(entry[key])
            if data:
                with open(os.path.join(folder, name, entry["name"]), "wb") as out:
                    out.write(data)


make_requests()
make_answers()
for entries in (requests, answers):
    assert len({entry["name"] for entry in entries}) == len(entries)
save("messages.json", {"requests": requests, "answers": answers})
save("ages.json", {"ages": make_ages()})
save("cipher.json", make_cipher())
if len(sys.argv) > 1:
    save_corpus(sys.argv[1])
