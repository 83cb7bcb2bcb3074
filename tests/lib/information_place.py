# SPDX-License-Identifier: BSD-2-Clause
"""What information_origin.py serves, how it is told to behave, and the content information that it
makes, right or wrong as told."""
import gzip
import hashlib
import os
import threading

import peerdist_model as model

PIECE = 65536
ENDLESS_PIECE = 960  # segments of 2.0 a chunk
lock = threading.Lock()


class Place:
    """What is served, and what was made of it."""

    def __init__(self, folder, secret):
        self.folder, self.secret = os.path.realpath(folder), secret
        self.behaviours, self.used = {}, {}
        self.made, self.segments = set(), {}
        self.corrupted, self.gates = set(), {}

    def file_of(self, path):
        name = os.path.realpath(self.folder + "/" + path.strip("/"))
        inside = name == self.folder or name.startswith(self.folder + "/")
        return name if inside and os.path.exists(name) else None

    def gate(self, name):
        with lock:
            return self.gates.setdefault(name, threading.Event())

    def octets(self, path):
        with open(self.file_of(path), "rb") as file:
            return file.read()

    def segments_of(self, data, version, cut):
        key = hashlib.sha256(data).digest(), version, cut
        if key not in self.segments:
            algorithm = model.HASHES[model.DEFAULT_HASH[version]]
            lengths = model.fixed_lengths(len(data), cut) if cut and version == 2 else None
            self.segments[key] = model.cut_segments(data, version, algorithm, b"any", lengths)
        return self.segments[key]

    def prepare(self):
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.getsize(path) >= BEHAVIOUR["min_size"]:
                    with open(path, "rb") as file:
                        data = file.read()
                    for version in (1, 2):
                        self.segments_of(data, version, None)

    def behaviour(self, path, question):
        """Defaults, then "*", then the path's own."""
        with lock:
            chosen = dict(BEHAVIOUR)
            for key in ("*", path):
                found = self.behaviours.get(key)
                if isinstance(found, list):
                    found = self.step(key, found, question)
                chosen.update(found or {})
            return chosen

    def step(self, key, found, question):
        first = found[0]
        if question and len(found) > 1:
            self.used[key] = self.used.get(key, 0) + 1
            if self.used[key] >= first.get("times", 1):
                self.behaviours[key], self.used[key] = found[1:], 0
        return first


BEHAVIOUR = {"plain": False, "versions": [1, 2], "min_size": 65536, "ranges": True}


def other_octets(data, seed):
    return data.translate(bytes((value + 1 + seed % 255) % 256 for value in range(256)))


def described_content(place, behaviour, data):
    """The octets that the content information is made of."""
    of = behaviour.get("of")
    if of == "other":
        data = other_octets(data, 77)
    elif of == "changed":
        data = other_octets(data, behaviour["content"])
    elif of == "longer":
        data = data + data[:PIECE]
    elif of == "shorter":
        data = data[:-PIECE // 2]
    elif of:
        data = place.octets(of)
    for at in behaviour.get("wrong", []):
        data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
    return data


def information_of(place, behaviour, data, version, part=None):
    """The encoded form, as BEHAVIOUR wants it."""
    if "body" in behaviour:
        return bytes.fromhex(behaviour["body"])
    version = behaviour.get("answer_version", version)
    secret = bytes.fromhex(behaviour["secret"]) if "secret" in behaviour else place.secret
    algorithm = model.HASHES[model.DEFAULT_HASH[version]]
    data = described_content(place, behaviour, data)
    segments = place.segments_of(data, version, behaviour.get("cut"))
    server_secret = model.server_secret(algorithm, secret)
    segments = [model.Segment(s.offset, s.length, s.hod, algorithm.keyed(server_secret, s.hod),
                              0, s.block_hashes) for s in segments]
    start, length = behaviour.get("part") or part or (0, None)
    form = {name: behaviour[name] for name in ("form", "last_zero", "whole_zero", "chunk")
            if name in behaviour}
    encoded = model.encode(version, algorithm, segments, start, length, **form)
    encoded += bytes.fromhex(behaviour.get("append", ""))
    if "flip" in behaviour:
        at = behaviour["flip"]
        encoded = encoded[:at] + bytes([encoded[at] ^ 1]) + encoded[at + 1:]
    if behaviour.get("gzip"):
        encoded = gzip.compress(encoded)
    return encoded[:behaviour.get("keep", len(encoded))]


def endless_information(encoded):
    yield encoded
    number = 0
    while True:
        number += 1
        segment = (65536).to_bytes(4, "big") + hashlib.sha512(b"%d" % number).digest()
        yield b"\0" + (68 * ENDLESS_PIECE).to_bytes(4, "big") + segment * ENDLESS_PIECE
