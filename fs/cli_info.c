/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The verb `info`: content information by hand. Its actions, one file each.
 */
#include "fs/cli_info.h"

static const struct cli_action actions[] = {
	{"make", cli_info_make,
	 "info make [--version 1|2] [--key FILE | --secret HEX] [--range START,LENGTH] FILE [-o "
	 "OUT]",
	 "make content information of a file",
	 "  --version 1|2          of the format; 2 if not given\n"
	 "  --key FILE             of the server secret; if not given this machine's, made at "
	 "first "
	 "use\n"
	 "  --secret HEX           the secret key itself, in hexadecimal\n"
	 "  --range START,LENGTH   speak for these octets only\n"
	 "  -o OUT                 a file for it, mode 0600; else it goes to standard output\n"},
	{"show", cli_info_show, "info show [--json] [--blocks] [--secrets] INFO",
	 "show what content information says",
	 "  --json      for programs, block hashes included\n"
	 "  --blocks    the hash of each block, too\n"
	 "  --secrets   the segment secrets, too; who has them can decrypt what peers send\n"
	 "INFO: a file, or - for standard input\n"},
	{"verify", cli_info_verify, "info verify [--json] INFO FILE",
	 "check that a file is what content information says",
	 "  --json   for programs\n"
	 "INFO: content information, or - for standard input; of a part of a content, that part "
	 "of\n"
	 "FILE is checked. Status 1 if it does not match.\n"},
	{"get", cli_info_get, "info get PATH [-o OUT]",
	 "get the content information of a file in a mount",
	 "  -o OUT   a file for it, mode 0600; else it goes to standard output\n"},
	{NULL, NULL, NULL, NULL, NULL},
};

int cli_info(int count, char **words)
{
	return cli_actions(actions, count, words);
}
