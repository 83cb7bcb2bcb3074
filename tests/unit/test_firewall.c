/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The rules for firewalls, as text, and as nft itself takes them.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer/firewall.h"

static const struct nearby_prefix prefixes[] = {
	{{.family = XADDR_IPV4, .octets = {127, 0, 0, 1}}, 8},
	{{.family = XADDR_IPV4, .octets = {192, 0, 2, 77}}, 26},
	{{.family = XADDR_IPV6, .octets = {0xfe, 0x80, [15] = 1}, .zone = 2}, 64},
	{{.family = XADDR_IPV6, .octets = {0x20, 1, 0x0d, 0xb8, [15] = 1}}, 64},
};

static const char expected_rules[] =
	"add table inet filter\n"
	"add chain inet filter input\n"
	"\n"
	"# ipv4: questions of others, answers to ours, and blocks.\n"
	"insert rule inet filter input ip saddr { 192.0.2.64/26 } ip daddr 239.255.255.250 "
	"udp dport 3702 accept\n"
	"insert rule inet filter input ip saddr { 192.0.2.64/26 } udp sport 3702 "
	"udp dport 32768-60999 accept\n"
	"insert rule inet filter input ip saddr { 192.0.2.64/26 } tcp dport 1337 accept\n"
	"# Lets switches know that this machine is in the group.\n"
	"insert rule inet filter input ip protocol igmp accept\n"
	"\n"
	"# ipv6: questions of others, answers to ours, and blocks.\n"
	"insert rule inet filter input ip6 saddr { fe80::/10, 2001:db8::/64 } ip6 daddr ff02::c "
	"udp dport 3702 accept\n"
	"insert rule inet filter input ip6 saddr { fe80::/10, 2001:db8::/64 } udp sport 3702 "
	"udp dport 32768-60999 accept\n"
	"insert rule inet filter input ip6 saddr { fe80::/10, 2001:db8::/64 } tcp dport 1337 "
	"accept\n"
	"# Lets switches know that this machine is in the group.\n"
	"insert rule inet filter input icmpv6 type mld-listener-query accept\n";

static const char expected_commands[] =
	"# firewall-cmd --permanent --add-rich-rule='rule family=\"ipv4\" "
	"source address=\"192.0.2.64/26\" destination address=\"239.255.255.250\" "
	"port port=\"3702\" protocol=\"udp\" accept'\n"
	"# firewall-cmd --permanent --add-rich-rule='rule family=\"ipv4\" "
	"source address=\"192.0.2.64/26\" port port=\"32768-60999\" protocol=\"udp\" accept'\n"
	"# firewall-cmd --permanent --add-rich-rule='rule family=\"ipv4\" "
	"source address=\"192.0.2.64/26\" port port=\"1337\" protocol=\"tcp\" accept'\n"
	"# firewall-cmd --permanent --add-rich-rule='rule family=\"ipv6\" "
	"source address=\"fe80::/10\" destination address=\"ff02::c\" "
	"port port=\"3702\" protocol=\"udp\" accept'\n";

static struct firewall_options options_of(const struct nearby_prefix *list, unsigned count)
{
	return (struct firewall_options){.retrieval_port = 1337,
					 .discovery_port = 3702,
					 .prefixes = list,
					 .prefix_count = count};
}

static char *text_of(const struct firewall_options *options)
{
	char *text;

	assert_int_equal(firewall_rules(options, &text), 0);
	return text;
}

static char *usual_text(void)
{
	struct firewall_options options = options_of(prefixes, 4);

	return text_of(&options);
}

static void the_rules_let_in_what_is_needed(void **state)
{
	char *text = usual_text();

	(void)state;
	assert_non_null(strstr(text, expected_rules));
	assert_non_null(strstr(text, expected_commands));
	assert_null(strstr(text, "127."));
	free(text);
}

static void all_but_the_rules_is_comment(void **state)
{
	char *text = usual_text(), *at = text, *line;
	unsigned rules = 0;

	(void)state;
	while ((line = strsep(&at, "\n")) != NULL) {
		if (*line == '\0' || *line == '#')
			continue;
		assert_true(strncmp(line, "add ", 4) == 0 || strncmp(line, "insert ", 7) == 0);
		rules++;
	}
	assert_int_equal(rules, 10);
	free(text);
}

static void without_networks_the_private_ones_count(void **state)
{
	struct firewall_options none = options_of(NULL, 0), loopback = options_of(prefixes, 1);
	char *text = text_of(&none), *same = text_of(&loopback);

	(void)state;
	assert_string_equal(text, same);
	assert_non_null(
		strstr(text, "{ 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16 }"));
	assert_non_null(strstr(text, "{ fc00::/7, fe80::/10 }"));
	free(same);
	free(text);
}

static void a_family_without_networks_is_left_out(void **state)
{
	struct firewall_options options = options_of(prefixes + 1, 1);
	char *text = text_of(&options);

	(void)state;
	assert_null(strstr(text, "ip6"));
	assert_null(strstr(text, "ipv6"));
	free(text);
}

static void networks_inside_others_and_nonsense_are_left_out(void **state)
{
	static const struct nearby_prefix list[] = {
		{{.family = XADDR_IPV4, .octets = {10, 1, 1, 1}}, 24},
		{{.family = XADDR_IPV4, .octets = {10, 2, 2, 2}}, 24},
		{{.family = XADDR_IPV4, .octets = {10, 1, 2, 3}}, 16},
		{{.family = XADDR_IPV4, .octets = {10, 1, 9, 9}}, 24},
		{{.family = XADDR_IPV4, .octets = {10, 1, 2, 3}}, 16},
		{{.family = XADDR_IPV4, .octets = {10, 9, 9, 9}}, 0},
		{{.family = XADDR_IPV4, .octets = {10, 9, 9, 9}}, 33},
		{{.family = XADDR_IPV6, .octets = {0x20, 1}}, 129},
	};
	struct firewall_options options = options_of(list, sizeof(list) / sizeof(*list));
	char *text = text_of(&options);

	(void)state;
	assert_non_null(strstr(text, "ip saddr { 10.2.2.0/24, 10.1.0.0/16 } "));
	assert_null(strstr(text, "ip6"));
	free(text);
}

static void ports_are_those_given(void **state)
{
	struct firewall_options options = {.retrieval_port = 65535,
					   .discovery_port = 1,
					   .ephemeral_first = 40000,
					   .ephemeral_last = 40000};
	char *text = text_of(&options);

	(void)state;
	assert_non_null(strstr(text, "239.255.255.250 udp dport 1 accept"));
	assert_non_null(strstr(text, "udp sport 1 udp dport 40000-40000 accept"));
	assert_non_null(strstr(text, "tcp dport 65535 accept"));
	assert_null(strstr(text, "3702"));
	free(text);
}

static void ports_that_are_none_are_refused(void **state)
{
	static const struct firewall_options bad[] = {
		{.retrieval_port = 1337},
		{.discovery_port = 3702},
		{.retrieval_port = 1, .discovery_port = 1, .ephemeral_first = 1},
		{.retrieval_port = 1, .discovery_port = 1, .ephemeral_last = 1},
		{.retrieval_port = 1,
		 .discovery_port = 1,
		 .ephemeral_first = 3,
		 .ephemeral_last = 2},
	};
	char *text = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(firewall_rules(&bad[i], &text), -EINVAL);
	assert_null(text);
}

/* ---- nft ---- */

#define CANNOT 77
#define NFT_OR_CANNOT                                                                              \
	"PATH=$PATH:/usr/sbin:/sbin; exec >/dev/null\n"                                            \
	"command -v nft || exit 77; nft list ruleset || exit 77\n"

/* Runs SCRIPT with TEXT on its input, in a network namespace of its own; its exit status. */
static int run_inside(const char *script, const char *text)
{
	pid_t child = fork();
	FILE *pipe;
	int status;

	assert_true(child >= 0);
	if (child > 0) {
		assert_int_equal(waitpid(child, &status, 0), child);
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	signal(SIGPIPE, SIG_IGN);
	if (unshare(CLONE_NEWNET) != 0)
		_exit(CANNOT);
	pipe = popen(script, "w");
	if (pipe == NULL)
		_exit(1);
	fputs(text, pipe);
	status = pclose(pipe);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void assert_runs(const char *script, const struct firewall_options *options)
{
	char *text = text_of(options);
	int status = run_inside(script, text);

	free(text);
	if (status == CANNOT) {
		print_message("no nft here, or it may not be used\n");
		skip();
	}
	assert_int_equal(status, 0);
}

static void nft_accepts_the_rules(void **state)
{
	struct firewall_options options = options_of(prefixes, 4);

	(void)state;
	assert_runs(NFT_OR_CANNOT "nft -c -f -", &options);
}

static void nft_accepts_the_rules_for_private_networks(void **state)
{
	struct firewall_options options = options_of(NULL, 0);

	(void)state;
	assert_runs(NFT_OR_CANNOT "nft -c -f -", &options);
}

/* Into a chain that drops by rule and by policy, which both stay. */
static void the_rules_go_in_front_of_what_drops(void **state)
{
	struct firewall_options options = options_of(prefixes, 4);

	(void)state;
	assert_runs(NFT_OR_CANNOT
		    "nft 'table inet filter { chain input { type filter hook input priority 0; "
		    "policy drop; tcp dport 9 drop; }; }' || exit 1\n"
		    "nft -f - || exit 1\n"
		    "nft list chain inet filter input | tr '\\n' ' ' | grep 'hook input .*policy "
		    "drop;.*tcp dport 1337 accept.*udp sport 3702 udp dport 32768-60999 accept.*"
		    "tcp dport 9 drop'",
		    &options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rules_let_in_what_is_needed),
		cmocka_unit_test(all_but_the_rules_is_comment),
		cmocka_unit_test(without_networks_the_private_ones_count),
		cmocka_unit_test(a_family_without_networks_is_left_out),
		cmocka_unit_test(networks_inside_others_and_nonsense_are_left_out),
		cmocka_unit_test(ports_are_those_given),
		cmocka_unit_test(ports_that_are_none_are_refused),
		cmocka_unit_test(nft_accepts_the_rules),
		cmocka_unit_test(nft_accepts_the_rules_for_private_networks),
		cmocka_unit_test(the_rules_go_in_front_of_what_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
