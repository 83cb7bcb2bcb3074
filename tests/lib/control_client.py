# SPDX-License-Identifier: BSD-2-Clause
"""A client of .peerdist/control, raw: messages by ioctl, frames by pwrite, output by pread.

Written from peerdist-api.md 11.5 and 11.6, not from fs/api/wire.h, so that the two can differ. And
a runner for the rows of peerdist-api-cases.md, in TAP.
"""
import errno
import fcntl
import os
import random
import select
import signal
import struct
import sys
import time
import traceback

# 11.5: opcode, and the octets of its struct with the header.
OPCODES = {
    "Startup": (0x01, 56), "Shutdown": (0x02, 16), "GetStatus": (0x03, 32),
    "GetStatusEx": (0x04, 32), "GetOverlappedResult": (0x05, 40),
    "RegisterForStatusChangeNotification": (0x06, 16),
    "RegisterForStatusChangeNotificationEx": (0x07, 16),
    "UnregisterForStatusChangeNotification": (0x08, 16),
    "ClientOpenContent": (0x10, 32), "ClientCloseContent": (0x11, 16),
    "ClientAddContentInformation": (0x12, 32), "ClientCompleteContentInformation": (0x13, 16),
    "ClientAddData": (0x14, 32), "ClientBlockRead": (0x15, 32), "ClientStreamRead": (0x16, 32),
    "ClientFlushContent": (0x17, 32), "ClientCancelAsyncOperation": (0x18, 16),
    "ClientGetInformationByHandle": (0x19, 40),
    "ServerPublishStream": (0x20, 40), "ServerPublishAddToStream": (0x21, 32),
    "ServerPublishCompleteStream": (0x22, 16), "ServerCloseStreamHandle": (0x23, 16),
    "ServerUnpublish": (0x24, 24), "ServerOpenContentInformation": (0x25, 48),
    "ServerOpenContentInformationEx": (0x26, 48),
    "ServerRetrieveContentInformation": (0x27, 32), "ServerCloseContentInformation": (0x28, 16),
    "ServerCancelAsyncOperation": (0x29, 24),
    "REAP": (0x40, 24), "PUSH": (0x41, 24), "PULL": (0x42, 24),
}
FUNCTIONS = [name for name in OPCODES if not name.isupper()]
NUMBERED = {0x06, 0x07, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x21, 0x22, 0x27}

IOC_WRITE, IOC_READ, TYPE = 1, 2, 0xBC
SIZE_MAX = 16383
FRAME_MAX = 1036288
FRAME_HEADER = 16

SUCCESS, INVALID_HANDLE, INVALID_PARAMETER, PENDING, ABORTED = 0, 6, 87, 997, 995
NOT_FOUND, DISABLED, NO_RESOURCES = 1168, 1260, 1450
MISSING_DATA, NO_MORE, NOT_INITIALIZED, ALREADY_INITIALIZED = 4052, 4053, 4054, 4055
INVALIDATED, ALREADY_EXISTS, OPERATION_NOTFOUND, UNSUPPORTED = 4057, 4058, 4059, 4062


def command(opcode, size, direction=IOC_READ | IOC_WRITE, kind=TYPE):
    return direction << 30 | size << 16 | kind << 8 | opcode


def header(op=0, handle=0):
    return struct.pack("<IIQ", 0, op, handle)


class Completion:
    def __init__(self, octets):
        (self.op, self.status, self.offset, self.bytes, self.flags, self.service, self.least,
         self.most) = struct.unpack("<IIQIBBBB", octets)

    def __repr__(self):
        return f"op {self.op} status {self.status} offset {self.offset} bytes {self.bytes} " \
               f"flags {self.flags}"


class Control:
    """One open of the file."""

    def __init__(self, path, flags=os.O_RDWR, started=True):
        self.fd = os.open(path, flags | os.O_CLOEXEC)
        self.number = 0
        self.kept = {}  # completions taken for somebody else
        if started:
            expect(self.startup()[0], SUCCESS, "Startup")

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def next_number(self):
        self.number += 1
        return self.number

    # Messages

    def raw(self, number, octets):
        """An ioctl, as it is; the reply."""
        memory = bytearray(octets)
        fcntl.ioctl(self.fd, number, memory, True)
        return bytes(memory)

    def message(self, opcode, op=0, handle=0, body=b""):
        octets = header(op, handle) + body
        return self.raw(command(opcode, len(octets)), octets)

    def ask(self, name, op=0, handle=0, body=b""):
        """(status, handle, what follows the header)"""
        reply = self.message(OPCODES[name][0], op, handle, body)
        status, _, made = struct.unpack_from("<IIQ", reply)
        return status, made, reply[16:]

    def do(self, name, op=0, handle=0, body=b""):
        """The same, which must succeed; the handle."""
        status, made, _ = self.ask(name, op, handle, body)
        expect(status, SUCCESS, name)
        return made

    def startup(self, abi=1, version=2):
        status, _, body = self.ask("Startup", body=struct.pack("<10I", abi, version, *[0] * 8))
        return status, struct.unpack("<10I", body)

    def status(self):
        status, _, body = self.ask("GetStatus", body=bytes(16))
        expect(status, SUCCESS, "GetStatus")
        return struct.unpack_from("<I", body)[0]

    def reap(self, room=681):
        _, _, body = self.ask("REAP", body=bytes(8 + 24 * room))
        count, more = struct.unpack_from("<II", body)
        return [Completion(body[8 + 24 * i:32 + 24 * i]) for i in range(count)], more

    def poll(self, milliseconds=0, events=select.POLLIN):
        poller = select.poll()
        poller.register(self.fd, events)
        found = poller.poll(milliseconds)
        return found[0][1] if found else 0

    def wait(self, op, seconds=20):
        """The completion of OP."""
        deadline = time.monotonic() + seconds
        while op not in self.kept:
            for completion in self.reap()[0]:
                assert completion.op not in self.kept, f"{completion} completed twice"
                self.kept[completion.op] = completion
            if op not in self.kept:
                assert time.monotonic() < deadline, f"{op} does not complete"
                self.poll(1000)
        return self.kept.pop(op)

    def submit(self, name, handle=0, body=b"", op=None):
        op = self.next_number() if op is None else op
        status, _, _ = self.ask(name, op, handle, body)
        expect(status, PENDING, name)
        return op

    def finish(self, name, handle=0, body=b"", status=SUCCESS):
        """Submits, waits and compares; the completion."""
        completion = self.wait(self.submit(name, handle, body))
        expect(completion.status, status, name)
        return completion

    # Input and output

    def frame(self, op, pos, data, offset=0):
        return os.pwrite(self.fd, struct.pack("<IIII", op, pos, len(data), 0) + data, offset)

    def push(self, op, pos, data):
        self.message(0x41, op, 0, struct.pack("<II", pos, len(data)) + data)

    def pull(self, op, pos, wanted, room=None):
        room = wanted if room is None else room
        reply = self.message(0x42, op, 0, struct.pack("<II", pos, wanted) + bytes(room))
        given = struct.unpack_from("<I", reply, 20)[0]
        return reply[24:24 + given]

    def send(self, name, handle, data, offset=0, by="frame", inline=0):
        """Submits input and sees all of it taken; the number."""
        body = struct.pack("<QII", offset, len(data), inline) + bytes(data[:inline])
        op = self.next_number()
        status, _, reply = self.ask(name, op, handle, body)
        expect(status, PENDING, name)
        at = struct.unpack_from("<I", reply, 12)[0]
        most = FRAME_MAX if by == "frame" else SIZE_MAX - 24
        while at < len(data):
            piece = bytes(data[at:at + most])
            try:
                if by == "frame":
                    self.frame(op, at, piece)
                else:
                    self.push(op, at, piece)
            except BlockingIOError:
                self.poll(10000, select.POLLOUT)
                continue
            at += len(piece)
        return op

    def fetch(self, completion, by="frame"):
        """The output of COMPLETION."""
        data = b""
        while len(data) < completion.bytes:
            left = completion.bytes - len(data)
            if by == "frame":
                piece = os.pread(self.fd, left, completion.op << 32 | len(data))
            else:
                piece = self.pull(completion.op, len(data), min(left, SIZE_MAX - 24))
            assert piece, f"no output of {completion}"
            data += piece
        return data

    # Whole stories

    def publish_begin(self, identifier, length=0, flags=0):
        return self.do("ServerPublishStream", body=struct.pack(
            "<QIIII", length, 0, 0, len(identifier), flags) + identifier)

    def publish(self, identifier, data, by="frame"):
        stream = self.publish_begin(identifier)
        expect(self.wait(self.send("ServerPublishAddToStream", stream, data, by=by)).status,
               SUCCESS, "AddToStream")
        self.finish("ServerPublishCompleteStream", stream)
        self.do("ServerCloseStreamHandle", handle=stream)

    def open_information(self, identifier, versions=None, offset=0, length=0):
        least, most = versions or (0, 0)
        name = "ServerOpenContentInformation" + ("Ex" if versions else "")
        status, made, _ = self.ask(name, body=struct.pack(
            "<QQIIII", offset, length, least, most, len(identifier), 0) + identifier)
        return status, made

    def information(self, identifier, versions=None, by="frame", piece=65536):
        status, handle = self.open_information(identifier, versions)
        expect(status, SUCCESS, "OpenContentInformation")
        data = b""
        while True:
            completion = self.wait(self.submit("ServerRetrieveContentInformation", handle,
                                               struct.pack("<QII", 0, piece, 0)))
            if completion.status == NO_MORE:
                break
            expect(completion.status, SUCCESS, "Retrieve")
            expect(completion.offset, len(data), "offset of content information")
            data += self.fetch(completion, by)
        self.do("ServerCloseContentInformation", handle=handle)
        return data

    def unpublish(self, identifier):
        return self.ask("ServerUnpublish",
                        body=struct.pack("<II", len(identifier), 0) + identifier)[0]

    def content(self, information, tag=bytes(16), by="frame"):
        """A content that is ready."""
        handle = self.do("ClientOpenContent", body=tag)
        expect(self.wait(self.send("ClientAddContentInformation", handle, information,
                                   by=by)).status, SUCCESS, "AddContentInformation")
        self.finish("ClientCompleteContentInformation", handle)
        return handle

    def read_body(self, offset, size, timeout=0):
        return struct.pack("<QII", offset, size, timeout)


def expect(given, wanted, what=""):
    assert given == wanted, f"{what}: {given}, expected {wanted}"


def refused(number, function, *arguments):
    """It must fail with the errno NUMBER."""
    try:
        function(*arguments)
    except OSError as error:
        expect(errno.errorcode.get(error.errno), errno.errorcode[number], function.__name__)
        return
    raise AssertionError(f"{function.__name__} succeeded, expected {errno.errorcode[number]}")


def octets(size, seed=1):
    return random.Random(seed).randbytes(size)


class Skip(Exception):
    pass


children = set()


def spawn(work):
    """A process that does WORK, and says through a pipe what it wants to say."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(here)
            work(lambda: os.write(there, b"."))
            status = 0
        except BaseException as error:
            print(f"# child: {error!r}", flush=True)
        finally:
            os._exit(status)
    os.close(there)
    children.add(child)
    return child, here


def said(pipe):
    octet = os.read(pipe, 1)
    os.close(pipe)
    return octet == b"."


def ended(child, seconds=30):
    """Its exit status, or the signal that ended it, negative."""
    wait_until(lambda: os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT),
               f"the end of child {child}", seconds)
    children.discard(child)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed(child):
    os.kill(child, signal.SIGKILL)
    expect(ended(child), -signal.SIGKILL, "the end of a child")


def wait_until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def run_rows(rows):
    """Functions whose names begin with the rows that they are, and go on in words."""
    print(f"1..{len(rows)}", flush=True)
    for number, row in enumerate(rows, 1):
        name = row.__name__.replace("_", " ")
        try:
            row()
            print(f"ok {number} - {name}", flush=True)
        except Skip as reason:
            print(f"ok {number} - {name} # SKIP {reason}", flush=True)
        except Exception:
            print("# " + traceback.format_exc().replace("\n", "\n# "))
            print(f"not ok {number} - {name}", flush=True)
        for child in children:  # of a row that failed
            os.kill(child, signal.SIGKILL)
        for child in list(children):
            ended(child)


def rows_of(module):
    return [value for name, value in vars(module).items()
            if name[:1] in "AJM" and name[1:3].isdigit()]


def main_rows():
    run_rows(rows_of(sys.modules["__main__"]))
