#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Holds peerdist_model.py against a folder of vectors (its README.md says what is in them).

    model_vectors.py DIR      a line for each file: its vectors and what was not as it must be
"""
import functools
import hashlib
import json
import os
import random
import sys

sys.dont_write_bytecode = sys.pycache_prefix is None
import peerdist_cutter  # noqa: E402
import peerdist_keys  # noqa: E402
import peerdist_model as model  # noqa: E402

MUTATIONS = 300  # of each small valid structure; our choice, they must not break the reader
KEPT_MAX = 20    # contents in memory at once are those of one file


class Check:
    def __init__(self):
        self.compared, self.wrong = 0, []

    def equal(self, what, expected, got):
        self.compared += 1
        if expected != got:
            self.wrong.append(f"{what}: expected {str(expected)[:200]}, got {str(got)[:200]}")

    def refused(self, what, function, *arguments, **named):
        self.compared += 1
        try:
            function(*arguments, **named)
        except (model.Rejected, peerdist_keys.NoKey):
            return
        self.wrong.append(f"{what}: not refused")


def part(generator, size):
    if generator == "mod251":
        period = bytes((31 * i + 7) % 251 for i in range(251))
        return (period * (size // 251 + 1))[:size]
    if generator == "zero":
        return bytes(size)
    rule, _, label = generator.partition(":")
    if rule == "text":
        return label.encode()[:size]
    if rule == "sha256ctr":
        pieces = (hashlib.sha256(label.encode() + k.to_bytes(8, "big")).digest()
                  for k in range(size // 32 + 1))
        return b"".join(pieces)[:size]
    raise ValueError(generator)


@functools.lru_cache(maxsize=KEPT_MAX)
def content(generator, size, sha256):
    if "@" in generator:
        parts = (rule.rpartition("@") for rule in generator.split("+"))
        data = b"".join(part(rule, int(count)) for rule, _, count in parts)
    else:
        data = part(generator, size)
    assert len(data) == size and hashlib.sha256(data).hexdigest() == sha256, generator
    return data


def content_of(vector):
    given = vector["content"]
    return content(given["generator"], given["size"], given["sha256"])


def compare_segment(check, name, expected, info, segment):
    got = {"offset": segment.offset, "length": segment.length, "hod": segment.hod.hex(),
           "kp": segment.kp.hex(), "id": segment.name(info.algorithm).hex(),
           "complete": len(segment.block_hashes) == segment.total(),
           "first_block": segment.first_block,
           "block_count": segment.total() if "complete" not in expected
           else len(segment.block_hashes)}
    if info.version == 2:  # has no blocks; vectors call the segment one
        del got["complete"], got["first_block"], got["block_count"]
    for key, value in expected.items():
        if key in got:
            check.equal(f"{name}: {key}", value, got[key])


def compare_fetch(check, name, expected, info):
    got = [{"segment": number, "block": block, "block_range": [start, end - start],
            "keep": [first, behind - first]}
           for number, block, start, end, first, behind in info.fetch()]
    check.equal(f"{name}: fetch", expected, got)


def compare_info(check, name, vector, info):
    check.equal(f"{name}: range", vector["range"], [info.start, info.end - info.start])
    check.equal(f"{name}: hash", vector["hash"], info.algorithm.name)
    if "segments" in vector:
        check.equal(f"{name}: segments", len(vector["segments"]), len(info.segments))
        for expected, segment in zip(vector["segments"], info.segments):
            compare_segment(check, name, expected, info, segment)
    else:
        compare_segment(check, name, vector["first_segment"], info, info.segments[0])
        compare_segment(check, name, vector["last_segment"], info, info.segments[-1])
    if "fetch" in vector:
        compare_fetch(check, name, vector["fetch"], info)


def prefixes_refused(check, name, encoded):
    """Cut anywhere, but not between two chunks of 2.0: what is there then is whole."""
    for size in range(len(encoded)):
        try:
            info = model.decode(encoded[:size])
        except model.Rejected:
            continue
        check.equal(f"{name}: cut to {size}", (2, 0),
                    (info.version, info.fields.get("ullLengthOfRange")))


def mutations_survived(encoded, chance):
    for _ in range(MUTATIONS):
        changed = bytearray(encoded)
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        try:
            model.decode(bytes(changed))
        except model.Rejected:
            pass


def form_arguments(vector, form):
    if "block_list" in form:
        return {"form": form["block_list"], "last_zero": form["last_zero"]}
    chunk = form["segments_per_chunk"] or model.CHUNK_SEGMENTS
    return {"chunk": chunk, "whole_zero": form["whole_zero"]}


def check_form(check, vector, form, segments, data, chance):
    name = f"{vector['name']}, {form.get('block_list') or form.get('segments_per_chunk')}"
    version, algorithm = (1 if "block_list" in form else 2), model.HASHES[vector["hash"]]
    encoded = model.encode(version, algorithm, segments, *vector["range"],
                           **form_arguments(vector, form))
    check.equal(f"{name}: size", form["info_size"], len(encoded))
    check.equal(f"{name}: sha256", form["info_sha256"], hashlib.sha256(encoded).hexdigest())
    if "info" in form:
        check.equal(f"{name}: info", form["info"], encoded.hex())
    info = model.decode(encoded)
    compare_info(check, name, vector, info)
    for key, value in form.items():
        if key in info.fields:
            check.equal(f"{name}: {key}", value, info.fields[key])
    check.equal(f"{name}: first blocks", form.get("first_block", [0] * len(info.segments)),
                [s.first_block for s in info.segments])
    check.equal(f"{name}: faults", [],
                list(model.faults(info, data, bytes.fromhex(vector["secret_key"]))))
    if len(encoded) < 1000:
        prefixes_refused(check, name, encoded)
        mutations_survived(encoded, chance)
        changed = data[:info.start] + bytes([data[info.start] ^ 1]) + data[info.start + 1:]
        check.equal(f"{name}: altered content is seen", True, any(model.faults(info, changed)))


def check_forms(check, vectors, version):
    chance = random.Random(version)
    for vector in vectors:
        data, secret = content_of(vector), bytes.fromhex(vector["secret_key"])
        algorithm = model.HASHES[vector["hash"]]
        check.equal(f"{vector['name']}: ks", vector["ks"],
                    model.server_secret(algorithm, secret).hex())
        if vector.get("refuse"):
            check.refused(vector["name"], model.make, data, version, secret)
            continue
        lengths = vector.get("segment_lengths")
        if isinstance(lengths, dict):
            lengths = model.fixed_lengths(len(data), lengths["fixed"])
        segments = model.cut_segments(data, version, algorithm, secret, lengths)
        for form in vector["forms"]:
            check_form(check, vector, form, segments, data, chance)


def check_segmentation(check, vectors):
    for vector in vectors:
        lengths = peerdist_cutter.content_lengths(content_of(vector))
        text = ",".join(map(str, lengths))
        check.equal(f"{vector['name']}: count", vector["count"], len(lengths))
        check.equal(f"{vector['name']}: sha256", vector["lengths_sha256"],
                    hashlib.sha256(text.encode()).hexdigest())
        check.equal(f"{vector['name']}: lengths", vector.get("lengths", lengths), lengths)


def check_unusual(check, vectors):
    for vector in vectors:
        info = model.decode(bytes.fromhex(vector["info"]))
        check.equal(f"{vector['name']}: version", vector["version"], info.version)
        compare_info(check, vector["name"], vector, info)


def check_invalid(check, vectors):
    for vector in vectors:
        check.refused(vector["name"], model.decode, bytes.fromhex(vector["info"]))


def check_keys(check, keys):
    for vector in keys["server_secrets"]:
        secret = bytes.fromhex(vector["secret_key"])
        for name, expected in vector["ks"].items():
            check.equal(f"{vector['name']}: {name}", expected,
                        model.server_secret(model.HASHES[name], secret).hex())
    for vector in keys["key_files"]:
        secret, exported = (bytes.fromhex(vector[key]) for key in ("secret_key", "file"))
        check.equal(f"{vector['name']}: exported", exported,
                    peerdist_keys.export_key(secret, vector["passphrase"]))
        check.equal(f"{vector['name']}: imported", secret,
                    peerdist_keys.import_key(exported, vector["passphrase"]))
    for vector in keys["bad_key_files"]:
        check.refused(vector["name"], peerdist_keys.import_key, bytes.fromhex(vector["file"]),
                      vector["passphrase"])


CHECKS = {
    "keys.json": check_keys,
    "v1.json": lambda check, file: check_forms(check, file["vectors"], 1),
    "v2.json": lambda check, file: check_forms(check, file["vectors"], 2),
    "segmentation.json": lambda check, file: check_segmentation(check, file["vectors"]),
    "unusual.json": lambda check, file: check_unusual(check, file["vectors"]),
    "invalid.json": lambda check, file: check_invalid(check, file["vectors"]),
}


def main():
    failed = False
    for name, function in CHECKS.items():
        path = os.path.join(sys.argv[1], name)
        if not os.path.exists(path):
            print(f"{name}: absent")
            continue
        check = Check()
        with open(path, encoding="utf-8") as file:
            function(check, json.load(file))
        content.cache_clear()
        print(f"{name}: {check.compared} compared, {len(check.wrong)} wrong", flush=True)
        print("".join(f"  {line}\n" for line in check.wrong[:20]), end="")
        failed = failed or check.wrong or not check.compared
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
