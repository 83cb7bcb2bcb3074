#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The manual of the control file: its table, and its walk-through.

    control_page.py table LIST         prints the table, made from fs/api/operations.h
    control_page.py write LIST PAGE    puts it into the page
    control_page.py check LIST PAGE    status 1 when the page has another one
    control_page.py example PAGE       prints the walk-through, as a program
"""
import re
import sys

BEGIN = '.\\" begin table: tests/lib/control_page.py makes it from fs/api/operations.h\n'
END = '.\\" end table\n'
HANDLES = {"HANDLE_NONE": "", "HANDLE_STREAM": "stream", "HANDLE_INFORMATION": "ci",
           "HANDLE_CONTENT": "content"}


def operations(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    found = re.findall(r"X\((0x\w+), (\w+), (\w+), (\w+), (\w+), ([\w| ]+)\)", text)
    return [row for row in found if row[0].startswith("0x")]


def table(path):
    # Not wider than a terminal.
    lines = ['.Bl -column "0x00" "PeerDistRegisterForStatusChangeNotificationEx" "startup" '
             '"content" "op"\n',
             ".It Em \\& Ta Em function Ta Em struct Ta Em handle Ta\n"]
    for opcode, _, function, layout, handle, rules in operations(path):
        kind = "op" if "RULE_NUMBERED" in rules else ""
        lines.append(f".It {opcode} Ta {function} Ta {layout} Ta {HANDLES[handle]} Ta {kind}"
                     .rstrip() + "\n")
    return "".join(lines) + ".El\n"


def split(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    inside, after = rest.split(END)
    return before, inside, after


def example(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    body = text.split(".Sh EXAMPLES")[1].split(".Bd -literal\n")[1].split(".Ed\n")[0]
    # What roff makes of it.
    return re.sub(r"^\\&", "", body, flags=re.M).replace("\\e", "\\").replace("\\-", "-")


def main():
    verb, arguments = sys.argv[1], sys.argv[2:]
    if verb == "table":
        print(table(arguments[0]), end="")
    elif verb == "example":
        print(example(arguments[0]), end="")
    elif verb == "write":
        before, _, after = split(arguments[1])
        with open(arguments[1], "w", encoding="utf-8") as file:
            file.write(before + BEGIN + table(arguments[0]) + END + after)
    elif split(arguments[1])[1] != table(arguments[0]):
        sys.exit("the page's table is not that of the list: control_page.py write")
    elif len(operations(arguments[0])) != 31:
        sys.exit("the list does not have the 28 functions and the three of the transport")


main()
