# SPDX-License-Identifier: BSD-2-Clause
"""The segments and blocks of contents, by segment id, for the scripted peer and the asker."""
import sys
from dataclasses import dataclass

sys.dont_write_bytecode = sys.pycache_prefix is None
import peerdist_model as model  # noqa: E402


@dataclass
class Segment:
    id: bytes
    secret: bytes
    version: int
    blocks: list      # (start, end, hash) in the content, by number; None: not described
    algorithm: object


class Contents:
    """All segments, in order and by id; OCTETS of each."""

    def __init__(self):
        self.segments, self.by_id, self.octets = [], {}, {}

    def add(self, info, data):
        """INFO: a peerdist_model.Info; DATA may be None where only hashes are wanted."""
        numbers = {id(segment): [] for segment in info.segments}
        for segment, number, start, end, digest in info.blocks():
            blocks = numbers[id(segment)]
            blocks.extend([None] * (number - len(blocks)))
            blocks.append((start, end, digest))
        for segment in info.segments:
            made = Segment(segment.name(info.algorithm), segment.kp, info.version,
                           numbers[id(segment)], info.algorithm)
            self.segments.append(made)
            self.by_id[made.id] = made
            self.octets[made.id] = data

    def block(self, segment, number):
        start, end, _ = segment.blocks[number]
        return self.octets[segment.id][start:end]

    def count(self):
        return sum(len(segment.blocks) for segment in self.segments)

    def size(self):
        return sum(block[1] - block[0] for segment in self.segments for block in segment.blocks
                   if block)


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def add_options(parser):
    parser.add_argument("--file", action="append", default=[], help="a content; may repeat")
    parser.add_argument("--information", action="append", default=[],
                        help="of the files, in their order; else it is made")
    parser.add_argument("--version", type=int, choices=(1, 2), default=2, help="to make")
    parser.add_argument("--secret", type=bytes.fromhex, default=b"no more secrets")


def load(arguments):
    contents = Contents()
    for number, path in enumerate(arguments.file):
        data = read_file(path)
        if number < len(arguments.information):
            information = read_file(arguments.information[number])
        else:
            information = model.make(data, arguments.version, arguments.secret)
        contents.add(model.decode(information), data)
    for path in arguments.information[len(arguments.file):]:
        contents.add(model.decode(read_file(path)), None)
    return contents
