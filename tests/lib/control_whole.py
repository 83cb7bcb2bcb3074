#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A publisher and a consumer by ioctl alone, all 28 functions. control_whole.py CONTROL"""
import struct
import sys

from control_client import (ABORTED, FUNCTIONS, MISSING_DATA, NO_MORE, NOT_FOUND, OPCODES,
                            OPERATION_NOTFOUND, SUCCESS, Completion, Control, expect, main_rows,
                            octets)

PATH = sys.argv[1]
DATA = octets(200000, 8)
ID = b"M08 identifier"
TAG = octets(16, 8)


class Watched(Control):
    """Notes which opcodes were used; anything but ioctl is not for it."""

    def __init__(self, path):
        self.used = set()
        super().__init__(path)

    def message(self, opcode, op=0, handle=0, body=b""):
        self.used.add(opcode)
        return super().message(opcode, op, handle, body)

    def frame(self, *_):
        raise AssertionError("a frame")

    def poll(self, *_):
        raise AssertionError("poll")

    def result(self, op):
        """By GetOverlappedResult, which never waits."""
        while True:
            status, _, body = self.ask("GetOverlappedResult", op=op, body=bytes(24))
            expect(status, SUCCESS, "GetOverlappedResult")
            completion = Completion(body)
            expect(completion.op, op)
            if completion.status != 997:
                return completion

    def wait(self, op, seconds=20):
        while op not in self.kept:
            for completion in self.reap()[0]:
                self.kept[completion.op] = completion
        return self.kept.pop(op)


def watch_the_service(control):
    expect(control.status(), 2)
    status, _, body = control.ask("GetStatusEx", body=bytes(16))
    expect((status, struct.unpack("<4I", body)), (SUCCESS, (2, 1, 2, 0)))
    first = control.result(control.submit("RegisterForStatusChangeNotification"))
    expect((first.status, first.flags & 2, first.service), (SUCCESS, 2, 2))
    pending = control.submit("RegisterForStatusChangeNotificationEx")
    control.do("UnregisterForStatusChangeNotification")
    expect(control.wait(pending).status, ABORTED)


def publish(control):
    stream = control.publish_begin(ID, len(DATA))
    expect(control.open_information(ID)[0], NOT_FOUND, "before it is complete")
    added = control.wait(control.send("ServerPublishAddToStream", stream, DATA[:150000], by="push",
                                      inline=16000))
    expect((added.status, added.bytes), (SUCCESS, 150000))
    control.wait(control.send("ServerPublishAddToStream", stream, DATA[150000:], by="push"))
    control.finish("ServerPublishCompleteStream", stream)
    control.do("ServerCloseStreamHandle", handle=stream)
    other = control.publish_begin(b"cancelled")
    op = control.submit("ServerPublishAddToStream", other, struct.pack("<QII", 0, 10, 0))
    body = struct.pack("<II", 9, 0) + b"cancelled"
    control.do("ServerCancelAsyncOperation", op=op, body=body)
    expect(control.wait(op).status, ABORTED)
    expect(control.ask("ServerCancelAsyncOperation", op=op, body=body)[0], OPERATION_NOTFOUND)
    control.do("ServerCloseStreamHandle", handle=other)
    information = control.information(ID, by="ioctl", piece=100)
    version_2 = control.information(ID, (2, 2), by="ioctl")
    # 2.3 of content-information.md: the version is the first two octets, minor first.
    expect((information[:2], version_2[:2]), (b"\0\1", b"\0\2"))
    return information, version_2


def read_all(control, handle):
    data = b""
    while True:
        completion = control.wait(control.submit("ClientStreamRead", handle,
                                                 control.read_body(0, 70000)))
        if completion.status == NO_MORE:
            return data
        expect((completion.status, completion.offset), (SUCCESS, len(data)))
        data += control.fetch(completion, by="ioctl")


def consume(control, information):
    handle = control.content(information, TAG, by="push")
    missing = control.wait(control.submit("ClientBlockRead", handle, control.read_body(10, 100)))
    expect((missing.status, missing.offset, missing.bytes), (MISSING_DATA, 10, len(DATA) - 10))
    added = control.wait(control.send("ClientAddData", handle, DATA, by="push"))
    expect((added.status, added.bytes), (SUCCESS, len(DATA)))
    query = control.wait(control.submit("ClientBlockRead", handle, control.read_body(0, 0)))
    expect((query.status, query.bytes, query.flags & 1), (SUCCESS, len(DATA), 0))
    block = control.wait(control.submit("ClientBlockRead", handle, control.read_body(65436, 200)))
    expect(control.fetch(block, by="ioctl"), DATA[65436:65636])
    expect(read_all(control, handle), DATA)
    status, _, body = control.ask("ClientGetInformationByHandle", handle=handle, body=bytes(24))
    expect((status, struct.unpack_from("<3I", body)), (SUCCESS, (0, 4, 0)))
    control.do("ClientCancelAsyncOperation", handle=handle)
    expect(control.ask("ClientCancelAsyncOperation", op=5, handle=handle)[0], OPERATION_NOTFOUND)
    control.finish("ClientFlushContent", body=TAG)
    gone = control.wait(control.submit("ClientBlockRead", handle, control.read_body(0, 100)))
    expect((gone.status, gone.offset, gone.bytes), (MISSING_DATA, 0, len(DATA)))
    control.do("ClientCloseContent", handle=handle)


def M08_all_28_functions_by_ioctl_alone():
    with Watched(PATH) as control:
        watch_the_service(control)
        for information in publish(control):
            consume(control, information)
        expect(control.unpublish(ID), SUCCESS)
        expect(control.open_information(ID)[0], NOT_FOUND)
        control.do("Shutdown")
        expect(control.used, {opcode for opcode, _ in OPCODES.values()})
        expect(len(FUNCTIONS), 28)


def M09_the_same_from_python_with_frames():
    with Control(PATH) as control:
        control.publish(ID, DATA)
        for versions in ((1, 1), (2, 2)):
            handle = control.content(control.information(ID, versions), TAG)
            expect(control.wait(control.send("ClientAddData", handle, DATA)).status, SUCCESS)
            block = control.wait(control.submit("ClientBlockRead", handle,
                                                control.read_body(0, 1 << 20)))
            expect(control.fetch(block), DATA)
            control.finish("ClientFlushContent", body=TAG)


main_rows()
