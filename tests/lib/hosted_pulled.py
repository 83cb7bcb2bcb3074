# SPDX-License-Identifier: BSD-2-Clause
"""The retrieval port of a client of a hosted cache, which the cache pulls from: what peer_serving.py
does, with initial vectors that follow from a seed, so that everybody knows what was given; and a few
behaviours of Microsoft's suite besides. Sections are those of the hosted cache digest."""
import hashlib
import random
import socketserver
import sys
import threading
from dataclasses import replace

sys.dont_write_bytecode = sys.pycache_prefix is None
import hosted_messages as offers  # noqa: E402
import peer_cipher  # noqa: E402
import peer_messages as messages  # noqa: E402
import peer_serving as serving  # noqa: E402
import peerdist_model as model  # noqa: E402
from peer_messages import BLK, GETBLKS, Message  # noqa: E402


def drawn(seed, *words):
    """32 octets that follow from these words."""
    return hashlib.sha256(repr((seed, *words)).encode()).digest()


# ---- behaviours that peer_serving.py has not ----

def rubbish(answer, state):
    """Ciphertext that nobody can make anything of; it looks like any other."""
    if answer.type != BLK or not answer.block:
        return answer
    chance = random.Random(drawn(state.seed, "rubbish", answer.id, answer.index))
    return replace(answer, block=chance.randbytes(len(answer.block)))


def giant(answer, _):
    """As much as a message may hold."""
    if answer.type != BLK or not answer.block:
        return answer
    return replace(answer, block=(answer.block * 20)[:messages.ANSWER_MAX - 88 - 8])


def odd_length(answer, _):
    """No multiple of 16."""
    return replace(answer, block=answer.block + b"\0" * 4) if answer.type == BLK else answer


def short_vector(answer, _):
    return replace(answer, iv=answer.iv[:8])


def patching(offset, value):
    """Sends the message with four octets changed, counted from its start, or its end; of blocks
    only."""
    def send(connection, body):
        if int.from_bytes(body[8:12], "big") == BLK and len(body) > 100:
            at = 4 + offset if offset >= 0 else len(body) + offset
            body = body[:at] + value.to_bytes(4, "big") + body[at + 4:]
        return serving.send_plain(connection, body)
    return send


serving.BEHAVIOURS.update({name: (before, after, send) for name, before, after, send in (
    ("rubbish", serving.as_it_is, rubbish, serving.send_plain),
    ("giant", serving.as_it_is, giant, serving.send_plain),
    ("odd-length", serving.as_it_is, odd_length, serving.send_plain),
    ("short-iv", serving.as_it_is, short_vector, serving.send_plain),
    ("type-fefe", serving.as_it_is, serving.as_it_is, patching(4, 0xFEFE)),
    ("size-0-and-block", serving.as_it_is, serving.as_it_is, patching(60, 0)),
    ("size-0-and-iv", serving.as_it_is, serving.as_it_is, patching(-20, 0)),
)})


class SeededStore(serving.Store):
    def __init__(self, contents, seed, part=(1, 1)):
        super().__init__(contents, part)
        self.seed = seed

    def seal(self, answer):
        if answer.type != BLK or not answer.block:
            return answer
        iv = drawn(self.seed, answer.id, answer.index)[:16] if answer.cipher else b""
        secret = self.contents.by_id[answer.id].secret
        return replace(answer, block=peer_cipher.seal(answer.cipher, secret, iv, answer.block),
                       iv=iv)


class Pulled(serving.Serving):
    """What is offered and how it is given; counts what is asked."""

    def __init__(self, contents, behaviour, seed, log):
        super().__init__(contents, "good", log)
        self.behaviour, self.seed = behaviour, seed
        self.store = SeededStore(contents, seed, (1, 2) if behaviour == "half" else (1, 1))
        self.asked, self.answered, self.changed = [], [], threading.Condition()
        # Requests at a time: no answer to them has been sent. PAUSE: seconds before each.
        self.under_way = self.most = self.pause = 0
        self.last = threading.local()

    def respond(self, body):
        answer, record = super().respond(body)
        with self.changed:
            self.asked.append(record)
            self.under_way += 1
            self.most = max(self.most, self.under_way)
            self.changed.notify_all()
        if self.pause:
            serving.stopping.wait(self.pause)
        with self.changed:
            self.under_way -= 1
        self.last.record = record
        return answer, record

    def sent(self):
        """By the thread that answered."""
        with self.changed:
            self.answered.append(self.last.record)
            self.changed.notify_all()

    def given(self, identity, index):
        """The block of an answer to GETBLKS as it was given."""
        before, after, _ = serving.BEHAVIOURS[self.behaviour]
        answer = before(self.store.answer(Message(GETBLKS, id=identity, ranges=[(index, 1)])), self)
        return after(self.store.seal(answer), self)

    def counted(self, kind, identity=None):
        """Requests of this type, the blocks that they name."""
        return [one["ranges"] for one in list(self.asked) if one.get("type") == kind and
                identity in (None, bytes.fromhex(one["id"]))]

    def wait(self, condition, patience):
        with self.changed:
            return self.changed.wait_for(condition, patience)


class Connection(serving.Connection):
    def serve_one(self):
        self.server.serving.last.record = None
        goes_on = super().serve_one()
        if self.server.serving.last.record is not None:
            self.server.serving.sent()
        return goes_on


class Server(serving.Server):
    """At one address."""

    def __init__(self, family, place, pulled):
        self.address_family, self.serving = family, pulled
        socketserver.ThreadingTCPServer.__init__(self, place, Connection)


# ---- what is offered ----

def described(segment, contents, block_size=None):
    """A descriptor of a peer_content.Segment."""
    size = segment.blocks[-1][1] - segment.blocks[0][0]
    algorithm = 1 if segment.version == 1 else 4
    return offers.Descriptor(segment.id, size, algorithm,
                             block_size or (offers.BLOCK_1 if algorithm == 1 else size))


def modelled(segment):
    """Of a version 1.0 peer_content.Segment with all its blocks."""
    hashes = [block[2] for block in segment.blocks]
    return model.Segment(segment.blocks[0][0], segment.blocks[-1][1] - segment.blocks[0][0],
                         segment.algorithm.digest(b"".join(hashes)), segment.secret, 0, hashes)
