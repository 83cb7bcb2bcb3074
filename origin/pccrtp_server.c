/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The server's side: whether a request's headers ask for content information, and which.
 */
#include "origin/pccrtp.h"

#include <inttypes.h>
#include <stdio.h>

#include "origin/pccrtp_list.h"

struct extension {
	bool given;
	struct pccrtp_version least, most; /* 1.0 or 2.0 */
	bool hash_request;
};

static bool is_version(struct pccrtp_version version, uint32_t major, uint32_t minor)
{
	return version.major == major && version.minor == minor;
}

static bool is_there(const char *const *lines)
{
	return lines != NULL && lines[0] != NULL;
}

/* ---- Accept-Encoding ---- */

/* RFC 9110 section 12.4.2: "0" or "1", and up to three digits behind a point, which after 1 are
 * zeros. Whether it is more than 0; false also for what is no such number. */
static bool is_positive_quality(struct pccrtp_text text)
{
	bool positive = text.length > 0 && text.at[0] == '1';

	if (text.length < 1 || text.length > 5 || (text.at[0] != '0' && !positive))
		return false;
	if (text.length > 1 && text.at[1] != '.')
		return false;
	for (size_t i = 2; i < text.length; i++) {
		if (text.at[i] < '0' || text.at[i] > '9' ||
		    (text.at[0] == '1' && text.at[i] != '0'))
			return false;
		positive |= text.at[i] != '0';
	}
	return positive;
}

/* What stands behind the coding's name: nothing, or its quality. */
static bool is_wanted(struct pccrtp_text quality)
{
	struct pccrtp_text name, value;

	if (quality.at == NULL)
		return true;
	return pccrtp_text_cut(quality, '=', &name, &value) && pccrtp_text_is(name, "q") &&
	       is_positive_quality(value);
}

/* Named, and nowhere refused. */
static bool accepts_encoding(const char *const *lines)
{
	struct pccrtp_text item, coding, quality;
	struct pccrtp_list list;
	bool accepted = false;

	pccrtp_list_begin(lines, &list);
	while (pccrtp_list_next(&list, &item)) {
		pccrtp_text_cut(item, ';', &coding, &quality);
		if (!pccrtp_text_is(coding, PCCRTP_ENCODING))
			continue;
		if (!is_wanted(quality))
			return false;
		accepted = true;
	}
	return accepted;
}

/* ---- X-P2P-PeerDist ---- */

/* Steps 4 to 6. */
static bool read_protocol(const char *const *lines, unsigned *minor_out)
{
	struct pccrtp_parameter parameters[] = {{.name = "Version"},
						{.name = "MissingDataRequest"}};
	struct pccrtp_version version;

	if (!pccrtp_parameters_read(lines, parameters, 2) ||
	    !pccrtp_version_read(parameters[0].value, &version))
		return false;
	if (!is_version(version, 1, 0) && !is_version(version, 1, 1))
		return false;
	if (parameters[1].value.at != NULL && !pccrtp_text_is(parameters[1].value, "false"))
		return false;
	*minor_out = version.minor;
	return true;
}

/* ---- X-P2P-PeerDistEx ---- */

static bool is_range(const struct extension *extension)
{
	if (is_version(extension->least, 1, 0))
		return is_version(extension->most, 1, 0) || is_version(extension->most, 2, 0);
	/* asked so of Windows servers in the field, for version 2.0 and nothing else */
	return is_version(extension->least, 2, 0) && is_version(extension->most, 2, 0);
}

static bool read_extension(const char *const *lines, struct extension *extension)
{
	struct pccrtp_parameter parameters[] = {{.name = "MinContentInformation"},
						{.name = "MaxContentInformation"},
						{.name = "HashRequest"}};

	*extension = (struct extension){.given = is_there(lines), .least = {1, 0}, .most = {1, 0}};
	if (!extension->given)
		return true;
	if (!pccrtp_parameters_read(lines, parameters, 3) ||
	    !pccrtp_version_read(parameters[0].value, &extension->least) ||
	    !pccrtp_version_read(parameters[1].value, &extension->most))
		return false;
	extension->hash_request = pccrtp_text_is(parameters[2].value, "true");
	return is_range(extension);
}

/* ---- all of it ---- */

/* Step 7: the highest of OFFERED in the range, 0 if none; of a client of version 1.0 it is known
 * that it reads version 1 only. */
static unsigned choose_content(const struct extension *extension, unsigned minor, unsigned offered)
{
	if (minor >= 1 && extension->most.major == 2 && offered & PCCRTP_CONTENT_2)
		return 2;
	return extension->least.major == 1 && offered & PCCRTP_CONTENT_1 ? 1 : 0;
}

void pccrtp_request_read(const struct pccrtp_fields *fields, unsigned offered,
			 struct pccrtp_request *request_out)
{
	struct extension extension;
	unsigned minor, content;

	*request_out = (struct pccrtp_request){0};
	if (!read_protocol(fields->peerdist, &minor) ||
	    !read_extension(fields->peerdist_ex, &extension))
		return;
	if (is_there(fields->accept_encoding) ? !accepts_encoding(fields->accept_encoding)
					      : !extension.hash_request)
		return;
	content = choose_content(&extension, minor, offered);
	if (content == 0)
		return;
	*request_out = (struct pccrtp_request){.welcome = true,
					       .later = minor >= 1,
					       .hash_request = extension.hash_request,
					       .content_version = content,
					       .protocol_minor = minor};
}

void pccrtp_answer_write(const struct pccrtp_request *request, uint64_t length,
			 char field_out[PCCRTP_FIELD_MAX])
{
	snprintf(field_out, PCCRTP_FIELD_MAX, "Version=1.%u, ContentLength=%" PRIu64,
		 request->protocol_minor, length);
}
