/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A responder under a virtual clock, with a store that is a table and a network that is a list.
 */
#ifndef TESTS_UNIT_RESPONDER_SCENE_H
#define TESTS_UNIT_RESPONDER_SCENE_H

#include "peer/responder.h"

#define SCENE_SENT_MAX 16u /* the first ones are kept to be looked at; all are counted */
#define SCENE_PARKED_MAX 4096u
#define SCENE_WORDS_MAX 16u

struct sent {
	int64_t at_ms;
	struct multicast_arrival arrival;
	struct xaddr own;
	size_t size;
	char *text; /* with a NUL behind it */
};

struct responder_scene {
	/* To be changed before responder_scene_begin(). */
	struct responder_options options;
	/* To be changed at any time. */
	int64_t now_ms;
	struct responder_holding held[256]; /* by the first octet of an id */
	struct thinning counted[256];       /* likewise */
	bool slow;                          /* look-ups are parked */
	struct xaddr own, announced[NEARBY_ANNOUNCED_MAX];
	unsigned announced_count;
	uint32_t words[SCENE_WORDS_MAX]; /* the next random ones; then they are made up */
	unsigned word_count;

	/* What happened. */
	struct responder *responder;
	struct sent sent[SCENE_SENT_MAX];
	uint64_t sent_count;
	struct responder_lookup *parked[SCENE_PARKED_MAX];
	const struct wsd_probe *parked_probes[SCENE_PARKED_MAX];
	unsigned parked_count;
	uint64_t looked_up;       /* Probes */
	unsigned unserved[256];   /* times that it was told, by an id's first octet */
	struct xaddr unserved_by; /* the last one */
	enum wsd_form announced_form;
	uint64_t state; /* of the made-up random words */
	unsigned word;
};

/* Thinning is off; segment 1 is held, 1 block of 1; what is announced is 192.0.2.1:1337. To be
 * ended by responder_scene_end(). */
void responder_scene_prepare(struct responder_scene *scene);
void responder_scene_begin(struct responder_scene *scene);
/* Frees the responder, if it still is there, finds what is parked, frees all. */
void responder_scene_end(struct responder_scene *scene);

/* 192.0.2.NUMBER, or of the same network if that is beyond 255. */
struct xaddr responder_scene_host(uint32_t number);
/* A Probe is heard. */
void responder_scene_hear(struct responder_scene *scene, const struct wsd_probe *probe,
			  const struct xaddr *source);
/* The same, as a document. */
void responder_scene_hear_text(struct responder_scene *scene, const char *text,
			       const struct xaddr *source);
/* A Probe for one segment, of which the first octet is NUMBER. */
void responder_scene_ask(struct responder_scene *scene, enum wsd_form form, uint8_t number,
			 const char *message_id, const struct xaddr *source);
/* Likewise, with a MessageID that was not used before. */
void responder_scene_ask_anew(struct responder_scene *scene, uint8_t number,
			      const struct xaddr *source);
/* What is parked at INDEX is found. */
void responder_scene_find(struct responder_scene *scene, unsigned index);
/* The clock goes on; what is due meanwhile is sent, each at its time. */
void responder_scene_pass(struct responder_scene *scene, int64_t ms);
struct responder_counters responder_scene_counters(const struct responder_scene *scene);

#endif
