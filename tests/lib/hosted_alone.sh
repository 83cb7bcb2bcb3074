# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Hosted caches and their clients on loopback, ours and scripted ones. Each address of 127/8 is another
# machine to them. For tests that need them: . tests/lib/hosted_alone.sh, behind lib.sh.

. tests/lib/information.sh

HOSTED_CLIENT=tests/lib/hosted_client.py
hosted_number=0

# hosted_keys: an authority in $TEST_DIR/ca.pem, and certificates of it: server.pem (localhost,
# 127.0.0.1), other.pem (of another name), expired.pem, and unknown.pem of an authority of its own;
# with keys NAME.key.
hosted_keys() {
	requires_cmd openssl
	(
		cd "$TEST_DIR"
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=own authority' \
			-keyout ca.key -out ca.pem
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=localhost' \
			-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout unknown.key -out unknown.pem
		hosted_certificate server DNS:localhost,IP:127.0.0.1
		hosted_certificate other DNS:other.test
		hosted_certificate expired DNS:localhost,IP:127.0.0.1 -startdate 20200101000000Z \
			-enddate 20210101000000Z
	) >"$TEST_DIR/openssl.out" 2>&1 || fail "no certificates: $(cat "$TEST_DIR/openssl.out")"
}
# hosted_certificate NAME SUBJECTALTNAME [OPTION...]: in this directory, by its authority.
hosted_certificate() {
	local name=$1 alternative=$2
	shift 2
	openssl req -newkey rsa:2048 -nodes -subj "/CN=$name" -keyout "$name.key" -out "$name.csr"
	if [ $# -gt 0 ]; then
		# Of such dates only ca(1) makes one.
		: >"$name.index"
		openssl rand -hex 8 >"$name.serial"
		printf '%s\n' '[ca]' 'default_ca=own' '[own]' "database=$name.index" "serial=$name.serial" \
			'new_certs_dir=.' 'default_md=sha256' 'policy=any' '[any]' 'commonName=supplied' \
			'[names]' "subjectAltName=$alternative" >"$name.conf"
		openssl ca -batch -config "$name.conf" -cert ca.pem -keyfile ca.key -extensions names \
			-in "$name.csr" -out "$name.pem" -notext "$@"
	else
		openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
			-extfile <(echo "subjectAltName=$alternative") -out "$name.pem"
	fi
}

# start_hosted [OPTION...]: peerdist hosted at 127.0.0.1, with $HOSTED_CACHE and, where FUSE is, the
# control directory $HOSTED_CONTROL. Sets $HOSTED, ADDRESS:PORT by HTTP, $HOSTED_TLS by HTTPS
# (empty without), $HOSTED_PID and $HOSTED_LOG.
start_hosted() {
	local wanted=()
	requires_cmd python3 jq
	hosted_number=$((hosted_number + 1))
	HOSTED_CACHE=${HOSTED_CACHE:-$TEST_DIR/hosted}
	HOSTED_CONTROL=$TEST_DIR/control
	HOSTED_LOG=$TEST_DIR/hosted-$hosted_number.log
	if [ -w /dev/fuse ]; then
		[ -e "$HOSTED_CONTROL" ] || mkdir -p "$HOSTED_CONTROL" 2>/dev/null || :
		wanted=(--control "$HOSTED_CONTROL")
	fi
	background "$HOSTED_LOG" "$BUILD/peerdist" hosted --listen "${HOSTED_AT:-127.0.0.1:0}" \
		--cache "$HOSTED_CACHE" "${wanted[@]}" "$@"
	HOSTED_PID=$background_pid
	if [ ${#wanted[@]} != 0 ]; then
		mounts+=("$HOSTED_CONTROL")
		mount_pid[$HOSTED_CONTROL]=$HOSTED_PID
	fi
	wait_until 20 hosted_ready_or_died
	HOSTED=$(grep -oE ' http://[^/ ]+' "$HOSTED_LOG" | head -n 1) ||
		fail "peerdist hosted did not start: $(cat "$HOSTED_LOG")"
	HOSTED=${HOSTED# http://}
	HOSTED_TLS=$(grep -oE ' https://[^/ ]+' "$HOSTED_LOG" | head -n 1 || :)
	HOSTED_TLS=${HOSTED_TLS# https://}
}
hosted_ready_or_died() {
	alive "$HOSTED_PID" || return 0
	grep -q ' http://' "$HOSTED_LOG"
}
# with_tls: the options for it, with hosted_keys.
with_tls=(--tls-listen 127.0.0.1:0 --tls-cert "$TEST_DIR/server.pem" --tls-key "$TEST_DIR/server.key")

# stop_hosted [SIGNAL]: it must end by itself, with status 0 (not with KILL).
stop_hosted() {
	local status=0
	kill -s "${1:-TERM}" "$HOSTED_PID"
	if [ "${1:-TERM}" = KILL ]; then
		wait "$HOSTED_PID" 2>/dev/null || :
		umount -l "$HOSTED_CONTROL" 2>/dev/null || :
	else
		wait_for_end "$HOSTED_PID" || status=$?
		assert_eq 0 "$status" 'status of peerdist hosted'
	fi
	unset "mount_pid[$HOSTED_CONTROL]"
}

# hosted_is FILTER: of its status.
hosted_is() {
	jq -r "$1" "$HOSTED_CONTROL/status"
}
# For wait_until: hosted_has FILTER VALUE
hosted_has() {
	test "$(hosted_is "$1")" = "$2"
}

# offers WORDS...: of the scripted client, to $HOSTED; with --protocol 1 to $HOSTED_TLS. The line it
# prints is in $TEST_DIR/offered.
offers() {
	local place=$HOSTED words=("$@")
	if [[ " $* " == *' --protocol 1 '* ]]; then
		place=$HOSTED_TLS
		words+=(--cacert "$TEST_DIR/ca.pem")
	fi
	timeout 60 "$HOSTED_CLIENT" offer "$place" "${words[@]}" >"$TEST_DIR/offered" ||
		fail "offer $*: $(cat "$TEST_DIR/offered")"
}
# offered FILTER: of that line.
offered() {
	jq -c "$1" "$TEST_DIR/offered"
}
# asks WORDS...: for all blocks; by default it waits until they are as expected.
asks() {
	timeout 60 "$HOSTED_CLIENT" ask "$HOSTED" --wait 20 "$@" >"$TEST_DIR/asked" 2>&1 ||
		fail "ask $*: $(cat "$TEST_DIR/asked")"
}
# grows_old WORDS...: until the cache has had all segments for more than a second, as it says itself:
# it counts in seconds.
grows_old() {
	timeout 60 "$HOSTED_CLIENT" segments "$HOSTED" --wait 20 --expect-age 1 "$@" >/dev/null || fail "age of $*"
}
# offers_and_stays LOG WORDS...: in the background until it is ended, pulled once. Sets $CLIENT_PID.
offers_and_stays() {
	local log=$1
	shift
	background "$log" "$HOSTED_CLIENT" offer "$HOSTED" --stay "$@"
	CLIENT_PID=$background_pid
	wait_until 20 has_words_or_died "$CLIENT_PID" "$log"
	alive "$CLIENT_PID" || fail "offer $*: $(cat "$log")"
}
has_words_or_died() {
	alive "$1" || return 0
	test -s "$2"
}

# start_scripted [OPTION...]: tests/lib/hosted_server.py; sets $SCRIPTED, ADDRESS:PORT,
# $SCRIPTED_TLS, a port or null, $SCRIPTED_PID and $SCRIPTED_LOG.
start_scripted() {
	requires_cmd python3 jq
	hosted_number=$((hosted_number + 1))
	SCRIPTED_LOG=$TEST_DIR/scripted-$hosted_number.json
	: >"$SCRIPTED_LOG"
	background "$TEST_DIR/scripted-$hosted_number.log" "${SCRIPTED_IN[@]}" \
		tests/lib/hosted_server.py --listen "${SCRIPTED_AT:-127.0.0.1:0}" --log "$SCRIPTED_LOG" "$@"
	SCRIPTED_PID=$background_pid
	wait_until 20 scripted_ready_or_died
	alive "$SCRIPTED_PID" || fail "no scripted cache: $(cat "$TEST_DIR/scripted-$hosted_number.log")"
	SCRIPTED=127.0.0.1:$(said_by_ready .port)
	SCRIPTED_TLS=$(said_by_ready .tls_port)
}
SCRIPTED_IN=()
scripted_ready_or_died() {
	alive "$SCRIPTED_PID" || return 0
	grep -q '"ready"' "$SCRIPTED_LOG"
}
said_by_ready() {
	jq -r "select(.event == \"ready\") | $1" "$SCRIPTED_LOG"
}
# scripted_set KEY=VALUE: from now on.
scripted_set() {
	printf '%s\n' "$@" | curl -sf --noproxy '*' --data-binary @- "http://$SCRIPTED/set" ||
		fail "the scripted cache refused $*"
}
# noted FILTER: how many lines of its log a jq filter selects.
noted() {
	jq -s "map(select($1)) | length" "$SCRIPTED_LOG"
}
# For wait_until: was_noted COUNT FILTER
was_noted() {
	test "$(noted "$2")" -ge "$1"
}
# noted_ids FILTER: the different ids in those lines.
noted_ids() {
	jq -r "select($1) | .id" "$SCRIPTED_LOG" | sort -u
}
