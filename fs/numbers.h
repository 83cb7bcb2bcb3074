/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The numbers that a process tells of itself, in both forms: JSON for `status`, Prometheus text for
 * `metrics`. One list says where each is and what it means, so that neither form has what the other
 * lacks.
 */
#ifndef FS_NUMBERS_H
#define FS_NUMBERS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Where it is in the JSON: object, object in it, member; those that are missing "". And which
 * metric it is, whose label, if not NULL, has the value of the second part, or of the third where
 * there is no second. A metric's rows stand together. A list ends with metric NULL. */
struct number {
	const char *path[3], *metric, *label, *help;
	size_t field; /* where its uint64_t is in a struct of them */
};

/* Rows. FIELD is one of `struct numbers`, as each file with a list calls its own. */
#define NUMBER(object, name, metric, help, field)                                                  \
	{                                                                                          \
		{object, "", name}, metric, NULL, help, offsetof(struct numbers, field)            \
	}
#define NUMBER_LABELLED(object, name, metric, label, help, field)                                  \
	{                                                                                          \
		{object, "", name}, metric, label, help, offsetof(struct numbers, field)           \
	}
#define NUMBER_OF_ERRORS(kind, field)                                                              \
	NUMBER_LABELLED("errors", kind, "errors_total", "kind", "Errors, by kind.", field)
#define NUMBERS_END                                                                                \
	{                                                                                          \
		{NULL, NULL, NULL}, NULL, NULL, NULL, 0                                            \
	}

/* VALUES: that struct. */
void numbers_put(json_t *status, const struct number *list, const void *values);
/* Prefix peerdist_; what ends in _total is a counter. 0 or a negative errno, as all that make a
 * text; it is for free(). */
int numbers_print(const struct number *list, const void *values, char **text_out,
		  size_t *length_out);

/* The text of a `status`, which is freed, also on failure. */
int numbers_status(json_t *status, char **text_out, size_t *length_out);
/* Of a STRING that strangers may have chosen, so that it need not be UTF-8. */
json_t *numbers_string(const char *string);

#endif
