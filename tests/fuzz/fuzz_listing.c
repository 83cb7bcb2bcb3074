/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The readers of listings. A first octet below 32 chooses base URL, media type and how the rest is
 * cut into pieces, and is taken off; any other is the body's own, with no media type: so a recorded
 * listing is an input as it is. Whatever is added must be a name, and errors must stay.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "origin/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const bases[] = {
	"http://127.0.0.1/plain/",
	"https://h:8443/a%20b/c;d/?list-type=2&prefix=p/&encoding-type=url#x",
	"http://h",
	"http://h/not/slashed",
};
static const char *const types[] = {"text/html", "application/json", "application/xml", NULL};

static void check_entries(const struct directory *directory)
{
	for (uint32_t index = 0; index < directory_count(directory); index++) {
		struct entry entry;
		const char *name = directory_entry(directory, index, &entry);
		if (!*name || strlen(name) > DIRECTORY_NAME_MAX || strchr(name, '/') ||
		    entry.size < -1 || entry.mtime < -1 ||
		    !memchr(entry.validator, '\0', sizeof(entry.validator)))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned choice = 3u << 2;
	if (size && data[0] < 32) {
		choice = data[0];
		data++;
		size--;
	}
	size_t piece = choice & 16 ? 3 : 65536;
	struct directory *directory;
	struct listing *listing;
	if (directory_create(true, &directory))
		return 0;
	if (!listing_begin(bases[choice & 3], types[choice >> 2 & 3], directory, &listing)) {
		int result = 0;
		for (size_t at = 0; at < size && !result; at += piece)
			result = listing_feed(listing, data + at,
					      size - at < piece ? size - at : piece);
		int last = listing_end(listing);
		if (result && last != result)
			abort();
		check_entries(directory);
		listing_free(listing);
	}
	directory_free(directory);
	return 0;
}
