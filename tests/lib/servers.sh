# shellcheck shell=bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Origins. start_KIND DIR serves DIR and sets
#   $URL          of DIR, with a slash at its end
#   $SERVER_PID   for stop_server
#   $ACCESS_LOG   one line a request, where the kind can: nginx, Apache, faulty; lighttpd, seconds later
# A line is: METHOD TARGET VERSION <tab> status <tab> octets of body <tab> Range <tab> If-Range
# Before the call may be set: SERVER_PORT; SERVER_ADDRESS; SERVER_IN, an array of words that run a
# command elsewhere (in_namespace NAME).

SERVER_ADDRESS=127.0.0.1
SERVER_PORT=
SERVER_IN=()
server_number=0
next_port=8001

choose_port() {
	if [ -n "$SERVER_PORT" ]; then
		port=$SERVER_PORT
		return
	fi
	while (exec 3<>"/dev/tcp/127.0.0.1/$next_port") 2>/dev/null; do next_port=$((next_port + 1)); done
	port=$next_port
	next_port=$((next_port + 1))
}

# prepare_server KIND: chooses port, folder and names of one more server.
prepare_server() {
	choose_port
	server_number=$((server_number + 1))
	server_dir=$TEST_DIR/$1-$server_number
	server_log=$TEST_DIR/$1-$server_number.log
	mkdir -p "$server_dir"
	chmod 755 "$server_dir"
	ACCESS_LOG=$server_dir/access
	: >"$ACCESS_LOG"
	chmod 666 "$ACCESS_LOG"
	URL=http://$SERVER_ADDRESS:$port/
}

# launch_server COMMAND...: starts it in the foreground and returns when it answers.
launch_server() {
	SERVER_COMMAND=("$@")
	restart_server
}

# Starts the last server again, as it was.
restart_server() {
	background "$server_log" "${SERVER_IN[@]}" "${SERVER_COMMAND[@]}"
	SERVER_PID=$background_pid
	wait_until 20 server_answers_or_died
	alive "$SERVER_PID" || fail "server did not start: $(cat "$server_log")"
}
server_answers_or_died() {
	alive "$SERVER_PID" || return 0
	"${SERVER_IN[@]}" curl -sk --noproxy '*' -m 5 -o /dev/null -r 0-0 "${SERVER_PROBE:-$URL}"
}

stop_server() {
	stop_process "${1:-$SERVER_PID}" "${2:-TERM}"
}

# requests REGEX: how many lines of the access log match.
requests() {
	grep -cE -- "$1" "$ACCESS_LOG" || :
}

# requested COUNT REGEX: whether so many lines match by now, for wait_until.
requested() {
	test "$(requests "$2")" -ge "$1"
}

# start_nginx DIR [LINES for the server block [LINES for the http block]]
start_nginx() {
	requires_cmd nginx curl
	prepare_server nginx
	local user=
	if [ "$(id -u)" = 0 ]; then user='user root;'; fi
	cat >"$server_dir/conf" <<-END
		daemon off;
		$user
		worker_processes 2;
		pid $server_dir/pid;
		error_log $server_dir/error.log;
		events { worker_connections 512; }
		http {
			types { text/html html; text/plain txt; application/json json; }
			default_type application/octet-stream;
			log_format plain '\$request\t\$status\t\$body_bytes_sent\t\$http_range\t\$http_if_range';
			access_log $ACCESS_LOG plain;
			client_body_temp_path $server_dir/body;
			proxy_temp_path $server_dir/proxy;
			fastcgi_temp_path $server_dir/fastcgi;
			uwsgi_temp_path $server_dir/uwsgi;
			scgi_temp_path $server_dir/scgi;
			${3:-}
			server {
				listen $SERVER_ADDRESS:$port;
				root "$1";
				autoindex on;
				autoindex_exact_size on;
				${2:-}
			}
		}
	END
	launch_server nginx -e "$server_dir/error.log" -c "$server_dir/conf"
}

# start_apache DIR [LINES]: fancy listings unless LINES say something else.
start_apache() {
	requires_cmd apache2 curl
	prepare_server apache
	local modules=/usr/lib/apache2/modules module
	cat >"$server_dir/conf" <<-END
		ServerName localhost
		ServerRoot $server_dir
		PidFile $server_dir/pid
		Listen $SERVER_ADDRESS:$port
		ErrorLog $server_dir/error.log
		User www-data
		Group www-data
	END
	for module in mpm_event authz_core authz_host alias autoindex dir mime dav dav_fs; do
		if ! [ -e "$modules/mod_$module.so" ]; then continue; fi
		echo "LoadModule ${module}_module $modules/mod_$module.so" >>"$server_dir/conf"
	done
	cat >>"$server_dir/conf" <<-END
		TypesConfig /dev/null
		DavLockDB $server_dir/locks
		LogFormat "%r\t%>s\t%B\t%{Range}i\t%{If-Range}i" plain
		CustomLog $ACCESS_LOG plain
		DocumentRoot "$1"
		<Directory "$1">
			Require all granted
			Options Indexes
			IndexOptions FancyIndexing NameWidth=*
			${2:-}
		</Directory>
	END
	launch_server apache2 -DFOREGROUND -f "$server_dir/conf"
}

# start_lighttpd DIR [LINES]
start_lighttpd() {
	requires_cmd lighttpd curl
	prepare_server lighttpd
	cat >"$server_dir/conf" <<-END
		server.modules = ( "mod_dirlisting", "mod_accesslog" )
		server.bind = "$SERVER_ADDRESS"
		server.port = $port
		server.document-root = "$1"
		server.errorlog = "$server_dir/error.log"
		accesslog.filename = "$ACCESS_LOG"
		accesslog.format = "%r\t%s\t%b\t%{Range}i\t%{If-Range}i"
		dir-listing.activate = "enable"
		dir-listing.encoding = "utf-8"
		${2:-}
	END
	launch_server lighttpd -D -f "$server_dir/conf"
}

# start_python DIR
start_python() {
	requires_cmd python3 curl
	prepare_server python
	launch_server python3 -m http.server -b "$SERVER_ADDRESS" -d "$1" "$port"
}

# start_caddy DIR
start_caddy() {
	requires_cmd caddy curl
	prepare_server caddy
	cat >"$server_dir/Caddyfile" <<-END
		{
			admin off
			auto_https off
		}
		http://$SERVER_ADDRESS:$port {
			root * "$1"
			file_server browse
		}
	END
	launch_server env "HOME=$server_dir" "XDG_DATA_HOME=$server_dir" "XDG_CONFIG_HOME=$server_dir" \
		caddy run --adapter caddyfile --config "$server_dir/Caddyfile"
}

# start_rclone_dav DIR
start_rclone_dav() {
	requires_cmd rclone curl
	prepare_server rclone
	launch_server env "HOME=$server_dir" rclone serve webdav --read-only \
		--config "$server_dir/rclone.conf" --addr "$SERVER_ADDRESS:$port" "$1"
}

# start_faulty BEHAVIOURS (JSON, see tests/faulty_origin.py); also sets $FAULTY_CONTROL, a URL.
start_faulty() {
	requires_cmd python3 curl jq
	prepare_server faulty
	local first=$port
	SERVER_PORT='' choose_port
	FAULTY_CONTROL=http://$SERVER_ADDRESS:$port/
	FAULTY_LOG=$server_dir/requests.json
	printf '%s\n' "${1:-{\}}" >"$server_dir/behaviours.json"
	: >"$FAULTY_LOG"
	SERVER_PROBE=$FAULTY_CONTROL launch_server tests/faulty_origin.py \
		--listen "$SERVER_ADDRESS:$first" --control "$SERVER_ADDRESS:$port" \
		--access-log "$ACCESS_LOG" --log "$FAULTY_LOG" "$server_dir/behaviours.json"
}

# faulty_set PATH BEHAVIOUR: from now on (JSON; null takes the path away).
faulty_set() {
	curl -sf --noproxy '*' -X PUT --data-binary "$2" "$FAULTY_CONTROL?path=$1" >/dev/null ||
		fail "the faulty origin refused '$2' for $1"
}

# faulty_requests FILTER: how many logged requests a jq filter selects, such as
# '.path == "/a" and .status == 206'.
faulty_requests() {
	jq -s "map(select($1)) | length" "$FAULTY_LOG"
}

# faulty_requested COUNT FILTER: whether so many are logged by now, for wait_until: a request is
# logged when its answer was sent.
faulty_requested() {
	test "$(faulty_requests "$2")" -ge "$1"
}
