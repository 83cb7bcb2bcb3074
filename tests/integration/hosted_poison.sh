#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Rubbish in a hosted cache: who has fetched the content from the origin complains by an offer, and
# what he gives replaces it, but not what came just now; who gave rubbish gives none of that again; and
# what was verified is never replaced.
. "$(dirname "$0")/lib.sh"
. tests/lib/hosted_alone.sh
requires_isolation
hosted_keys

start_hosted "${with_tls[@]}" --young 3600
for name in x y z v fresh-1 fresh-2 fresh-3 fresh-4 fresh-5 fresh-6; do
	make_octets "$TEST_DIR/$name" 20000 "$((16#$(printf %s "$name" | md5sum | head -c 7)))"
done
# offers_with_fresh NUMBER WORDS...: together with something that nobody has, and until that was
# pulled: what was to be pulled before it is under way then. Sets $pulled, the numbers of what was.
offers_with_fresh() {
	offers --version 2 "${@:2}" --file "$TEST_DIR/fresh-$1" --await "${fresh:-1}:"
	pulled=$(offered .which)
}
x=(--file "$TEST_DIR/x") y=(--file "$TEST_DIR/y") z=(--file "$TEST_DIR/z")
offers --version 2 "${x[@]}" "${y[@]}" --serve rubbish --source 127.0.0.2
asks "${x[@]}" "${y[@]}" --serve rubbish

# Young ones stay: clients that fetched at the same time.
offers_with_fresh 1 "${x[@]}" --source 127.0.0.3 --seed late
assert_eq '[1]' "$pulled" 'pulled of a young one'
asks "${x[@]}" --serve rubbish

# Old ones go, if another address offers.
stop_hosted
start_hosted "${with_tls[@]}" --young 0
asks "${x[@]}" "${y[@]}" --serve rubbish
grows_old "${x[@]}" "${y[@]}"
offers_with_fresh 2 "${x[@]}" --source 127.0.0.2 --seed same-address
assert_eq '[1]' "$pulled" 'pulled of the address that gave it'
offers --version 2 "${x[@]}" --source 127.0.0.3 --seed good
asks "${x[@]}" --seed good
grows_old "${x[@]}"
# Who gave it gives none of it any more, and still gives other things; another may.
offers_with_fresh 3 "${x[@]}" --source 127.0.0.2 --serve rubbish
assert_eq '[1]' "$pulled" 'pulled of the poisoner'
asks "${x[@]}" --seed good
grows_old "${x[@]}"
offers --version 2 "${x[@]}" --source 127.0.0.4 --seed better
asks "${x[@]}" --seed better
grows_old "${x[@]}"
# A complaint that brings nothing changes nothing.
offers --version 2 "${y[@]}" --source 127.0.0.5 --serve empty --wait asked
offers --version 2 "${y[@]}" --source 127.0.0.6 --serve size-0-and-block --wait asked
asks "${y[@]}" --serve rubbish

# Verified ones are not replaced by anybody.
v=(--file "$TEST_DIR/v" --version 1)
offers "${v[@]}" --protocol 1 --source 127.0.0.2
asks "${v[@]}" --expect encrypted
grows_old "${v[@]}"
fresh=1
offers --version 1 "${v[@]}" --file "$TEST_DIR/fresh-5" --await 1: --source 127.0.0.9 --serve rubbish
assert_eq '[1]' "$(offered .which)" 'pulled of what is verified'
asks "${v[@]}" --expect encrypted
# Rubbish under an id that is verified later.
z+=(--version 1)
offers "${z[@]}" --serve rubbish --source 127.0.0.2
asks "${z[@]}" --serve rubbish
offers "${z[@]}" --protocol 1 --source 127.0.0.3
asks "${z[@]}" --expect encrypted
stop_hosted
