/* SPDX-License-Identifier: BSD-2-Clause
 *
 * `peerdist doctor`: looks for what usually goes wrong on a machine, on its network and at an
 * origin, and says how to mend it. Nothing is changed. One thread; checks that need the loop wait
 * for it.
 */
#ifndef FS_DOCTOR_H
#define FS_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

struct config;
struct doctor;

enum doctor_verdict {
	DOCTOR_FINE,
	DOCTOR_NOTE, /* works, but somebody may wonder */
	DOCTOR_WRONG
};

/* STREAM: each finding is written to it as it is made; NULL: none is. -ENOMEM. */
int doctor_create(FILE *stream, struct doctor **doctor_out);
/* NULL is fine. */
void doctor_free(struct doctor *doctor);
/* CHECK: a word for what was looked at. */
void doctor_find(struct doctor *doctor, enum doctor_verdict verdict, const char *check,
		 const char *format, ...) __attribute__((format(printf, 4, 5)));
/* What to do about the last finding. */
void doctor_mend(struct doctor *doctor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* How many are DOCTOR_WRONG. */
unsigned doctor_wrong(const struct doctor *doctor);
/* {"findings": [{"check", "verdict", "text", "mend"}], "wrong"}. 0 or a negative errno. */
int doctor_json(const struct doctor *doctor, FILE *stream);

/* doctor_machine.c */
void doctor_look_at_fuse(struct doctor *doctor);
void doctor_look_at_clock(struct doctor *doctor);

/* doctor_api.c: the mounts that are there, as programs find them */
void doctor_look_at_api(struct doctor *doctor);

/* doctor_network.c: as CONFIG would have a mount take part */

struct doctor_network;

/* 0, or a negative errno: a finding says so. */
int doctor_network_create(struct doctor *doctor, const struct config *config,
			  struct doctor_network **network_out);
/* NULL is fine. */
void doctor_network_free(struct doctor_network *network);
void doctor_look_at_interfaces(struct doctor *doctor, struct doctor_network *network);
void doctor_look_at_discovery(struct doctor *doctor, struct doctor_network *network);
void doctor_look_at_retrieval(struct doctor *doctor, struct doctor_network *network);
/* Rules that let others in (peer/firewall.h), for free(). 0 or a negative errno. */
int doctor_firewall(struct doctor_network *network, char **text_out);

/* doctor_hosted.c: the hosted caches of CONFIG, if its mode has them */
void doctor_look_at_hosted(struct doctor *doctor, const struct config *config);

/* doctor_origin.c: config->origin, with the options of CONFIG */
void doctor_look_at_origin(struct doctor *doctor, const struct config *config);

#endif
