#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that die or stand still: rows of peerdist-api-cases.md.

control_hostile.py CONTROL SILENT: SILENT is a file whose octets, but for the first, never come.
"""
import itertools
import json
import mmap
import os
import resource
import signal
import struct
import sys
import threading

from control_client import (PENDING, SUCCESS, Control, ended, expect, killed, main_rows, octets, said,
                            spawn, wait_until)

PATH, SILENT = sys.argv[1], sys.argv[2]
PUBLISHERS = 64
NOTHING = {"instances": 0, "handles": 0, "operations": 0, "publications": 0, "input": 0,
           "output": 0}


def api():
    with open(os.path.join(os.path.dirname(PATH), "status"), encoding="utf-8") as file:
        return json.load(file)["api"]


def hold_everything(say):
    """Something of every kind, pending, completed, and with output that waits."""
    control = Control(PATH)
    control.publish(b"A15", octets(300000))
    stream = control.publish_begin(b"A15 in the making", 0, 1)
    control.submit("ServerPublishAddToStream", stream, struct.pack("<QII", 0, 1 << 30, 0))
    control.frame(control.number, 0, octets(1000000))
    status, information = control.open_information(b"A15", (1, 1))
    expect(status, SUCCESS)
    control.submit("ServerRetrieveContentInformation", information, struct.pack("<QII", 0, 50, 0))
    content = control.content(control.information(b"A15", (2, 2)))
    for number in range(100):
        control.submit("ClientBlockRead", content, control.read_body(0, 1000, 0xFFFFFFFF))
        control.submit("ClientStreamRead", content, control.read_body(0, 1000, 0))
    control.submit("RegisterForStatusChangeNotification")
    say()
    signal.pause()


def A15_a_process_is_killed_with_all_that_it_has():
    expect(api(), NOTHING, "before")
    child, pipe = spawn(hold_everything)
    assert said(pipe), "the process failed"
    held = api()
    expect((held["instances"], held["publications"]), (1, 2))
    assert held["handles"] == 3 and held["operations"] > 100, held
    killed(child)
    wait_until(lambda: api() == NOTHING, "nothing of it is left")


def A15_killed_at_each_stage():
    def opened(say):
        with Control(PATH, started=False):
            say(), signal.pause()

    def started(say):
        with Control(PATH):
            say(), signal.pause()

    def publishing(say):
        with Control(PATH) as control:
            control.publish_begin(b"stage")
            say(), signal.pause()

    def shut_down(say):
        with Control(PATH) as control:
            control.submit("ClientFlushContent", body=bytes(16))
            control.do("Shutdown")
            say(), signal.pause()

    for stage in (opened, started, publishing, shut_down):
        child, pipe = spawn(stage)
        assert said(pipe), stage.__name__
        killed(child)
        wait_until(lambda: api() == NOTHING, f"nothing is left of {stage.__name__}")


def M16_a_thousand_instances_at_once():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    controls = [Control(PATH) for _ in range(1000)]
    for number, control in enumerate(controls):
        control.publish_begin(b"M16 %d" % number)
    there = api()
    expect((there["instances"], there["handles"], there["publications"]), (1000, 1000, 1000))
    for control in controls:
        control.close()
    wait_until(lambda: api() == NOTHING, "nothing of them is left")


def call_for_ever(say):
    control = Control(PATH)
    control.publish(b"M17 %d" % os.getpid(), octets(100000))
    data, numbers = octets(60000), itertools.count(1)

    def call():
        number = next(numbers) * 1000000
        stream = control.publish_begin(b"M17 %d %d" % (os.getpid(), number))
        while True:
            number += 1
            control.status()
            control.ask("ServerPublishAddToStream", number, stream,
                        struct.pack("<QII", 0, len(data), 0))
            try:
                control.frame(number, 0, data)
            except OSError:
                pass
            control.reap(30)

    for _ in range(4):
        threading.Thread(target=call, daemon=True).start()
    say()
    signal.pause()


def M17_killed_while_thousands_of_calls_run():
    children = [spawn(call_for_ever) for _ in range(8)]
    for _, pipe in children:
        assert said(pipe)
    for child, _ in children:
        killed(child)
    wait_until(lambda: api() == NOTHING, "nothing of them is left")
    with Control(PATH) as control:  # and it goes on
        control.publish(b"M17", b"x")


def publish_as_one_of_many(say):
    with Control(PATH) as control:
        say()
        identifier = b"M20 %d" % os.getpid()
        data = octets(1 << 20)
        stream = control.publish_begin(identifier)
        for _ in range(3):
            control.wait(control.send("ServerPublishAddToStream", stream, data))
        control.finish("ServerPublishCompleteStream", stream)
        expect(control.open_information(identifier)[0], SUCCESS)


def write_what_never_comes(say):
    control = Control(PATH)
    stream = control.publish_begin(b"M20 silent")
    size = 900000
    expect(control.ask("ServerPublishAddToStream", 1, stream,
                       struct.pack("<QII", 0, size, 0))[0], PENDING)
    silent = os.open(SILENT, os.O_RDONLY)
    memory = mmap.mmap(silent, size, prot=mmap.PROT_READ)
    head = struct.pack("<IIII", 1, 0, size, 0)
    say()
    os.pwritev(control.fd, [head, memory], 0)
    raise AssertionError("the silent file answered")


def M20_one_of_64_publishers_writes_what_never_comes():
    stuck, pipe = spawn(write_what_never_comes)
    assert said(pipe)
    wait_until(lambda: waits_in_write(stuck), "it waits in the write")
    children = [spawn(publish_as_one_of_many) for _ in range(PUBLISHERS - 1)]
    for child, pipe in children:
        assert said(pipe)
        expect(ended(child), 0, "one of the others")
    assert waits_in_write(stuck), "it does not wait any more"
    killed(stuck)
    wait_until(lambda: api() == NOTHING, "nothing of them is left")


def waits_in_write(process):
    """For a page of the silent file, in the kernel."""
    with open(f"/proc/{process}/wchan", encoding="ascii") as file:
        where = file.read()
    return any(word in where for word in ("fuse", "folio", "request_wait"))


main_rows()
