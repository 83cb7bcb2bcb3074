#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Garbage for the control file, and what is nearly none. control_random.py CONTROL SECONDS SEED

Several opens at once, each sending, mostly, known opcodes with fields that are sometimes right:
numbers and handles that there are, lengths that fit. Frames, reads at odd places and polls between.
Says what it sent, and fails when the service does not answer as a service any more.
"""
import os
import random
import struct
import sys
import time

from control_client import (FRAME_MAX, NUMBERED, OPCODES, SIZE_MAX, SUCCESS, Control, command,
                            expect, octets)

PATH, SECONDS, SEED = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
OPCODE_LIST = sorted(opcode for opcode, _ in OPCODES.values())
SIZES = {opcode: size for opcode, size in OPCODES.values()}
ODD = [0, 1, 2, 7, 8, 16, 100, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF, 1 << 20, (1 << 31) - 1, 1 << 31,
       (1 << 32) - 1, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]


class Noise:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.controls = [self.begin() for _ in range(6)]
        self.keeper = Control(PATH)
        self.handles = [0]
        self.answers = {}

    def begin(self):
        return Control(PATH, started=self.random.random() < 0.9)

    def keep(self):
        """So that there is mostly something published."""
        try:
            self.keeper.publish(b"a", octets(5000))
        except (AssertionError, OSError):  # it is there, or an unpublish came between
            self.keeper.close()
            self.keeper = Control(PATH)

    def number(self):
        return self.random.choice([0, 1, 2, 3, 5, 8, self.random.randrange(1, 200),
                                   self.random.choice(ODD) & 0xFFFFFFFF])

    def handle(self):
        if self.random.random() < 0.8:
            return self.random.choice(self.handles[-20:])
        return self.random.choice(ODD)

    def field(self):
        value = self.random.choice(ODD) if self.random.random() < 0.6 else \
            self.random.randrange(1 << 20)
        return value & 0xFFFFFFFF

    def body(self, opcode, tail):
        """Fields as the opcode has them, some of them wrong."""
        choose = self.random.choice
        data = self.random.randbytes(tail)
        length = tail if self.random.random() < 0.8 else self.field()
        if opcode == 0x01:
            return struct.pack("<10I", choose([1, 1, 1, self.field()]), choose([1, 2, 3]), *[0] * 8)
        if opcode in (0x12, 0x14, 0x21):
            return struct.pack("<QII", choose([0, 0, choose(ODD)]),
                               choose([tail, tail + 1000, self.field()]), length) + data
        if opcode in (0x15, 0x16, 0x27):
            return struct.pack("<QII", choose([0, choose(ODD)]), self.field(),
                               choose([0, 0, 50, self.field()]))
        if opcode in (0x24, 0x29):
            return struct.pack("<II", choose([1, length]), 0) + choose([b"a", data])
        if opcode == 0x20:
            return struct.pack("<QIIII", choose([0, tail, choose(ODD)]), choose([0, 1, 2, 3]),
                               choose([0, 0, 0, 1]), choose([1, length]),
                               choose([0, 1, 1, 2])) + choose([b"a", b"b", data])
        if opcode in (0x25, 0x26):
            return struct.pack("<QQIIII", choose([0, choose(ODD)]), choose([0, choose(ODD)]),
                               choose([0, 1, 2]), choose([0, 1, 2, 3]), 1, 0) + choose([b"a", b"b"])
        if opcode in (0x41, 0x42):
            return struct.pack("<II", choose([0, self.field()]), length) + data
        return bytes(SIZES[opcode] - 16) if self.random.random() < 0.9 else data

    def message(self, control):
        opcode = self.random.choice(OPCODE_LIST)
        if opcode == 0x02 and self.random.random() < 0.9:
            opcode = 0x21
        tail = self.random.choice([0, 1, 2, 16, 24, 1000, self.random.randrange(SIZE_MAX - 100)])
        octets_of = struct.pack("<IIQ", 0, self.number() if opcode in NUMBERED or
                                opcode > 0x40 or self.random.random() < 0.2 else 0,
                                self.handle()) + self.body(opcode, tail)
        if self.random.random() < 0.1:
            octets_of = self.random.randbytes(len(octets_of))
        if self.random.random() < 0.05:
            opcode = self.random.randrange(256)
        reply = control.raw(command(opcode, len(octets_of)), octets_of)
        if len(reply) >= 16:
            status, _, handle = struct.unpack_from("<IIQ", reply)
            key = (opcode, status)
            self.answers[key] = self.answers.get(key, 0) + 1
            if status == SUCCESS and opcode in (0x10, 0x20, 0x25, 0x26):
                self.handles.append(handle)

    def write(self, control):
        size = self.random.choice([0, 1, 100, 5000, FRAME_MAX, FRAME_MAX + 1])
        payload = bytes(size) if self.random.random() < 0.5 else octets(size)
        if self.random.random() < 0.3:
            os.pwrite(control.fd, payload[:40], 0)
        else:
            said = size if self.random.random() < 0.8 else self.field()
            os.pwrite(control.fd, struct.pack("<IIII", self.number(), self.random.choice(
                [0, 100, self.field()]), said, 0) + payload, 0)

    def step(self):
        at = self.random.randrange(len(self.controls))
        if self.random.random() < 0.01:
            self.keep()
        control = self.controls[at]
        what = self.random.random()
        try:
            if what < 0.75:
                self.message(control)
            elif what < 0.85:
                self.write(control)
            elif what < 0.93:
                os.pread(control.fd, self.random.choice([1, 100, 1 << 20]),
                         (self.number() & 0x7FFFFFFF) << 32 | self.random.choice([0, 0, 100]))
            elif what < 0.98:
                control.poll(0, 5)
            else:
                control.close()
                self.controls[at] = self.begin()
        except OSError as error:
            key = ("errno", error.errno)
            self.answers[key] = self.answers.get(key, 0) + 1


def main():
    noise = Noise(SEED)
    deadline = time.monotonic() + SECONDS
    steps = 0
    while time.monotonic() < deadline:
        noise.step()
        steps += 1
    for control in noise.controls + [noise.keeper]:
        control.close()
    with Control(PATH) as control:  # it works as ever
        identifier = b"after the noise %d" % SEED
        control.publish(identifier, octets(100000))
        content = control.content(control.information(identifier))
        expect(control.wait(control.send("ClientAddData", content, octets(100000))).status, SUCCESS)
    outcomes = len(noise.answers)
    print(f"seed {SEED}: {steps} steps, {outcomes} different answers")
    # Noise that never gets anywhere would prove nothing.
    for reached in ((0x21, 997), (0x20, 0), (0x10, 0), (0x26, 0), (0x40, 0)):
        assert reached in noise.answers, f"never {reached}"


main()
