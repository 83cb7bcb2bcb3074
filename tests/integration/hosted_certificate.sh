#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The certificate of a hosted cache: offers of version 1.0 come by HTTPS with it, SIGHUP reads it
# again, and one that is of no use changes nothing. Old versions of TLS are for who asked for them.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_cmd curl openssl

make_certificate() { # make_certificate NAME: at $TEST_DIR/NAME.pem and .key
	openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -addext subjectAltName=IP:127.0.0.1 \
		-keyout "$TEST_DIR/$1.key" -out "$TEST_DIR/$1.pem" 2>"$TEST_DIR/openssl.log"
}
put_certificate() { # put_certificate NAME: where the hosted cache has it
	cp "$TEST_DIR/$1.key" "$TEST_DIR/tls.key"
	cp "$TEST_DIR/$1.pem" "$TEST_DIR/tls.pem"
}
start_with() { # start_with [OPTION...]: with the certificate that was put
	start_hosted --tls-listen 127.0.0.1:0 --tls-cert "$TEST_DIR/tls.pem" --tls-key "$TEST_DIR/tls.key" "$@"
	[ -n "$HOSTED_TLS" ] || fail "no HTTPS: $(cat "$HOSTED_LOG")"
}
code() { # code NAME URL [OPTION...]: answer to a bad offer, to who trusts that certificate
	curl -s --noproxy '*' -m 10 --cacert "$TEST_DIR/$1.pem" -o /dev/null -w '%{http_code}' \
		--data-binary short "${@:3}" "$2" || :
}
subject() { # of the certificate that is shown
	openssl s_client -connect "$HOSTED_TLS" </dev/null 2>/dev/null | openssl x509 -noout -subject | sed 's/.*CN *= *//'
}
shows() { # for wait_until
	test "$(subject)" = "$1"
}
first=C574AC30-5794-4AEE-B1BB-6651C5315029

make_certificate one
make_certificate two
put_certificate one
start_with
assert_eq 400 "$(code one "https://$HOSTED_TLS/$first/")" 'a bad offer of version 1.0 by HTTPS'
assert_eq 400 "$(code one "https://$HOSTED_TLS/${first,,}")" 'without the slash, in small letters'
assert_eq 404 "$(code one "https://$HOSTED_TLS/0131501b-d67f-491b-9a40-c4bf27bcb4d4/")" 'version 2.0 by HTTPS'
assert_eq 404 "$(code one "http://$HOSTED/$first/")" 'version 1.0 by HTTP'
assert_eq 000 "$(code two "https://$HOSTED_TLS/$first/")" 'answer to who trusts another certificate'
if openssl s_client -connect "$HOSTED_TLS" -tls1_1 -cipher ALL@SECLEVEL=0 </dev/null >"$TEST_DIR/old" 2>&1; then
	fail 'TLS 1.1 was spoken'
fi

put_certificate two
assert_eq one "$(subject)" 'certificate before the signal'
kill -HUP "$HOSTED_PID"
wait_until 10 shows two
assert_eq 400 "$(code two "https://$HOSTED_TLS/$first/")" 'an offer with the new certificate'
wait_until 10 grep -q "the certificate was read again: $TEST_DIR/tls.pem" "$HOSTED_LOG"

# None, one that is cut, and one with another's key: each is said, and changes nothing.
tries=0
refuses() { # refuses WHAT
	tries=$((tries + 1))
	kill -HUP "$HOSTED_PID"
	wait_until 10 said "$tries"
	assert_eq two "$(subject)" "certificate after $1"
}
said() {
	test "$(grep -c 'the former certificate stays in use: .' "$HOSTED_LOG")" = "$1"
}
rm "$TEST_DIR/tls.pem"
refuses 'it was taken away'
head -c 300 "$TEST_DIR/one.pem" >"$TEST_DIR/tls.pem"
refuses 'it was cut'
cp "$TEST_DIR/one.pem" "$TEST_DIR/tls.pem"
refuses 'one with the key of another'
put_certificate one
kill -HUP "$HOSTED_PID"
wait_until 10 shows one
stop_hosted

start_with --tls-old
openssl s_client -connect "$HOSTED_TLS" -tls1 -cipher ALL@SECLEVEL=0 </dev/null >"$TEST_DIR/old" 2>&1 ||
	fail "no TLS 1.0: $(tail -n 3 "$TEST_DIR/old")"
grep -q 'Protocol *: TLSv1$\|New, TLSv1.0' "$TEST_DIR/old" || fail "not TLS 1.0: $(cat "$TEST_DIR/old")"
assert_eq 400 "$(code one "https://$HOSTED_TLS/$first/")" 'an offer in TLS of today'
stop_hosted
