# SPDX-License-Identifier: BSD-2-Clause
"""Asks a retrieval port, by HTTP written out by hand, and judges the answers by content information
(sections are those of the digest of the retrieval protocol)."""
import re
import socket
import sys
import threading

sys.dont_write_bytecode = sys.pycache_prefix is None
import peer_cipher  # noqa: E402
import peer_messages as messages  # noqa: E402
from peer_messages import (  # noqa: E402
    GETBLKLIST, GETBLKS, GETSEGLIST, NEGO_REQ, Malformed, Message, refuse_if)

PATIENCE = 10  # seconds; our choice: far more than any answer may take


def parse_place(text):
    """ADDR:PORT, [ADDR]:PORT, [ADDR%INTERFACE]:PORT"""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body


class Peer:
    """One connection."""

    def __init__(self, place, source=None):
        self.place = place
        self.socket = socket.create_connection(place, PATIENCE, source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def write(self, data):
        self.socket.sendall(data)

    def post(self, body, path=messages.PATH, method="POST", version="HTTP/1.1", lines=(),
             announced=None):
        self.write(self.head(path, method, version, lines,
                             len(body) if announced is None else announced) + body)
        return self.read()

    def head(self, path, method, version, lines, length):
        lines = [f"{method} {path} {version}", f"Host: {self.place[0]}:{self.place[1]}",
                 *lines]
        if length is not False:
            lines.append(f"Content-Length: {length}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def read(self):
        """None: the connection was closed instead."""
        line = self.file.readline(65537).decode("latin-1")
        if not line:
            return None
        found = re.fullmatch(r"HTTP/1\.[01] (\d{3})( .*)?\r\n", line)
        refuse_if(not found, f"status line {line!r}")
        headers = {}
        while line := self.file.readline(65537).decode("latin-1").strip():
            name, _, value = line.partition(":")
            refuse_if(name.lower() in headers, f"{name} twice")
            headers[name.lower()] = value.strip()
        status = int(found.group(1))
        if status == 100:
            return Answer(100, headers, b"")
        refuse_if("content-length" not in headers, "no Content-Length")
        refuse_if("content-encoding" in headers, "a content coding")
        size = int(headers["content-length"])
        body = self.file.read(size)
        refuse_if(len(body) != size, "body cut short")
        return Answer(status, headers, body)

    def closed(self):
        """Whether the other end closes now, without another octet."""
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False

    def ask(self, request):
        """The decoded response to a valid request."""
        answer = self.post(messages.encode(request))
        refuse_if(answer is None, "closed without an answer")
        refuse_if(answer.status != 200, f"status {answer.status}")
        return strictly(answer.body, request)


def strictly(body, request):
    """What a server of ours must send, beyond what an asker has to insist on."""
    answer = messages.decode_answer(body, request)
    refuse_if(messages.encode_answer(answer) != body, "not the one way to write it")
    refuse_if(answer.version != ((2, 0) if answer.type == messages.SEGLIST else (1, 0)),
              f"version {answer.version}")
    if answer.type == messages.BLK:
        refuse_if(answer.verification, "verification data")
        refuse_if(answer.index != messages.selected(request.ranges)[0], "another index")
        refuse_if(bool(answer.iv) != bool(answer.block and answer.cipher), "initial vector")
    if answer.type == messages.BLKLIST:
        refuse_if(list(answer.ranges) != messages.normal_form(messages.blocks_of(answer.ranges)),
                  "ranges not in normal form")
        refuse_if(messages.blocks_of(answer.ranges) - messages.blocks_of(request.ranges),
                  "a block that was not asked for")
    if answer.type == messages.SEGLIST:
        refuse_if(answer.blob and messages.decode_ages(answer.blob) is None, "ages")
    return answer


# ---- whole contents ----

class Fetch:
    """All blocks that content information describes, of one server."""

    def __init__(self, place, contents, cipher=1, expected_cipher=None):
        self.place, self.contents, self.cipher = place, contents, cipher
        self.expected = cipher or 1 if expected_cipher is None else expected_cipher
        self.lock, self.ivs = threading.Lock(), set()
        self.good = self.missing = self.octets = self.lists = 0
        self.got, self.wrong = {}, []

    def block(self, peer, segment, number):
        request = Message(GETBLKS, cipher=self.cipher, id=segment.id, ranges=[(number, 1)])
        answer = peer.ask(request)
        refuse_if(answer.type != messages.BLK, "no block")
        refuse_if(answer.cipher != self.expected, f"CryptoAlgoId {answer.cipher}")
        if not answer.block:
            with self.lock:
                self.missing += 1
            return
        start, end, digest = segment.blocks[number]
        block = peer_cipher.unseal(answer.cipher, segment.secret, answer.iv, answer.block)
        refuse_if(len(block) != end - start, f"{len(block)} octets, not {end - start}")
        refuse_if(segment.algorithm.digest(block) != digest, "wrong hash")
        with self.lock:
            refuse_if(answer.iv and answer.iv in self.ivs, "initial vector twice")
            self.ivs.add(answer.iv)
            self.good += 1
            self.octets += len(block)
            self.got[start] = block

    def list_of(self, peer, segment):
        """The numbers of the blocks that it says it has."""
        asked = Message(GETBLKLIST, id=segment.id, ranges=[(0, len(segment.blocks))])
        answer = peer.ask(asked)
        refuse_if(answer.type != messages.BLKLIST, "no list")
        held = messages.blocks_of(answer.ranges)
        refuse_if(answer.next and answer.next <= max(held, default=0), "next block is before")
        self.lists += 1
        return held

    def work(self, jobs):
        try:
            with Peer(self.place) as peer:
                while jobs:
                    try:
                        segment, number = jobs.pop()
                    except IndexError:
                        break
                    self.block(peer, segment, number)
        except (OSError, Malformed, peer_cipher.Undecryptable) as error:
            with self.lock:
                self.wrong.append(f"{type(error).__name__}: {error}")

    def all_jobs(self, by_list):
        jobs = []
        with Peer(self.place) as peer:
            for segment in self.contents.segments:
                listed = self.list_of(peer, segment) if by_list else None
                jobs += [(segment, n) for n, block in enumerate(segment.blocks)
                         if block and (listed is None or n in listed)]
        return jobs[::-1]

    def run(self, by_list, parallel):
        jobs = self.all_jobs(by_list)
        threads = [threading.Thread(target=self.work, args=(jobs,)) for _ in range(parallel)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"good": self.good, "missing": self.missing, "bytes": self.octets,
                "lists": self.lists, "segments": len(self.contents.segments),
                "described": self.contents.size(), "wrong": self.wrong[:10]}

    def content(self):
        return b"".join(self.got[start] for start in sorted(self.got))


def segment_positions(place, ids):
    """By GETSEGLIST: the positions held, and the ages."""
    request = Message(GETSEGLIST, request_id=bytes(range(0xA0, 0xB0)), ids=ids)
    with Peer(place) as peer:
        answer = peer.ask(request)
    return sorted({i for index, count in answer.ranges for i in range(index, index + count)}), \
        messages.decode_ages(answer.blob)


def versions(place):
    with Peer(place) as peer:
        answer = peer.ask(Message(NEGO_REQ, least=(1, 0), most=(2, 0)))
    return {"least": answer.least, "most": answer.most}
