#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Whole trees through peerdist serve URL, in front of nginx and of Apache, whose sizes are rounded:
# by wget, by rclone and by a mount of our own, which gets the content information of all files.
# timeout: 240
. "$(dirname "$0")/lib.sh"
. tests/lib/information.sh
requires_cmd curl nginx apache2 wget rclone python3
requires_fuse

make_tree "$TEST_DIR/tree"
# A tree that wget and rclone can name.
cp -a "$TEST_DIR/tree/many" "$TEST_DIR/tree/deep" "$TEST_DIR/tree"/large-*.bin -t "$(mkdir "$TEST_DIR/readable" && echo "$TEST_DIR/readable")"
chmod -R a+rX "$TEST_DIR"
export HOME=$TEST_DIR RCLONE_CONFIG=$TEST_DIR/rclone.conf
: >"$RCLONE_CONFIG"

mirrored() { # NAME
	mkdir "$TEST_DIR/wget-$1"
	(cd "$TEST_DIR/wget-$1" && wget -q -r -l inf -np -nH -e robots=off --no-proxy --default-page=.listing \
		--restrict-file-names=unix,nocontrol "$URL") || :
	find "$TEST_DIR/wget-$1" -name '.listing*' -delete
	assert_same_tree "$TEST_DIR/readable" "$TEST_DIR/wget-$1"
	rclone copy --http-no-head=false --create-empty-src-dirs --http-url "$URL" :http: "$TEST_DIR/rclone-$1" \
		2>"$TEST_DIR/rclone.log" || fail 'rclone copy'
	assert_same_tree "$TEST_DIR/readable" "$TEST_DIR/rclone-$1"
	assert_eq "$(stat -c %Y "$TEST_DIR/tree/large-06.bin")" "$(stat -c %Y "$TEST_DIR/rclone-$1/large-06.bin")" 'time'
}

# listed DIR: size, minute and name of its files.
listed() {
	(cd "$1" && find . -path ./.peerdist -prune -o -type f -printf '%s %TY-%Tm-%Td %TH:%TM %P\0' | sort -z | sha256sum)
}

# mounted NAME: two mounts, each with an empty cache. By the second the server has all hashes.
mounted() {
	local file
	mount_fs "$URL" "$TEST_DIR/first-$1"
	assert_same_tree "$TEST_DIR/tree" "$MOUNT"
	umount_fs
	mount_fs -o compute=off "$URL" "$TEST_DIR/second-$1"
	assert_same_tree "$TEST_DIR/tree" "$MOUNT"
	while read -r file; do
		wait_until 20 has_version "$MOUNT/$file" 2
	done < <(cd "$TEST_DIR/tree" && find . -type f -size +65535c)
	assert_eq 0 "$(status_get .errors.malformed)" 'malformed answers'
	assert_eq 0 "$(status_get .errors.hash)" 'octets that contradict their hashes'
	# The origins list times to the minute, and so do we.
	assert_eq "$(listed "$TEST_DIR/tree")" "$(listed "$MOUNT")" 'sizes and times'
	umount_fs
}

for origin in nginx apache; do
	"start_$origin" "$TEST_DIR/readable"
	start_serve "$URL" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes-$origin"
	mirrored "$origin"
	stop_server
	"start_$origin" "$TEST_DIR/tree"
	start_serve "$URL" --key "$TEST_DIR/key" --hashes "$TEST_DIR/hashes-$origin"
	mounted "$origin"
	stop_server
done
