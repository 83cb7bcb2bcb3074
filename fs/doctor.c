/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/doctor.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>

#include "fs/numbers.h"

#define TEXT_MAX 1024

struct doctor {
	FILE *stream;
	json_t *findings;
	unsigned wrong;
};

static const char *const verdicts[] = {
	[DOCTOR_FINE] = "ok",
	[DOCTOR_NOTE] = "note",
	[DOCTOR_WRONG] = "wrong",
};

int doctor_create(FILE *stream, struct doctor **doctor_out)
{
	struct doctor *doctor = calloc(1, sizeof(*doctor));

	if (!doctor)
		return -ENOMEM;
	doctor->stream = stream;
	doctor->findings = json_array();
	*doctor_out = doctor;
	return 0;
}

void doctor_free(struct doctor *doctor)
{
	if (doctor)
		json_decref(doctor->findings);
	free(doctor);
}

void doctor_find(struct doctor *doctor, enum doctor_verdict verdict, const char *check,
		 const char *format, ...)
{
	char text[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	doctor->wrong += verdict == DOCTOR_WRONG;
	json_array_append_new(doctor->findings,
			      json_pack("{s:s, s:s, s:o, s:n}", "check", check, "verdict",
					verdicts[verdict], "text", numbers_string(text), "mend"));
	if (!doctor->stream)
		return;
	fprintf(doctor->stream, "%-5s  %s: %s\n", verdicts[verdict], check, text);
	fflush(doctor->stream);
}

void doctor_mend(struct doctor *doctor, const char *format, ...)
{
	size_t count = json_array_size(doctor->findings);
	char text[TEXT_MAX];
	va_list arguments;

	if (count == 0)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_object_set_new(json_array_get(doctor->findings, count - 1), "mend",
			    numbers_string(text));
	if (!doctor->stream)
		return;
	fprintf(doctor->stream, "       -> %s\n", text);
	fflush(doctor->stream);
}

unsigned doctor_wrong(const struct doctor *doctor)
{
	return doctor->wrong;
}

int doctor_json(const struct doctor *doctor, FILE *stream)
{
	json_t *report =
		json_pack("{s:O, s:i}", "findings", doctor->findings, "wrong", (int)doctor->wrong);
	int failed = !report || json_dumpf(report, stream, JSON_INDENT(2));

	json_decref(report);
	return failed || fputc('\n', stream) == EOF ? -EIO : 0;
}
