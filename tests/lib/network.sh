# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Networks of a test's own.
#
#      near                          far
#   10.77.0.1 wan0 --- link --- wan0 10.77.0.2

namespaces_are_ours=

# new_namespace NAME: goes with the test.
new_namespace() {
	requires_root
	requires_isolation
	requires_cmd ip
	# Ours, whatever the machine has there: other tests use the same names.
	if [ -z "$namespaces_are_ours" ]; then
		mkdir -p /run/netns
		mount -t tmpfs tmpfs /run/netns
		namespaces_are_ours=yes
	fi
	ip netns add "$1"
	ip -n "$1" link set lo up
}

# in_namespace NAME COMMAND...
in_namespace() {
	local name=$1
	shift
	nsenter --net="/run/netns/$name" "$@"
}

# wan_link NEAR FAR MBIT_PER_SECOND DELAY_MS [LOSS [SEED]]: joins two namespaces by 10.77.0.1 and
# 10.77.0.2. The delay is one way. Sets $LINK_PID.
wan_link() {
	requires_file /dev/net/tun
	requires_file "$BUILD/tests/link"
	background "$TEST_DIR/link.log" "$BUILD/tests/link" "/run/netns/$1" "/run/netns/$2" wan0 \
		"$(($3 * 1000000))" "$4" "${5:-0}" "${6:-1}"
	LINK_PID=$background_pid
	wait_until 10 ip -n "$2" link show wan0
	ip -n "$1" address add 10.77.0.1/24 dev wan0
	ip -n "$2" address add 10.77.0.2/24 dev wan0
	ip -n "$1" link set wan0 up
	ip -n "$2" link set wan0 up
}
