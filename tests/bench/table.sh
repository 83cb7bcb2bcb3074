# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Figures in, table out. record WORK COLUMN VALUE adds one run's figure; the median of them is
# printed. target WORK LEFT RIGHT FACTOR: LEFT's median is to be at least FACTOR times RIGHT's.

declare -A figures=()
works=() verdicts=()
columns=(curl disk passthrough splice ours rclone httpdirfs)

record() {
	local work
	figures[$1/$2]+=" $3"
	for work in "${works[@]}"; do
		if [ "$work" = "$1" ]; then return; fi
	done
	works+=("$1")
}

# median WORK COLUMN: nothing when there is no figure.
median() {
	printf '%s\n' ${figures[$1/$2]:-} | sort -g | awk 'NF { v[n++] = $1 }
		END { if (n) { m = n % 2 ? v[(n - 1) / 2] : (v[n / 2 - 1] + v[n / 2]) / 2
			printf((m < 100 ? "%.2f\n" : "%.0f\n"), m) } }'
}

# rate OCTETS SECONDS: MB/s
rate() {
	awk -v o="$1" -v s="$2" 'BEGIN { printf "%.1f\n", o / s / 1e6 }'
}

# timed COMMAND...: sets $elapsed, seconds; status of the command.
timed() {
	local start=$EPOCHREALTIME status=0
	"$@" || status=$?
	elapsed=$(awk -v a="$start" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.6f\n", b - a }')
	return "$status"
}

target() {
	local left right
	left=$(median "$1" "$2")
	right=$(median "$1" "$3")
	if [ -z "$left" ] || [ -z "$right" ]; then
		verdicts+=("$1: no figure for $2 or $3 (target: $4 x $3)")
		return
	fi
	verdicts+=("$(awk -v w="$1" -v l="$left" -v r="$right" -v f="$4" -v n="$3" 'BEGIN {
		q = r ? l / r : 0
		printf "%s: %.2f x %s (%s, %s), target %s: %s", w, q, n, l, r, f,
			(q >= f ? "reached" : "NOT REACHED") }')")
}

# limit WORK WHAT MAX UNIT: the median is to be at most MAX.
limit() {
	local value
	value=$(median "$1" "$2")
	if [ -z "$value" ]; then
		verdicts+=("$1: no figure for $2 (target: at most $3 $4)")
		return
	fi
	verdicts+=("$(awk -v w="$1" -v v="$value" -v m="$3" -v u="$4" 'BEGIN {
		printf "%s: %s %s, target at most %s: %s", w, v, u, m, (v <= m ? "reached" : "NOT REACHED") }')")
}

print_circumstances() {
	echo "$(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)," \
		"Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg); scale $scale, median of $runs runs," \
		"page cache $pages for warm reads"
}

print_table() {
	local work column name value
	printf '\n%-38s' work
	printf '%12s' "${columns[@]}"
	echo
	for work in "${works[@]}"; do
		printf '%-38s' "$work"
		for column in "${columns[@]}"; do
			value=$(median "$work" "$column")
			printf '%12s' "${value:--}"
		done
		echo
	done
	echo
	printf '%s\n' "${verdicts[@]}"
	for name in "${!system_message[@]}"; do echo "$name: skipped: ${system_message[$name]}"; done
}
