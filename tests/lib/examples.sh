# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The example programs of the API (tests/examples), with the library of $BUILD. For tests that need
# them: . tests/lib/examples.sh, behind lib.sh.

EXAMPLES=$TEST_DIR/examples

build_examples() {
	local flags=(-Wall -O1 -g -Ifs/api -Ifs/api/shim) name
	requires_cmd gcc pkg-config
	requires_file "$BUILD/libpeerdist.a"
	mkdir "$EXAMPLES"
	for name in publisher consumer_port consumer_events crowd; do
		build_example "$name" "${flags[@]}" tests/examples/{"$name",example}.c
	done
	build_example every_function "${flags[@]}" tests/examples/every_function.c
	# shellcheck disable=SC2046
	build_example copy "${flags[@]}" tests/examples/{copy,copy_http,example}.c \
		$(pkg-config --cflags --libs libcurl)
}
build_example() {
	local name=$1
	shift
	gcc -o "$EXAMPLES/$name" "$@" "$BUILD/libpeerdist.a" -pthread || fail "cannot build $name"
}

# example NODE NAME ARGUMENT...: in that machine's network, with its mount's service.
example() {
	local node=$1 name=$2
	shift 2
	PEERDIST_CONTROL=$TEST_DIR/$node/.peerdist/control timeout "${EXAMPLE_PATIENCE:-60}" \
		nsenter --net="/run/netns/$node" "$EXAMPLES/$name" "$@"
}

# start_publisher NODE FILE...: their content information is in $TEST_DIR/information, NAME.info;
# until stop_publisher. Sets $PUBLISHER_PID.
start_publisher() {
	local node=$1
	shift
	mkdir -p "$TEST_DIR/information"
	mkfifo "$TEST_DIR/told"
	PEERDIST_CONTROL=$TEST_DIR/$node/.peerdist/control nsenter --net="/run/netns/$node" \
		"$EXAMPLES/publisher" "$TEST_DIR/information" "$@" >"$TEST_DIR/publisher.log" 2>&1 \
		<"$TEST_DIR/told" &
	PUBLISHER_PID=$!
	started+=("$PUBLISHER_PID")
	exec 7>"$TEST_DIR/told"
	wait_until 30 publisher_is_ready_or_died
	alive "$PUBLISHER_PID" || fail "no publisher: $(cat "$TEST_DIR/publisher.log")"
}
publisher_is_ready_or_died() {
	alive "$PUBLISHER_PID" || return 0
	grep -qx ready "$TEST_DIR/publisher.log"
}
stop_publisher() {
	local status=0
	exec 7>&-
	wait_for_end "$PUBLISHER_PID" || status=$?
	assert_eq 0 "$status" 'status of the publisher'
}
