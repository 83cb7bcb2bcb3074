/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A kept file: the content information of one subject. All integers little-endian.
 *
 *   8   "PeerHash"
 *   4   1, of this format
 *   4   size of the header: all before the first form
 *   8   size of the content
 *   32  identifier of the server secret: HMAC-SHA-256 by Ks of version 1.0 over a label, which
 *       tells about the key what the secrets of segments below tell as well
 *   32  for version 1.0, and again for 2.0: offset and size (8 each; 0: not kept) of its encoded
 *       form, and XXH3-128 of that
 *   2   length of the subject's name
 *   2   length of its state
 *       name, state
 *   16  XXH3-128 of the header so far
 *       the encoded forms, one after the other, to the end of the file
 *
 * A file is written once, under another name, and never changed. What does not match is absent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <xxhash.h>

#include "cache/bytes.h"
#include "cache/file_octets.h"
#include "cache/log.h"
#include "origin/publish_private.h"

enum {
	FORMAT = 1,
	HEADER_FIXED = 8 + 4 + 4 + 8 + PUBLISH_IDENTIFIER_SIZE +
		       PUBLISH_VERSIONS * (8 + 8 + PUBLISH_CHECKSUM_SIZE) + 2 + 2,
	HEADER_MAX = HEADER_FIXED + PUBLISH_NAME_MAX + PUBLISH_STATE_MAX + PUBLISH_CHECKSUM_SIZE,
	BUFFER = 65536, /* octets read or written at a time; our choice */
};

static const char magic[8] = "PeerHash";
static const char identifier_label[] = "peerdistfs kept content information";

void publish_made_clear(struct publish_made *made)
{
	for (unsigned i = 0; i < PUBLISH_VERSIONS; i++)
		content_hashes_clear(&made->hashes[i]);
}

int publish_keys_derive(const struct secret *secret, struct publish_keys *keys_out)
{
	struct publish_keys keys;
	int error = secret_server(secret, DIGEST_SHA256, keys.ks[0]);

	if (error == 0)
		error = secret_server(secret, DIGEST_SHA512_TRUNC256, keys.ks[1]);
	if (error == 0)
		error = digest_hmac(DIGEST_SHA256, keys.ks[0], digest_size(DIGEST_SHA256),
				    identifier_label, sizeof(identifier_label) - 1,
				    keys.identifier);
	if (error == 0)
		*keys_out = keys;
	OPENSSL_cleanse(&keys, sizeof(keys));
	return error;
}

/* Names may be chosen by strangers, so by a hash in which they find no two of the same. */
void publish_kept_name(const char *subject_name, char name_out[PUBLISH_FILE_NAME_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	uint8_t hash[32] = {0};

	/* When hashing fails all share one file, which names its subject. */
	(void)digest_hash(DIGEST_SHA256, subject_name, strnlen(subject_name, PUBLISH_NAME_MAX),
			  hash);
	for (size_t i = 0; i < sizeof(hash); i++) {
		name_out[2 * i] = digits[hash[i] >> 4];
		name_out[2 * i + 1] = digits[hash[i] & 15];
	}
	name_out[2 * sizeof(hash)] = '\0';
}

static void checksum_of(XXH128_hash_t hash, uint8_t checksum_out[PUBLISH_CHECKSUM_SIZE])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, hash);
	memcpy(checksum_out, canonical.digest, PUBLISH_CHECKSUM_SIZE);
}

static size_t header_size(const struct publish_subject *subject)
{
	return HEADER_FIXED + strnlen(subject->name, PUBLISH_NAME_MAX) +
	       strnlen(subject->state, PUBLISH_STATE_MAX) + PUBLISH_CHECKSUM_SIZE;
}

/* Returns the size. */
static size_t put_header(const struct publish_subject *subject, const struct publish_keys *keys,
			 const struct publish_kept *kept, uint8_t header[HEADER_MAX])
{
	size_t size = header_size(subject);
	size_t name = strnlen(subject->name, PUBLISH_NAME_MAX);
	size_t state = strnlen(subject->state, PUBLISH_STATE_MAX);
	struct bytes_out out = bytes_out(header, size);

	bytes_put(&out, magic, sizeof(magic));
	bytes_put_le32(&out, FORMAT);
	bytes_put_le32(&out, (uint32_t)size);
	bytes_put_le64(&out, kept->content_size);
	bytes_put(&out, keys->identifier, PUBLISH_IDENTIFIER_SIZE);
	for (unsigned i = 0; i < PUBLISH_VERSIONS; i++) {
		bytes_put_le64(&out, kept->forms[i].offset);
		bytes_put_le64(&out, kept->forms[i].size);
		bytes_put(&out, kept->forms[i].checksum, PUBLISH_CHECKSUM_SIZE);
	}
	bytes_put_le16(&out, (uint16_t)name);
	bytes_put_le16(&out, (uint16_t)state);
	bytes_put(&out, subject->name, name);
	bytes_put(&out, subject->state, state);
	checksum_of(XXH3_128bits(header, size - PUBLISH_CHECKSUM_SIZE),
		    header + size - PUBLISH_CHECKSUM_SIZE);
	return size;
}

/* The forms follow one another from START to END. */
static bool forms_fit(const struct publish_kept *kept, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < PUBLISH_VERSIONS; i++) {
		const struct publish_kept_form *form = &kept->forms[i];

		if (form->size == 0)
			continue;
		if (form->offset != start || form->size > end - start)
			return false;
		start += form->size;
	}
	return start == end;
}

static bool same_text(struct bytes_in *in, size_t size, const char *text, size_t max)
{
	const uint8_t *taken = bytes_take(in, size);

	return taken != NULL && size == strnlen(text, max) && memcmp(taken, text, size) == 0;
}

/* Whether the header, SIZE octets of it, is that of SUBJECT. KEPT_OUT: all but the file. */
static bool take_header(const uint8_t *header, size_t size, const struct publish_subject *subject,
			const struct publish_keys *keys, struct publish_kept *kept_out)
{
	struct bytes_in in = bytes_in(header, size);
	struct publish_kept kept = {0};
	const uint8_t *identifier;
	size_t name, state;

	if (!same_text(&in, sizeof(magic), magic, sizeof(magic)) || bytes_le32(&in) != FORMAT ||
	    bytes_le32(&in) != size)
		return false;
	kept.content_size = bytes_le64(&in);
	identifier = bytes_take(&in, PUBLISH_IDENTIFIER_SIZE);
	for (unsigned i = 0; i < PUBLISH_VERSIONS; i++) {
		kept.forms[i].offset = bytes_le64(&in);
		kept.forms[i].size = bytes_le64(&in);
		bytes_copy(&in, kept.forms[i].checksum, PUBLISH_CHECKSUM_SIZE);
	}
	name = bytes_le16(&in);
	state = bytes_le16(&in);
	if (!same_text(&in, name, subject->name, PUBLISH_NAME_MAX) ||
	    !same_text(&in, state, subject->state, PUBLISH_STATE_MAX) ||
	    in.left != PUBLISH_CHECKSUM_SIZE || kept.content_size != subject->size)
		return false;
	kept.other_keys = memcmp(identifier, keys->identifier, PUBLISH_IDENTIFIER_SIZE) != 0;
	*kept_out = kept;
	return true;
}

static int read_header(int file, const struct publish_subject *subject,
		       const struct publish_keys *keys, struct publish_kept *kept_out)
{
	size_t size = header_size(subject);
	uint8_t header[HEADER_MAX], checksum[PUBLISH_CHECKSUM_SIZE];
	struct stat status;

	if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < (off_t)size ||
	    file_octets_read(file, 0, header, size) != 0)
		return -ENOENT;
	checksum_of(XXH3_128bits(header, size - PUBLISH_CHECKSUM_SIZE), checksum);
	if (memcmp(checksum, header + size - PUBLISH_CHECKSUM_SIZE, PUBLISH_CHECKSUM_SIZE) != 0)
		return -ENOENT;
	if (!take_header(header, size, subject, keys, kept_out) ||
	    !forms_fit(kept_out, size, (uint64_t)status.st_size))
		return -ENOENT;
	kept_out->file = file;
	return 0;
}

/* Whatever lies there, it is not waited for. */
static int open_named(int directory, const char *name)
{
	return openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

bool publish_kept_is_one(int directory, const char *name)
{
	char start[sizeof(magic)];
	int file = open_named(directory, name);
	bool one = file >= 0 && file_octets_read(file, 0, start, sizeof(start)) == 0 &&
		   memcmp(start, magic, sizeof(magic)) == 0;

	if (file >= 0)
		close(file);
	return one;
}

int publish_kept_open(int directory, const struct publish_subject *subject,
		      const struct publish_keys *keys, struct publish_kept *kept_out)
{
	char name[PUBLISH_FILE_NAME_SIZE];
	int file, error;

	publish_kept_name(subject->name, name);
	file = open_named(directory, name);
	if (file < 0)
		return -ENOENT;
	error = read_header(file, subject, keys, kept_out);
	if (error != 0)
		close(file);
	return error;
}

void publish_kept_close(struct publish_kept *kept)
{
	close(kept->file);
	kept->file = -1;
}

/* Takes what is read of a form, in order. */
typedef int portion_taker(void *owner, const void *data, size_t size);

/* Reads a form, for TAKE if not NULL, and compares its checksum. -EBADMSG, or what went wrong. */
static int read_form(const struct publish_kept *kept, const struct publish_kept_form *form,
		     portion_taker *take, void *owner)
{
	XXH3_state_t *state = XXH3_createState();
	uint8_t *buffer = malloc(BUFFER), checksum[PUBLISH_CHECKSUM_SIZE];
	int error = state == NULL || buffer == NULL ? -ENOMEM : 0;

	if (error == 0)
		XXH3_128bits_reset(state);
	for (uint64_t done = 0; error == 0 && done < form->size;) {
		size_t size = form->size - done < BUFFER ? (size_t)(form->size - done) : BUFFER;

		error = file_octets_read(kept->file, form->offset + done, buffer, size);
		if (error == 0)
			XXH3_128bits_update(state, buffer, size);
		if (error == 0 && take != NULL)
			error = take(owner, buffer, size);
		done += size;
	}
	if (error == 0) {
		checksum_of(XXH3_128bits_digest(state), checksum);
		error = memcmp(checksum, form->checksum, sizeof(checksum)) == 0 ? 0 : -EBADMSG;
	}
	if (buffer != NULL)
		OPENSSL_cleanse(buffer, BUFFER); /* secrets of segments */
	free(buffer);
	XXH3_freeState(state);
	return error;
}

/* What a reader of kept files is told of ERROR. */
static int absent(int error)
{
	static struct log_limit limit;

	if (error == 0 || error == -ENOMEM)
		return error;
	log_limited(&limit, LOG_LEVEL_WARNING,
		    "kept content information does not check, and will be made anew: %s",
		    strerror(-error));
	return -ENOENT;
}

int publish_kept_check(const struct publish_kept *kept, unsigned version)
{
	const struct publish_kept_form *form = &kept->forms[version - 1];

	return form->size == 0 ? -ENOENT : absent(read_form(kept, form, NULL, NULL));
}

static int feed(void *owner, const void *data, size_t size)
{
	return content_reader_feed(owner, data, size);
}

struct form_backing {
	int file;
	uint64_t offset;
};

static int backing_read(void *owner, uint64_t offset, void *data, size_t size)
{
	const struct form_backing *backing = owner;

	return file_octets_read(backing->file, backing->offset + offset, data, size);
}

static int decode(const struct publish_kept *kept, const struct publish_kept_form *form,
		  struct content **content_out)
{
	struct content_reader *reader;
	int error = content_reader_create(form->size, &reader);

	if (error != 0)
		return error;
	error = read_form(kept, form, feed, reader);
	if (error == 0)
		error = content_reader_end(reader, content_out);
	content_reader_free(reader);
	return error;
}

int publish_kept_hashes(const struct publish_kept *kept, unsigned version,
			struct content_hashes *hashes_out)
{
	const struct publish_kept_form *form = &kept->forms[version - 1];
	struct form_backing backing = {kept->file, form->offset};
	struct content_hashes hashes;
	struct content *content;
	int error;

	if (form->size == 0)
		return -ENOENT;
	error = decode(kept, form, &content);
	if (error != 0)
		return absent(error);
	content_back(content, &(struct content_backing){backing_read, NULL, &backing});
	error = content_hashes_of(content, &hashes);
	content_put(content);
	if (error == 0 && (hashes.version != version || hashes.size != kept->content_size)) {
		content_hashes_clear(&hashes);
		error = -EBADMSG;
	}
	if (error == 0)
		*hashes_out = hashes;
	return absent(error);
}

/* A form being written: portions are small, so they are gathered. */
struct writing {
	int file;
	uint64_t offset; /* in the file, of the buffer */
	size_t gathered;
	XXH3_state_t *state;
	uint8_t buffer[BUFFER];
};

static int flush(struct writing *writing)
{
	int error = file_octets_write(writing->file, writing->offset, writing->buffer,
				      writing->gathered);

	if (error != 0)
		return error;
	XXH3_128bits_update(writing->state, writing->buffer, writing->gathered);
	writing->offset += writing->gathered;
	writing->gathered = 0;
	return 0;
}

static int gather(void *owner, const void *data, size_t size)
{
	struct writing *writing = owner;
	const uint8_t *at = data;

	while (size > 0) {
		size_t portion = BUFFER - writing->gathered;
		int error;

		if (portion > size)
			portion = size;
		memcpy(writing->buffer + writing->gathered, at, portion);
		writing->gathered += portion;
		at += portion;
		size -= portion;
		error = writing->gathered == BUFFER ? flush(writing) : 0;
		if (error != 0)
			return error;
	}
	return 0;
}

static int write_form(struct writing *writing, const struct content_hashes *hashes,
		      const uint8_t *ks, struct publish_kept_form *form)
{
	int error;

	form->offset = writing->offset;
	XXH3_128bits_reset(writing->state);
	error = content_hashes_write(hashes, ks, 0, hashes->size, &form->size, gather, writing);
	if (error == 0)
		error = flush(writing);
	if (error == 0)
		checksum_of(XXH3_128bits_digest(writing->state), form->checksum);
	return error;
}

static int write_forms(struct writing *writing, const struct publish_subject *subject,
		       const struct publish_keys *keys, const struct publish_made *made)
{
	struct publish_kept kept = {.content_size = subject->size};
	uint8_t header[HEADER_MAX];
	int error = 0;

	writing->offset = header_size(subject);
	for (unsigned i = 0; i < PUBLISH_VERSIONS && error == 0; i++)
		if (made->hashes[i].version != 0)
			error = write_form(writing, &made->hashes[i], keys->ks[i], &kept.forms[i]);
	if (error != 0)
		return error;
	return file_octets_write(writing->file, 0, header,
				 put_header(subject, keys, &kept, header));
}

int publish_kept_write(int file, const struct publish_subject *subject,
		       const struct publish_keys *keys, const struct publish_made *made,
		       uint64_t *size_out)
{
	struct writing *writing = malloc(sizeof(*writing));
	int error;

	if (writing == NULL)
		return -ENOMEM;
	writing->file = file;
	writing->gathered = 0;
	writing->state = XXH3_createState();
	error = writing->state == NULL ? -ENOMEM : write_forms(writing, subject, keys, made);
	if (error == 0)
		*size_out = writing->offset;
	XXH3_freeState(writing->state);
	OPENSSL_cleanse(writing, sizeof(*writing)); /* secrets of segments */
	free(writing);
	return error;
}
