/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The words behind `hosted`: what they may be, and what is meant where they say nothing.
 */
#ifndef FS_CLI_HOSTED_WORDS_H
#define FS_CLI_HOSTED_WORDS_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/cli_serving.h"
#include "fs/config.h"
#include "fs/networks.h"
#include "peer/offers.h"

struct cli_hosted_words {
	struct cli_serving serving;
	struct cli_listen tls_listen;
	const char *run_as;
	char *cache; /* for free() */
	config_capacity cache_size;
	int64_t max_age;
	struct networks allowed;
	struct cli_listen allow; /* the same as text */
	bool tls_old, plaintext, interested;
	unsigned uploads, young;
	struct offers_limits limits;
};

/* For --help. */
extern const char cli_hosted_usage[];
/* WORDS[0] is the verb. Returns the exit status; REQUEST_OUT is for cli_hosted_words_free() in any
 * case. */
int cli_hosted_words_parse(int count, char **words, struct cli_hosted_words *request_out);
void cli_hosted_words_free(struct cli_hosted_words *request);

#endif
