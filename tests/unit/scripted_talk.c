/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/scripted_talk.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
	pthread_mutex_t lock;
	struct talk_answer answers[TALK_ANSWERS_MAX];
	unsigned answer_count, request_count;
	char requests[TALK_REQUESTS_MAX][8192];
} current = {.lock = PTHREAD_MUTEX_INITIALIZER};

void talk_begin(const struct talk_answer *answers, unsigned count)
{
	if (count == 0 || count > TALK_ANSWERS_MAX)
		abort();
	pthread_mutex_lock(&current.lock);
	memcpy(current.answers, answers, count * sizeof(*answers));
	current.answer_count = count;
	current.request_count = 0;
	pthread_mutex_unlock(&current.lock);
}

static struct talk_answer next_answer(const struct scripted_request *request)
{
	struct talk_answer answer;
	unsigned index;

	pthread_mutex_lock(&current.lock);
	index = current.request_count++;
	if (index < TALK_REQUESTS_MAX)
		strcpy(current.requests[index], request->head);
	answer = current.answers[index < current.answer_count ? index : current.answer_count - 1];
	pthread_mutex_unlock(&current.lock);
	return answer;
}

bool talk(struct scripted_request *request)
{
	const struct talk_answer answer = next_answer(request);
	size_t length = answer.length > 0 ? answer.length : strlen(answer.body);

	scripted_send(request, "%s\r\nConnection: close\r\n\r\n", answer.head);
	if (strcmp(request->method, "HEAD") != 0)
		scripted_send_octets(request, answer.body, length);
	return false;
}

unsigned talk_requests(void)
{
	unsigned count;

	pthread_mutex_lock(&current.lock);
	count = current.request_count;
	pthread_mutex_unlock(&current.lock);
	return count;
}

const char *talk_request(unsigned index)
{
	if (index >= TALK_REQUESTS_MAX || index >= talk_requests())
		abort();
	return current.requests[index];
}

bool talk_request_has(unsigned index, const char *line)
{
	char framed[512];

	snprintf(framed, sizeof(framed), "\r\n%s\r\n", line);
	return strstr(talk_request(index), framed) != NULL;
}
