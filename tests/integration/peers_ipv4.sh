#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two machines on a LAN with IPv4 alone, content information 2.0.
# alone: not one answer may be late
. "$(dirname "$0")/lib.sh"
. tests/lib/lan.sh
requires_fuse

lan_two_machines v4 2
