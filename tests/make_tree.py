#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""make_tree.py DIR [plain|wild]: makes a tree of a few hundred files, the same each time.

Sizes lie around the borders of our units; a dozen files are large. Names hold what must be
escaped somewhere between a disk and a listing; "wild" adds names that are no UTF-8 or hold control
characters. No name begins with a dot, since servers do not list those. Times lie in the past, so
that Last-Modified is a validator.
"""
import os
import random
import sys

SEED = 20
UNIT = 65536
LARGE = [UNIT - 1, UNIT, UNIT + 1, 2 * UNIT, 3 * UNIT + 17, 131071, 1 << 20, (1 << 20) + 1,
         3_000_000, 5_000_001, 8 << 20, 12_345_678]
NASTY = [b"with space", b" leading and trailing ", b"percent%20encoded", b"%", b"100%25", b"hash#tag",
         b"question?mark=1&b=2", b"amp&ersand;", b"&lt;b&gt;", b"<b>bold", b'quote"s', b"quote's",
         b"semi;colon", b"colon:first", b"http:", b"plus+plus", b"back\\slash", b"brackets[1]{2}(3)",
         b"at@sign", b"comma,equals=", b"tilde~", b"star*", b"pipe|", b"caret^`", b"dollar$",
         b"dot.", b"-dash", b"index", b"Parent Directory",
         "ümläut".encode(), "日本語".encode(), "emoji-🜁".encode(), "combining-e\u0301".encode(),
         "nbsp\u00a0here".encode(), "rtl-\u05d0\u05d1".encode(),
         b"x" * 255, "ü".encode() * 127, b"long-" + b"%" * 200]
WILD = [b"latin1-\xe9", b"\xff\xfe", b"cut-utf8-\xe6\x97", b"new\nline", b"tab\there", b"bell\x07",
        b"delete\x7f", b"return\rhere", b"escape\x1b[31m"]


class Tree:
    def __init__(self, root):
        self.root = os.fsencode(root)
        self.random = random.Random(SEED)
        self.time = 1_500_000_000
        self.directories = []

    def directory(self, *names):
        path = os.path.join(self.root, *names)
        os.makedirs(path, exist_ok=True)
        self.directories.append(path)
        return path

    def file(self, directory, name, size):
        path = os.path.join(directory, name)
        with open(path, "wb") as file:
            file.write(self.random.randbytes(size))
        self.time += 61
        os.utime(path, (self.time, self.time))

    def small(self):
        return self.random.choice([0, 1, 2, 20, 100, 999, 1000, 4096, 10_000, 30_000])


def main():
    wild = sys.argv[2:] == ["wild"]
    tree = Tree(sys.argv[1])
    top = tree.directory()
    tree.file(top, b"empty", 0)
    for number, size in enumerate(LARGE):
        tree.file(top, b"large-%02d.bin" % number, size)
    names = tree.directory(b"names")
    for name in NASTY + (WILD if wild else []):
        tree.file(names, name, tree.small())
        tree.file(tree.directory(b"directories", name), b"inside", 10)
    many = tree.directory(b"many")
    for number in range(200):
        tree.file(many, b"file-%03d.txt" % number, tree.small())
    tree.directory(b"empty directory")
    deep = [b"deep"]
    for level in range(20):
        deep.append(b"level-%d" % level)
        tree.file(tree.directory(*deep), b"here", level)
    for path in tree.directories:
        os.utime(path, (tree.time, tree.time))


if __name__ == "__main__":
    main()
