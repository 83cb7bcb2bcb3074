/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/responder_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/wsd_scene.h"

/* ---- the outlet ---- */

static void look_up(void *owner, struct responder_lookup *lookup, const struct wsd_probe *probe)
{
	struct responder_scene *scene = owner;

	scene->looked_up++;
	assert_true(scene->parked_count < SCENE_PARKED_MAX);
	scene->parked[scene->parked_count] = lookup;
	scene->parked_probes[scene->parked_count++] = probe;
	if (!scene->slow)
		responder_scene_find(scene, scene->parked_count - 1);
}

static void send_answer(void *owner, const struct multicast_arrival *arrival,
			const struct xaddr *own, const void *datagram, size_t size)
{
	struct responder_scene *scene = owner;
	struct sent *sent;

	if (scene->sent_count++ >= SCENE_SENT_MAX)
		return;
	sent = &scene->sent[scene->sent_count - 1];
	*sent = (struct sent){scene->now_ms, *arrival, *own, size, malloc(size + 1)};
	assert_non_null(sent->text);
	memcpy(sent->text, datagram, size);
	sent->text[size] = '\0';
}

static unsigned announce(void *owner, enum wsd_form form, const struct multicast_arrival *arrival,
			 struct xaddr *own_out, struct xaddr announced_out[NEARBY_ANNOUNCED_MAX])
{
	struct responder_scene *scene = owner;

	assert_true(xaddr_is_host(&arrival->source));
	scene->announced_form = form;
	for (unsigned i = 0; i < scene->announced_count; i++)
		announced_out[i] = scene->announced[i];
	if (scene->announced_count > 0)
		*own_out = scene->own;
	return scene->announced_count;
}

static struct thinning counted(void *owner, const struct wsd_id *id)
{
	struct responder_scene *scene = owner;

	return scene->counted[id->octets[0]];
}

static void unserved(void *owner, const struct multicast_arrival *arrival, const struct wsd_id *id)
{
	struct responder_scene *scene = owner;

	scene->unserved[id->octets[0]]++;
	scene->unserved_by = arrival->source;
}

static uint32_t draw(void *owner)
{
	struct responder_scene *scene = owner;

	if (scene->word < scene->word_count)
		return scene->words[scene->word++];
	scene->state = scene->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(scene->state >> 32);
}

/* ---- life ---- */

void responder_scene_prepare(struct responder_scene *scene)
{
	*scene = (struct responder_scene){
		.options = {.outlet = {look_up, send_answer, announce, counted, unserved, draw,
				       scene},
			    .instance = UINT32_MAX,
			    .endpoint = SCENE_ENDPOINT,
			    .seed = 1},
		.now_ms = 1000000,
		.held[1] = {1, 1, 600000},
		.own = responder_scene_host(1),
		.announced[0] = responder_scene_host(1),
		.announced_count = 1,
	};
	scene->announced[0].port = 1337;
}

void responder_scene_begin(struct responder_scene *scene)
{
	assert_int_equal(responder_create(&scene->options, scene->now_ms, &scene->responder), 0);
}

void responder_scene_end(struct responder_scene *scene)
{
	responder_free(scene->responder);
	scene->responder = NULL;
	for (unsigned i = 0; i < scene->parked_count; i++)
		responder_scene_find(scene, i);
	for (unsigned i = 0; i < SCENE_SENT_MAX; i++)
		free(scene->sent[i].text);
}

/* ---- what happens ---- */

struct xaddr responder_scene_host(uint32_t number)
{
	uint32_t address = UINT32_C(0xc0000200) + number;
	struct xaddr host = {.family = XADDR_IPV4, .port = 40000};

	for (unsigned i = 0; i < 4; i++)
		host.octets[i] = (uint8_t)(address >> (24 - 8 * i));
	return host;
}

static void hear(struct responder_scene *scene, const void *datagram, size_t size,
		 const struct xaddr *source)
{
	struct multicast_arrival arrival = {.source = *source, .interface = {.index = 7}};
	struct wsd_message *message;

	assert_int_equal(wsd_read(datagram, size, &message), 0);
	responder_hears(scene->responder, &arrival, message, scene->now_ms);
	if (!scene->slow)
		scene->parked_count = 0;
}

void responder_scene_hear(struct responder_scene *scene, const struct wsd_probe *probe,
			  const struct xaddr *source)
{
	static char datagram[WSD_DATAGRAM_MAX];
	size_t size;

	assert_int_equal(wsd_write_probe(probe, datagram, sizeof(datagram), &size), 0);
	hear(scene, datagram, size, source);
}

void responder_scene_hear_text(struct responder_scene *scene, const char *text,
			       const struct xaddr *source)
{
	hear(scene, text, strlen(text), source);
}

void responder_scene_ask(struct responder_scene *scene, enum wsd_form form, uint8_t number,
			 const char *message_id, const struct xaddr *source)
{
	struct wsd_id id = {.size = 32, .octets = {number}};
	struct wsd_probe probe = {form, message_id, 1, &id};

	responder_scene_hear(scene, &probe, source);
}

void responder_scene_ask_anew(struct responder_scene *scene, uint8_t number,
			      const struct xaddr *source)
{
	static unsigned asked;
	char name[40];

	snprintf(name, sizeof(name), "urn:anew:%u", asked++);
	responder_scene_ask(scene, WSD_FORM_1, number, name, source);
}

void responder_scene_find(struct responder_scene *scene, unsigned index)
{
	const struct wsd_probe *probe = scene->parked_probes[index];
	struct responder_lookup *lookup = scene->parked[index];
	struct responder_holding holdings[WSD_SEGMENTS_MAX];

	if (lookup == NULL)
		return;
	for (unsigned i = 0; i < probe->count; i++)
		holdings[i] = scene->held[probe->ids[i].octets[0]];
	scene->parked[index] = NULL;
	responder_found(lookup, holdings, scene->now_ms);
}

void responder_scene_pass(struct responder_scene *scene, int64_t ms)
{
	int64_t until_ms = scene->now_ms + ms, next_ms;

	while ((next_ms = responder_tick(scene->responder, scene->now_ms)) <= until_ms) {
		assert_true(next_ms > scene->now_ms);
		scene->now_ms = next_ms;
	}
	scene->now_ms = until_ms;
}

struct responder_counters responder_scene_counters(const struct responder_scene *scene)
{
	struct responder_counters counters;

	responder_counters(scene->responder, &counters);
	return counters;
}
