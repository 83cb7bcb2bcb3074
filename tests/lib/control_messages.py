#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is a message and what is none: rows of peerdist-api-cases.md. control_messages.py CONTROL"""
import errno
import os
import struct
import sys

from control_client import (ALREADY_INITIALIZED, FUNCTIONS, INVALID_HANDLE, INVALID_PARAMETER,
                            IOC_READ, IOC_WRITE, NOT_INITIALIZED, NUMBERED, OPCODES,
                            OPERATION_NOTFOUND, PENDING, SIZE_MAX, SUCCESS, UNSUPPORTED, Control,
                            command, expect, header, main_rows, octets, refused)

PATH = sys.argv[1]
FIXED = ["Startup", "Shutdown", "GetStatus", "GetStatusEx", "GetOverlappedResult",
         "ClientOpenContent", "ClientStreamRead", "ClientGetInformationByHandle",
         "ServerCloseStreamHandle"]
TAILED = {  # where the length of the tail is said, and where the tail begins
    "ClientAddContentInformation": (28, 32), "ClientAddData": (28, 32),
    "ServerPublishAddToStream": (28, 32), "ServerPublishStream": (32, 40),
    "ServerUnpublish": (16, 24), "ServerOpenContentInformation": (40, 48),
    "ServerOpenContentInformationEx": (40, 48), "ServerCancelAsyncOperation": (16, 24),
    "PUSH": (20, 24)}


def M01_startup_on_a_fresh_open():
    with Control(PATH, started=False) as control:
        status, reply = control.startup()
        expect(status, SUCCESS)
        abi, _, supported, least, most, operations, handles, identifier, frame, read = reply
        expect((abi, supported, least, most), (1, 2, 1, 1))
        expect((operations, handles, identifier), (1024, 1024, 8192))
        expect((frame, read), (1036288, 1048576))


def M01_startup_with_an_abi_that_there_is_not():
    for abi in (99, 0, 2, 0xFFFFFFFF):
        with Control(PATH, started=False) as control:
            status, reply = control.startup(abi=abi)
            expect((status, reply[3], reply[4]), (UNSUPPORTED, 1, 1), f"abi {abi}")
            # It is not started by that, and can be still.
            expect(control.ask("GetStatus", body=bytes(16))[0], NOT_INITIALIZED)
            expect(control.startup()[0], SUCCESS)


def M01_startup_with_versions_of_the_program():
    for version, wanted in ((1, SUCCESS), (2, SUCCESS), (3, UNSUPPORTED), (0x102, UNSUPPORTED),
                            (0, UNSUPPORTED), (0x10002, UNSUPPORTED)):
        with Control(PATH, started=False) as control:
            status, reply = control.startup(version=version)
            expect((status, reply[2]), (wanted, 2), f"version {version:#x}")


def M02_any_function_before_startup():
    with Control(PATH, started=False) as control:
        for name in OPCODES:
            if name == "Startup":
                continue
            opcode, size = OPCODES[name]
            op = 7 if opcode in NUMBERED else 0
            expect(control.ask(name, op=op, body=bytes(size - 16))[0], NOT_INITIALIZED, name)


def M02_startup_twice():
    with Control(PATH) as control:
        expect(control.startup()[0], ALREADY_INITIALIZED)
        expect(control.startup(abi=99)[0], ALREADY_INITIALIZED)
        control.status()


def M02_after_shutdown():
    with Control(PATH) as control:
        handle = control.do("ClientOpenContent", body=octets(16))
        pending = control.submit("RegisterForStatusChangeNotification")
        control.do("Shutdown")
        expect(control.startup()[0], ALREADY_INITIALIZED)
        for name in FUNCTIONS:
            if name in ("Startup", "GetOverlappedResult"):
                continue
            opcode, size = OPCODES[name]
            op = 9 if opcode in NUMBERED else 0
            expect(control.ask(name, op=op, handle=handle, body=bytes(size - 16))[0],
                   INVALID_HANDLE, name)
        # What is queued can still be had: the registration, whichever way it ended.
        assert control.wait(pending).status in (0, 995)
        expect(control.reap(), ([], 0))
        expect(control.pull(pending, 0, 16), b"")
        expect(control.ask("GetOverlappedResult", op=pending, body=bytes(24))[0],
               OPERATION_NOTFOUND)


def M03_wrong_type_direction_or_opcode():
    with Control(PATH) as control:
        octets_of = header() + bytes(16)
        wrong = [command(3, 32, kind=0xBB), command(3, 32, kind=0), command(3, 32, IOC_READ),
                 command(3, 32, IOC_WRITE), command(3, 32, 0)]
        known = {opcode for opcode, _ in OPCODES.values()}
        wrong += [command(opcode, 32) for opcode in range(256) if opcode not in known]
        for number in wrong:
            refused(errno.ENOTTY, control.raw, number, octets_of)
        control.status()


def M04_one_octet_too_short_for_its_opcode():
    with Control(PATH) as control:
        for name, (opcode, size) in OPCODES.items():
            for less in (size - 1, 16, 8, 1, 0):
                if less < size:
                    refused(errno.EINVAL, control.raw, command(opcode, less), bytes(size))


def M04_a_length_one_more_than_the_message_has():
    with Control(PATH) as control:
        for name, (at, start) in TAILED.items():
            for tail in (0, 1, 16):
                message = bytearray(start + tail)
                struct.pack_into("<I", message, at, tail + 1)
                if name.endswith(("Information", "Data", "ToStream")) and start == 32:
                    struct.pack_into("<I", message, 24, 1000)
                refused(errno.EINVAL, control.raw,
                        command(OPCODES[name][0], len(message)), message)
                struct.pack_into("<I", message, at, 0xFFFFFFFF)
                refused(errno.EINVAL, control.raw,
                        command(OPCODES[name][0], len(message)), message)
        # More inline than there is in all.
        message = header(1, 1) + struct.pack("<QII", 0, 4, 5) + bytes(5)
        refused(errno.EINVAL, control.raw, command(0x14, len(message)), message)


def M05_a_reserved_field_that_is_not_zero():
    with Control(PATH) as control:
        identifier = b"reserved"
        for name, size, at in (("GetStatus", 32, 28), ("GetStatusEx", 32, 28),
                               ("ServerUnpublish", 24, 20), ("ServerCancelAsyncOperation", 24, 20),
                               ("ServerOpenContentInformation", 48, 44),
                               ("ServerPublishStream", 40, 36), ("GetStatus", 32, 0)):
            for value in (1, 1 << 31) if at != 36 else (2, 1 << 31):
                message = bytearray(size) + identifier
                if size in (32,):
                    message = message[:size]
                struct.pack_into("<I", message, at, value)
                refused(errno.EINVAL, control.raw, command(OPCODES[name][0], len(message)),
                        message)


def M05_a_struct_that_has_grown():
    with Control(PATH) as control:
        longer = header() + bytes(24)
        expect(struct.unpack_from("<I", control.raw(command(3, 40), longer), 0)[0], SUCCESS)
        for name in FIXED:
            opcode, size = OPCODES[name]
            for added in (1, 8, SIZE_MAX - size):
                refused(errno.E2BIG, control.raw, command(opcode, size + added),
                        bytes(size + added - 1) + b"\1")
        # The reply is as long as the request, and what was added is as it was.
        reply = control.raw(command(3, SIZE_MAX), bytes(SIZE_MAX))
        expect(len(reply), SIZE_MAX)
        expect(reply[32:], bytes(SIZE_MAX - 32))
        struct.unpack_from("<I", reply, 16)


def M06_opened_to_read_or_to_write_only():
    for flags in (os.O_RDONLY, os.O_WRONLY):
        with Control(PATH, flags, started=False) as control:
            refused(errno.EBADF, control.startup)
            refused(errno.EBADF, control.raw, command(0x40, 24), bytes(24))
            if flags == os.O_WRONLY:
                refused(errno.EBADF, control.frame, 1, 0, b"x")
            else:
                expect(os.read(control.fd, 100), b"")


def M07_handles_of_others_closed_or_of_another_kind():
    with Control(PATH) as control, Control(PATH) as other:
        content = control.do("ClientOpenContent", body=octets(16))
        stream = control.publish_begin(b"M07")
        closed = control.do("ClientOpenContent", body=octets(16))
        control.do("ClientCloseContent", handle=closed)
        elsewhere = other.do("ClientOpenContent", body=octets(16))
        assert len({content, stream, closed}) == 3 and 0 not in (content, stream, closed)
        wrong = {"ClientCloseContent": (stream, closed, 0, 0xFFFFFFFFFFFFFFFF),
                 "ClientCompleteContentInformation": (stream, closed, 0),
                 "ClientBlockRead": (stream, closed, 0),
                 "ClientCancelAsyncOperation": (stream, closed, 0),
                 "ServerPublishCompleteStream": (content, closed, 0),
                 "ServerCloseStreamHandle": (content, closed, 0),
                 "ServerCloseContentInformation": (content, stream, closed, 0)}
        for name, handles in wrong.items():
            opcode, size = OPCODES[name]
            for handle in handles:
                body = bytes(size - 16)
                if opcode == 0x15:
                    body = struct.pack("<QII", 0, 10, 0)
                op = control.next_number() if opcode in NUMBERED else 0
                expect(control.ask(name, op=op, handle=handle, body=body)[0], INVALID_HANDLE,
                       f"{name} of {handle}")
        # Handles of two opens may look alike; what is closed here lives on there.
        control.do("ClientCloseContent", handle=content)
        other.do("ClientCloseContent", handle=elsewhere)
        expect(other.ask("ClientCloseContent", handle=elsewhere)[0], INVALID_HANDLE)
        assert control.do("ClientOpenContent", body=octets(16)) not in (content, closed, stream)
        expect(control.reap()[0], [])


def M07_operation_numbers_that_are_none_or_in_use():
    with Control(PATH) as control:
        for op in (0, 1 << 31, 0xFFFFFFFF):
            expect(control.ask("RegisterForStatusChangeNotification", op=op)[0],
                   INVALID_PARAMETER, f"op {op}")
        control.wait(control.submit("RegisterForStatusChangeNotification", op=5))
        for op in (1, 0x7FFFFFFF):
            pending = control.submit("RegisterForStatusChangeNotification", op=op)
            for name in ("RegisterForStatusChangeNotification", "ClientFlushContent"):
                expect(control.ask(name, op=op, body=bytes(OPCODES[name][1] - 16))[0],
                       INVALID_PARAMETER, f"{name} with {op} again")
            control.do("UnregisterForStatusChangeNotification")
            # Completed and not taken: in use still.
            expect(control.ask("ClientFlushContent", op=op, body=bytes(16))[0], INVALID_PARAMETER)
            expect(control.wait(pending).status, 995)
            expect(control.wait(control.submit("ClientFlushContent", body=bytes(16), op=op)).status,
                   SUCCESS)
            with Control(PATH) as other:  # numbers are each open's own
                other.wait(other.submit("RegisterForStatusChangeNotification", op=op))
        expect(control.ask("GetOverlappedResult", op=1, body=bytes(24))[0], OPERATION_NOTFOUND)
        expect(PENDING, 997)


main_rows()
