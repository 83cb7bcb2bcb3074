/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/service/gathering.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "cache/store_content.h"
#include "fs/service/instance.h"

#define FIRST_ROOM 1024u

struct gathering {
	struct store *store;
	struct user *user;
	struct content_reader *reader; /* judges what is in memory */
	uint8_t *octets;
	uint32_t filled, room;
	uint32_t counted;            /* octets that count as the user's */
	struct store_intake *intake; /* NULL: in memory */
	bool file;                   /* it counts as one of the user's */
};

int gathering_create(struct store *store, struct user *user, struct gathering **gathering_out)
{
	struct gathering *gathering = calloc(1, sizeof *gathering);

	if (gathering == NULL)
		return -ENOMEM;
	if (content_reader_create(CONTENT_LIMIT_DEFAULT, &gathering->reader) != 0) {
		free(gathering);
		return -ENOMEM;
	}
	gathering->store = store;
	gathering->user = user;
	*gathering_out = gathering;
	return 0;
}

/* ---- what counts ---- */

static int count(struct gathering *gathering, uint32_t octets)
{
	struct user *user = gathering->user;

	if (atomic_fetch_add(&user->information, octets) + octets > GATHERING_USER_MAX) {
		atomic_fetch_sub(&user->information, octets);
		return -EDQUOT;
	}
	gathering->counted += octets;
	return 0;
}

static void count_off(struct gathering *gathering, uint32_t octets)
{
	atomic_fetch_sub(&gathering->user->information, octets);
	gathering->counted -= octets;
}

static int count_file(struct gathering *gathering)
{
	struct user *user = gathering->user;

	if (atomic_fetch_add(&user->information_files, 1) >= GATHERING_USER_FILES_MAX) {
		atomic_fetch_sub(&user->information_files, 1);
		return -EDQUOT;
	}
	gathering->file = true;
	return 0;
}

/* ---- memory ---- */

static void forget(struct gathering *gathering)
{
	if (gathering->octets != NULL)
		OPENSSL_cleanse(gathering->octets, gathering->filled); /* segment secrets */
	free(gathering->octets);
	gathering->octets = NULL;
	content_reader_free(gathering->reader);
	gathering->reader = NULL;
}

static int make_room(struct gathering *gathering, size_t size)
{
	uint32_t room = gathering->room > 0 ? gathering->room : FIRST_ROOM;

	while (room < gathering->filled + size)
		room *= 2;
	if (room == gathering->room)
		return 0;
	int error = count(gathering, room - gathering->room);
	if (error != 0)
		return error;
	uint8_t *octets = malloc(room);
	if (octets == NULL) {
		count_off(gathering, room - gathering->room);
		return -ENOMEM;
	}
	if (gathering->octets != NULL) {
		memcpy(octets, gathering->octets, gathering->filled);
		OPENSSL_cleanse(gathering->octets, gathering->filled);
		free(gathering->octets);
	}
	gathering->octets = octets;
	gathering->room = room;
	return 0;
}

static int keep(struct gathering *gathering, const void *data, size_t size)
{
	int error = make_room(gathering, size);

	if (error == 0)
		error = content_reader_feed(gathering->reader, data, size);
	if (error != 0)
		return error;
	memcpy(gathering->octets + gathering->filled, data, size);
	gathering->filled += (uint32_t)size;
	return 0;
}

/* ---- a file ---- */

/* What is in memory goes there. */
static int begin_intake(struct gathering *gathering)
{
	int error = count_file(gathering);

	if (error == 0)
		error = store_intake_begin(gathering->store, CONTENT_LIMIT_DEFAULT,
					   &gathering->intake);
	if (error == 0 && gathering->filled > 0)
		error = store_intake_feed(gathering->intake, gathering->octets, gathering->filled);
	forget(gathering);
	count_off(gathering, gathering->counted);
	return error;
}

int gathering_feed(struct gathering *gathering, const void *data, size_t size)
{
	int error = 0;

	if (gathering->intake == NULL && size <= GATHERING_SHORT_MAX - gathering->filled)
		return keep(gathering, data, size);
	if (gathering->intake == NULL)
		error = begin_intake(gathering);
	return error == 0 ? store_intake_feed(gathering->intake, data, size) : error;
}

/* ---- the end ---- */

int gathering_end(struct gathering *gathering, struct content **content_out)
{
	int error;

	if (gathering->intake != NULL) {
		error = store_intake_end(gathering->intake, content_out);
		store_intake_free(gathering->intake);
		gathering->intake = NULL;
		return error;
	}
	error = content_decode(gathering->octets, gathering->filled, GATHERING_SHORT_MAX,
			       content_out, NULL);
	/* The content has a copy, as long as it is. */
	forget(gathering);
	count_off(gathering, gathering->counted - gathering->filled);
	return error;
}

void gathering_free(struct gathering *gathering)
{
	if (gathering == NULL)
		return;
	forget(gathering);
	count_off(gathering, gathering->counted);
	if (gathering->file)
		atomic_fetch_sub(&gathering->user->information_files, 1);
	store_intake_free(gathering->intake);
	free(gathering);
}
