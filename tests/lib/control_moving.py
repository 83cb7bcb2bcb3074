#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Polling, frames and output: rows of peerdist-api-cases.md. control_moving.py CONTROL LIBRARY"""
import ctypes
import errno
import json
import mmap
import os
import resource
import select
import signal
import struct
import subprocess
import sys

from control_client import (ABORTED, FRAME_MAX, NO_MORE, SUCCESS, Control, Skip,
                            expect, main_rows, octets, refused)

PATH, LIBRARY = sys.argv[1], sys.argv[2]
IN, OUT = select.POLLIN, select.POLLOUT


def M10_poll_tells_of_completions():
    with Control(PATH) as control:
        expect(control.poll(0), 0, "before any")
        op = control.submit("ClientFlushContent", body=octets(16))
        expect(control.poll(20000), IN, "one completes")
        taken, more = control.reap()
        expect(([completion.op for completion in taken], more), ([op], 0))
        expect(control.poll(0), 0, "after it was taken")
        expect(control.poll(0, IN | OUT), OUT, "credit")


def M10_epoll_wakes_a_waiter_at_each_edge():
    with Control(PATH) as control, select.epoll() as epoll:
        control.wait(control.submit("RegisterForStatusChangeNotification"))
        epoll.register(control.fd, select.EPOLLIN | select.EPOLLET)
        expect(epoll.poll(0), [])
        for _ in range(50):
            pending = control.submit("RegisterForStatusChangeNotification")
            child = os.fork()
            if child == 0:
                control.message(0x08)
                os._exit(0)
            expect(epoll.poll(20), [(control.fd, select.EPOLLIN)])
            expect([taken.op for taken in control.reap()[0]], [pending])
            os.waitpid(child, 0)


def M10_poll_of_an_instance_that_was_shut_down():
    with Control(PATH) as control:
        pending = control.submit("ClientFlushContent", body=octets(16))
        control.wait(pending)
        control.do("Shutdown")
        expect(control.poll(0, IN | OUT) & (select.POLLERR | select.POLLHUP),
               select.POLLERR | select.POLLHUP)


def add(control, stream, size):
    """An AddToStream that waits for all of its input."""
    return control.submit("ServerPublishAddToStream", stream, struct.pack("<QII", 0, size, 0))


def M11_a_thousand_completions():
    with Control(PATH) as control:
        stream = control.publish_begin(b"M11")
        sent = [add(control, stream, 1) for _ in range(1000)]
        expect(control.poll(0), 0, "all pending")
        control.do("ServerCloseStreamHandle", handle=stream)
        counts, seen = [], []
        for _ in range(3):
            taken, more = control.reap(340)
            counts.append((len(taken), more))
            seen += taken
        expect(counts, [(340, 1), (340, 1), (320, 0)])
        expect(sorted(completion.op for completion in seen), sent)
        expect({completion.status for completion in seen}, {ABORTED})
        expect(control.reap(340), ([], 0))


def M12_frames_that_do_not_fit():
    with Control(PATH) as control:
        stream = control.publish_begin(b"M12")
        for feed in (control.frame, control.push):
            op = add(control, stream, 100)
            refused(errno.EINVAL, feed, op, 1, b"x")
            feed(op, 0, b"x" * 50)
            refused(errno.EINVAL, feed, op, 0, b"x")
            refused(errno.EINVAL, feed, op, 51, b"x")
            refused(errno.EINVAL, feed, op, 50, b"x" * 51)
            refused(errno.ENOENT, feed, op + 1000, 0, b"x")
            feed(op, 50, b"x" * 50)
            expect(control.wait(op).status, SUCCESS)
            refused(errno.ENOENT, feed, op, 100, b"x")
        cancelled = add(control, stream, 100)
        expect(control.ask("ServerCancelAsyncOperation", cancelled,
                           body=struct.pack("<II", 3, 0) + b"M12")[0], SUCCESS)
        refused(errno.ENOENT, control.frame, cancelled, 0, b"x")
        expect(control.wait(cancelled).status, ABORTED)
        refused(errno.ENOENT, control.frame, cancelled, 0, b"x")
        # Not at another offset, and not without its head or all of its octets.
        refused(errno.EINVAL, control.frame, 1, 0, b"x", 16)
        refused(errno.EINVAL, os.pwrite, control.fd, b"x" * 15, 0)
        refused(errno.EINVAL, os.pwrite, control.fd, struct.pack("<IIII", 1, 0, 1, 1) + b"x", 0)


def pending_count():
    with open(os.path.join(os.path.dirname(PATH), "status"), encoding="utf-8") as file:
        return json.load(file)["api"]["operations"]


def M12_text_is_no_frame():
    before = pending_count()
    for redirection in (">", "1<>"):
        done = subprocess.run(["sh", "-c", f"echo text {redirection}'{PATH}'"],
                              stderr=subprocess.DEVNULL, check=False)
        assert done.returncode != 0, f"echo text {redirection} control succeeded"
    expect(pending_count(), before)


def M13_a_frame_that_the_kernel_cuts():
    with Control(PATH) as control:
        stream = control.publish_begin(b"M13")
        size = 1 << 20
        op = add(control, stream, size)
        refused(errno.EMSGSIZE, control.frame, op, 0, bytes(size))
        # At every alignment of memory a frame of max_frame goes through.
        with mmap.mmap(-1, 3 << 20) as memory:
            for shift in (0, 1, 8, 4080, 4096, 4095):
                view = memoryview(memory)[shift:shift + 16 + FRAME_MAX]
                extra = add(control, control.publish_begin(b"M13 at %d" % shift), FRAME_MAX)
                struct.pack_into("<IIII", view, 0, extra, 0, FRAME_MAX, 0)
                expect(os.pwrite(control.fd, view, 0), 16 + FRAME_MAX, f"at {shift}")
                view.release()
                expect(control.wait(extra).bytes, FRAME_MAX)
        control.frame(op, 0, bytes(FRAME_MAX))
        control.frame(op, FRAME_MAX, bytes(size - FRAME_MAX))
        expect(control.wait(op).bytes, size)


def M14_as_fast_as_they_go():
    with Control(PATH) as control:
        size = 64 << 20
        stream = control.publish_begin(b"M14")
        blocked = control.publish_begin(b"M14 that waits")
        # Behind an operation without input nothing of its stream is worked on, so credit runs out.
        first = add(control, blocked, 1)
        second = add(control, blocked, 16 << 20)
        at = 0
        try:
            while True:
                control.frame(second, at, bytes(FRAME_MAX))
                at += FRAME_MAX
        except BlockingIOError:
            pass
        assert 6 << 20 < at <= 8 << 20, at
        expect(control.poll(0, IN | OUT), 0, "without credit")
        control.do("ServerCloseStreamHandle", handle=blocked)
        expect(control.poll(20000, OUT), OUT, "credit came back")
        expect({control.wait(first).status, control.wait(second).status}, {ABORTED})
        expect(control.wait(control.send("ServerPublishAddToStream", stream, octets(1 << 20) * 64))
               .bytes, size)


def M15_output_in_pieces():
    with Control(PATH) as control:
        control.publish(b"M15", octets(3 << 20))
        status, handle = control.open_information(b"M15")
        expect(status, SUCCESS)
        op = control.submit("ServerRetrieveContentInformation", handle,
                            struct.pack("<QII", 0, 1 << 20, 0))
        pending = add(control, control.publish_begin(b"M15 pending"), 1)
        expect(os.pread(control.fd, 10, pending << 32), b"", "of one that is pending")
        completion = control.wait(op)
        expect((completion.status, completion.flags & 1), (SUCCESS, 1))
        size = completion.bytes
        assert size > 1000, size
        at = op << 32
        first = os.pread(control.fd, 100, at)
        expect(os.pread(control.fd, 100, at), first, "the first again")
        expect(len(first), 100)
        expect(control.pull(op, 0, 100), first, "by PULL")
        expect(control.pull(op, 50, 1000, 50), first[50:], "what fits")
        middle = os.pread(control.fd, size - 101, at + 100)
        expect(os.pread(control.fd, 10, at + size), b"", "behind the output")
        last = os.pread(control.fd, 1000, at + size - 1)
        expect(len(last), 1, "cut at the end")
        expect(os.pread(control.fd, 10, at), b"", "after the last")
        expect(control.pull(op, 0, 10), b"", "after the last, by PULL")
        expect(control.information(b"M15"), first + middle + last)
        # The number is free.
        expect(control.wait(control.submit("ServerRetrieveContentInformation", handle,
                                           struct.pack("<QII", 0, 10, 0), op=op)).status, NO_MORE)
        for offset in (0, 1, (1 << 32) - 1, 99 << 32, (1 << 63) - 4096):
            expect(os.pread(control.fd, 100, offset), b"", f"at {offset:#x}")


def M16_one_of_two_descriptors_is_closed():
    with Control(PATH) as control:
        other = os.dup(control.fd)
        os.close(other)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        control.publish(b"M16", b"x" * 100)
        other = os.dup(control.fd)
        os.close(control.fd)
        control.fd = other
        expect(control.open_information(b"M16")[0], SUCCESS)


def M18_cat_ends_at_once():
    done = subprocess.run(["cat", PATH], capture_output=True, timeout=5, check=True)
    expect(done.stdout, b"")
    with Control(PATH) as control:  # an instance too
        expect(os.read(control.fd, 4096), b"")


def M18_size_0_may_be_set():
    os.truncate(PATH, 0)
    os.close(os.open(PATH, os.O_RDWR | os.O_TRUNC))
    with Control(PATH) as control:
        os.ftruncate(control.fd, 0)
        control.status()
    expect(os.stat(PATH).st_size, 0)


def M19_file_size_limits():
    if not os.path.exists(LIBRARY):
        raise Skip("no library here")
    with open(LIBRARY, "rb") as file:
        text = file.read()
    if b"__asan_init" in text or b"__tsan_init" in text:
        raise Skip("a library with a sanitizer cannot be loaded here")
    for limit in (1 << 20, 100 << 10, 0):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                # Whoever gets the signal has failed, but the default action would say less.
                signal.signal(signal.SIGXFSZ, lambda *_: os._exit(2))
                status = add_by_library(10 << 20, b"M19 %d" % limit)
            except BaseException as error:
                print(f"# {error!r}", flush=True)
            finally:
                os._exit(status)
        expect(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, f"limit {limit}")


class Overlapped(ctypes.Structure):
    _fields_ = [("Internal", ctypes.c_size_t), ("InternalHigh", ctypes.c_size_t),
                ("Offset", ctypes.c_uint32), ("OffsetHigh", ctypes.c_uint32),
                ("hEvent", ctypes.c_void_p)]


def add_by_library(size, identifier):
    os.environ["PEERDIST_CONTROL"] = PATH
    library = ctypes.CDLL(LIBRARY)
    pointer, dword = ctypes.c_void_p, ctypes.c_uint32
    instance, stream, overlapped, taken = pointer(), pointer(), Overlapped(), dword()
    null = pointer(None)
    expect(library.PeerDistStartup(2, ctypes.byref(instance), None), 0, "Startup")
    expect(library.PeerDistServerPublishStream(instance, len(identifier), identifier,
                                               ctypes.c_uint64(size), None, null, null,
                                               ctypes.byref(stream)), 0, "PublishStream")
    data = octets(1 << 20) * (size >> 20)
    expect(library.PeerDistServerPublishAddToStream(instance, stream, dword(size), data,
                                                    ctypes.byref(overlapped)), 997, "AddToStream")
    expect(library.PeerDistGetOverlappedResult(ctypes.byref(overlapped), ctypes.byref(taken), 1),
           1, "the result")
    expect(taken.value, size)
    expect(library.PeerDistShutdown(instance), 0, "Shutdown")
    return 0


main_rows()
