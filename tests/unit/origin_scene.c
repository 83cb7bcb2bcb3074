/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/origin_scene.h"

#include <stdio.h>
#include <string.h>

void scene_open_with(struct scene *scene, scripted_answer *answer, unsigned timeout,
		     struct origin_options options, const char *path)
{
	char url[100];

	scene->server = scripted_start(answer, scene);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", scripted_port(scene->server), path);
	options.url = url;
	options.connections = options.connections > 0 ? options.connections : 4;
	options.timeout = timeout;
	rig_open(&scene->rig, &options);
	outcome_init(&scene->outcome);
}

void scene_open(struct scene *scene, scripted_answer *answer)
{
	scene_open_with(scene, answer, 20, (struct origin_options){0}, "/");
}

void scene_close(struct scene *scene)
{
	rig_close(&scene->rig);
	scripted_stop(scene->server);
	outcome_clear(&scene->outcome);
}

void scene_next(struct scene *scene)
{
	outcome_clear(&scene->outcome);
	outcome_init(&scene->outcome);
}

int scene_read_all(struct scene *scene)
{
	return outcome_read(&scene->outcome, &scene->rig, "f", "", 0, 0);
}

bool scene_method(const struct scripted_request *request, const char *method)
{
	return strcmp(request->method, method) == 0;
}

/* An scene_honest server of CONTENT. */
bool scene_honest(struct scripted_request *request)
{
	const char *range = scripted_header(request, "Range");
	unsigned first = 0, last = 9;

	if (range != NULL && sscanf(range, "bytes=%u-%u", &first, &last) >= 1) {
		if (last > 9)
			last = 9;
		scripted_send(
			request,
			"HTTP/1.1 206 Partial Content\r\nETag: \"e\"\r\nContent-Length: %u\r\n"
			"Content-Range: bytes %u-%u/10\r\n\r\n%.*s",
			last - first + 1, first, last, (int)(last - first + 1), &CONTENT[first]);
		return true;
	}
	scripted_send(request,
		      "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nLast-Modified: " OLD "\r\nDate: " NOW
		      "\r\nContent-Length: 10\r\n\r\n%s",
		      scene_method(request, "HEAD") ? "" : CONTENT);
	return true;
}
