#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Whose is what: rows of peerdist-api-cases.md. control_users.py DIRECTORY

DIRECTORY: .peerdist of a mount with allow_other whose owner is root. As root.
"""
import array
import errno
import os
import socket
import struct
import subprocess
import sys

from control_client import (NOT_FOUND, OPERATION_NOTFOUND, SUCCESS, Control, ended, expect, main_rows,
                            octets, refused, said, spawn)

DIRECTORY = sys.argv[1]
PATH = os.path.join(DIRECTORY, "control")
A, B = 4711, 4712


def become(uid):
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def as_user(uid, work):
    """WORK in a process of UID, which must not fail."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            become(uid)
            work()
            status = 0
        except BaseException as error:
            print(f"# as {uid}: {error!r}", flush=True)
        finally:
            os._exit(status)
    expect(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0, f"as {uid}")


class Held:
    """An instance of UID's in a process of its own, until it is let go."""

    def __init__(self, uid, work):
        self.stop = os.pipe()
        ready = os.pipe()
        self.child = os.fork()
        if self.child == 0:
            try:
                os.close(self.stop[1])
                become(uid)
                with Control(PATH) as control:
                    work(control)
                    os.write(ready[1], b".")
                    os.read(self.stop[0], 1)
            finally:
                os._exit(0)
        os.close(ready[1])
        expect(os.read(ready[0], 1), b".", f"instance of {uid}")
        os.close(ready[0])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.stop[1])
        os.close(self.stop[0])
        os.waitpid(self.child, 0)


def J01_another_user_can_neither_see_nor_undo():
    data, tag = octets(100000), b"a tag, 16 octets"
    go = os.pipe()

    def of_a(say):
        os.close(go[1])
        become(A)
        with Control(PATH) as control:
            control.publish(b"J01", data)
            content = control.content(control.information(b"J01"), tag)
            expect(control.wait(control.send("ClientAddData", content, data)).status, SUCCESS)
            stream = control.publish_begin(b"J01 pending")
            pending = control.submit("ServerPublishAddToStream", stream,
                                     struct.pack("<QII", 0, 1, 0))
            say()
            os.read(go[0], 1)
            expect(control.reap(), ([], 0), "what B did ended nothing")
            control.frame(pending, 0, b"x")
            expect(control.wait(pending).status, SUCCESS)
            read = control.wait(control.submit("ClientBlockRead", content,
                                               control.read_body(0, 100000)))
            expect(control.fetch(read), data, "A's data")
            expect(control.information(b"J01"), control.information(b"J01"))
            expect(control.unpublish(b"J01"), SUCCESS)

    def of_b():
        with Control(PATH) as control:
            expect(control.open_information(b"J01")[0], NOT_FOUND)
            expect(control.unpublish(b"J01"), NOT_FOUND)
            expect(control.ask("ServerCancelAsyncOperation", op=1,
                               body=struct.pack("<II", 11, 0) + b"J01 pending")[0],
                   OPERATION_NOTFOUND)
            control.finish("ClientFlushContent", body=tag)
            control.publish(b"J01", octets(1000, 2))  # the same identifier, B's own
            expect(control.unpublish(b"J01"), SUCCESS)

    child, pipe = spawn(of_a)
    assert said(pipe)
    as_user(B, of_b)
    with Control(PATH) as control:  # J06: nor can root
        expect(control.open_information(b"J01")[0], NOT_FOUND)
    os.close(go[1])
    expect(ended(child), 0, "as A")
    os.close(go[0])


def told(name):
    with open(os.path.join(DIRECTORY, name), encoding="utf-8") as file:
        return file.read()


def J09_a_descriptor_that_was_passed_on_belongs_to_its_opener():
    here, there = socket.socketpair()

    def publish_with_what_comes():
        _, ancillary, _, _ = here.recvmsg(1, socket.CMSG_LEN(4))
        control = Control.__new__(Control)
        control.fd = array.array("i", ancillary[0][2])[0]
        control.number, control.kept = 1000, {}
        control.publish(b"J09", octets(1000))

    def open_and_pass():
        with Control(PATH) as control:
            there.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                    array.array("i", [control.fd]))])
            expect(there.recv(1), b"!")
            with Control(PATH) as other:
                expect(other.open_information(b"J09")[0], SUCCESS, "A has it")

    def of_b():
        publish_with_what_comes()
        with Control(PATH) as control:
            expect(control.open_information(b"J09")[0], NOT_FOUND, "B has none")
        here.send(b"!")

    def of_a(_):
        become(A)
        open_and_pass()

    child, _ = spawn(of_a)
    as_user(B, of_b)
    expect(ended(child), 0, "as A")


def J10_lists_show_everyone_his_own():
    def of_b_alone():
        assert f"uid {A}" not in told("instances"), "B sees A's instance"
        assert f"uid {B}" in told("instances"), "B does not see his own"
        lines = told("publications").splitlines()
        expect(len(lines), 1, "publications that B sees")
        assert lines[0].startswith(f"{B} {b'of B'.hex()} length 2000 versions "), lines
        status = told("status") + told("metrics") + told("config")
        for secret in (b"of A".hex(), b"of B".hex(), "of A", "of B"):
            assert secret not in status, f"status has {secret}"

    def work_of_a(control):
        control.publish(b"of A", octets(1000))

    def work_of_b(control):
        control.publish(b"of B", octets(2000))

    with Held(A, work_of_a), Held(B, work_of_b):
        as_user(B, of_b_alone)
        as_user(4713, lambda: expect((told("instances"), told("publications")), ("", "")))
        # Root sees all; so does the mount's owner, who is root here.
        expect(len(told("instances").splitlines()), 2)
        assert f"{A} {b'of A'.hex()} length 1000" in told("publications")
        expect(len(told("publications").splitlines()), 2)


def J10_lists_are_as_they_were_at_open():
    with open(os.path.join(DIRECTORY, "instances"), encoding="utf-8") as file, Control(PATH):
        expect(file.read(), "")
        assert f"pid {os.getpid()} " in told("instances")
    refused(errno.EACCES, os.open, os.path.join(DIRECTORY, "instances"), os.O_RDWR)
    for name in ("instances", "publications"):
        expect(os.stat(os.path.join(DIRECTORY, name)).st_mode & 0o7777, 0o444, name)


def shell(uid, line):
    return subprocess.run(["setpriv", "--reuid", str(uid), "--regid", str(uid), "--clear-groups",
                           "bash", "-c", line], cwd=DIRECTORY, capture_output=True, text=True,
                          timeout=20, check=False)


def M22_commands_of_another_user_and_nonsense():
    done = shell(A, "echo status >admin")
    assert done.returncode != 0 and "Permission denied" in done.stderr, done
    expect(shell(0, "echo status >admin").returncode, 0)
    done = shell(0, "echo nonsense >admin")
    assert done.returncode != 0 and "Invalid argument" in done.stderr, done


def M23_the_answer_is_read_from_the_same_descriptor():
    done = shell(0, "exec 3<>admin; echo status >&3; cat <&3")
    expect(done.returncode, 0)
    assert done.stdout.startswith("ok\n{"), done.stdout[:40]


main_rows()
