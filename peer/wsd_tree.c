/* SPDX-License-Identifier: BSD-2-Clause
 *
 * XML in, tree out: see the header. All texts lie in one pool as long as the datagram: what XML
 * makes of a piece of text is never longer than what stood there, and the markup round it is more
 * than a NUL.
 */
#include "peer/wsd_tree.h"

#include <errno.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "peer/wsd.h"
#include "peer/wsd_literals.h"

#define SEPARATOR '|' /* no URI has it, so no name can be made to look like another */
#define NAMED(namespace, name) namespace "|" name

static const struct {
	const char *name;
	enum wsd_name meaning;
} names[] = {
	{NAMED(SOAP_NAMESPACE, "Envelope"), WSD_ENVELOPE},
	{NAMED(SOAP_NAMESPACE, "Header"), WSD_HEADER},
	{NAMED(SOAP_NAMESPACE, "Body"), WSD_BODY},
	{NAMED(ADDRESSING_NAMESPACE, "To"), WSD_TO},
	{NAMED(ADDRESSING_NAMESPACE, "Action"), WSD_ACTION},
	{NAMED(ADDRESSING_NAMESPACE, "MessageID"), WSD_MESSAGE_ID},
	{NAMED(ADDRESSING_NAMESPACE, "RelatesTo"), WSD_RELATES_TO},
	{NAMED(ADDRESSING_NAMESPACE, "EndpointReference"), WSD_ENDPOINT_REFERENCE},
	{NAMED(ADDRESSING_NAMESPACE, "Address"), WSD_ADDRESS},
	{NAMED(ADDRESSING_NAMESPACE, "AppSequence"), WSD_APP_SEQUENCE},
	{NAMED(DISCOVERY_NAMESPACE, "AppSequence"), WSD_APP_SEQUENCE},
	{NAMED(DISCOVERY_NAMESPACE, "Probe"), WSD_PROBE_ELEMENT},
	{NAMED(DISCOVERY_NAMESPACE, "ProbeMatches"), WSD_PROBE_MATCHES},
	{NAMED(DISCOVERY_NAMESPACE, "ProbeMatch"), WSD_PROBE_MATCH},
	{NAMED(DISCOVERY_NAMESPACE, "Types"), WSD_TYPES},
	{NAMED(DISCOVERY_NAMESPACE, "Scopes"), WSD_SCOPES},
	{NAMED(DISCOVERY_NAMESPACE, "XAddrs"), WSD_XADDRS},
	{NAMED(PEERDIST_NAMESPACE, TYPE_1), WSD_PEERDIST_DATA},
	{NAMED(PEERDIST_NAMESPACE, TYPE_2), WSD_PEERDIST_DATA},
	{NAMED(PEERDIST_NAMESPACE, "BlockCount"), WSD_BLOCK_COUNT},
	{NAMED(PEERDIST_NAMESPACE, "SegmentAges"), WSD_SEGMENT_AGES},
};
#define NAMES (sizeof(names) / sizeof(*names))

static const char *const attribute_names[WSD_ATTRIBUTES] = {
	[WSD_MATCH_BY] = "MatchBy",
	[WSD_INSTANCE_ID] = "InstanceId",
	[WSD_MESSAGE_NUMBER] = "MessageNumber",
};

/* Declarations in scope hang together, the latest first; one that ends stays where it is, for the
 * elements that stood in it. */
struct prefix {
	const char *name; /* "": the default namespace */
	bool peerdist;    /* stands for its namespace */
	int outer;        /* the declaration before it; -1: none */
};

struct wsd_tree {
	unsigned elements, prefixes;
	size_t pooled, room;
	struct wsd_element element[WSD_TREE_ELEMENTS_MAX];
	struct prefix prefix[WSD_TREE_PREFIXES_MAX];
	char pool[];
};

struct reading {
	XML_Parser parser;
	struct wsd_tree *tree;
	int error;
	int current; /* element; -1: none */
	int scope;   /* declaration; -1: none */
	unsigned depth;
	unsigned declared; /* since the last start of an element */
};

static void stop(struct reading *reading)
{
	reading->error = -EBADMSG;
	XML_StopParser(reading->parser, XML_FALSE);
}

/* ---- texts ---- */

static bool is_space(char character)
{
	return character == ' ' || character == '\t' || character == '\r' || character == '\n';
}

static void pool(struct reading *reading, const char *text, size_t length)
{
	struct wsd_tree *tree = reading->tree;

	if (length > tree->room - tree->pooled) {
		stop(reading);
		return;
	}
	memcpy(tree->pool + tree->pooled, text, length);
	tree->pooled += length;
}

/* Ends the text that began at START, and gives it without white space round it. */
static const char *pool_end(struct reading *reading, const char *start, size_t *length_out)
{
	struct wsd_tree *tree = reading->tree;
	const char *end = tree->pool + tree->pooled;

	pool(reading, "", 1);
	while (start < end && is_space(*start))
		start++;
	while (end > start && is_space(end[-1]))
		end--;
	tree->pool[end - tree->pool] = '\0';
	*length_out = (size_t)(end - start);
	return start;
}

static const char *pool_text(struct reading *reading, const char *text)
{
	const char *start = reading->tree->pool + reading->tree->pooled;
	size_t length;

	pool(reading, text, strlen(text));
	return reading->error ? "" : pool_end(reading, start, &length);
}

/* ---- what expat finds ---- */

static enum wsd_name meaning_of(const char *name)
{
	for (size_t i = 0; i < NAMES; i++)
		if (strcmp(name, names[i].name) == 0)
			return names[i].meaning;
	return WSD_OTHER;
}

static void keep_attribute(struct reading *reading, struct wsd_element *element, const char *name,
			   const char *value)
{
	for (unsigned i = 0; i < WSD_ATTRIBUTES && reading->error == 0; i++)
		if (strcmp(name, attribute_names[i]) == 0)
			element->attributes[i] = pool_text(reading, value);
}

static void start_element(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *reading = context;
	struct wsd_tree *tree = reading->tree;
	struct wsd_element *element = &tree->element[tree->elements];
	unsigned count = reading->declared;

	if (reading->error != 0)
		return;
	reading->declared = 0;
	for (unsigned i = 0; attributes[i] != NULL; i += 2)
		count++;
	if (tree->elements == WSD_TREE_ELEMENTS_MAX || ++reading->depth > WSD_TREE_DEPTH_MAX ||
	    count > WSD_TREE_ATTRIBUTES_MAX) {
		stop(reading);
		return;
	}
	if (reading->current >= 0)
		tree->element[reading->current].parent = true;
	*element = (struct wsd_element){.name = meaning_of(name),
					.text = "",
					.inside = reading->current,
					.prefixes = reading->scope};
	reading->current = (int)tree->elements++;
	for (; *attributes != NULL; attributes += 2)
		keep_attribute(reading, element, attributes[0], attributes[1]);
	element->text = tree->pool + tree->pooled;
}

static void end_element(void *context, const XML_Char *name)
{
	struct reading *reading = context;
	struct wsd_element *element;

	(void)name;
	if (reading->error != 0)
		return;
	element = &reading->tree->element[reading->current];
	if (element->parent)
		element->text = "";
	else
		element->text = pool_end(reading, element->text, &element->length);
	reading->current = element->inside;
	reading->depth--;
}

/* Text between the elements of a parent is dropped; what came before the first of them lies in the
 * pool, unused. */
static void characters(void *context, const XML_Char *text, int length)
{
	struct reading *reading = context;

	if (reading->error == 0 && reading->current >= 0 &&
	    !reading->tree->element[reading->current].parent)
		pool(reading, text, (size_t)length);
}

static void start_prefix(void *context, const XML_Char *name, const XML_Char *uri)
{
	struct reading *reading = context;
	struct wsd_tree *tree = reading->tree;

	if (reading->error != 0)
		return;
	if (tree->prefixes == WSD_TREE_PREFIXES_MAX) {
		stop(reading);
		return;
	}
	tree->prefix[tree->prefixes] = (struct prefix){
		.name = pool_text(reading, name != NULL ? name : ""),
		.peerdist = uri != NULL && strcmp(uri, PEERDIST_NAMESPACE) == 0,
		.outer = reading->scope,
	};
	reading->scope = (int)tree->prefixes++;
	reading->declared++;
}

static void end_prefix(void *context, const XML_Char *name)
{
	struct reading *reading = context;

	(void)name;
	if (reading->error == 0)
		reading->scope = reading->tree->prefix[reading->scope].outer;
}

static void refuse_doctype(void *context, const XML_Char *name, const XML_Char *system_id,
			   const XML_Char *public_id, int has_internal_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_internal_subset;
	stop(context);
}

static void check_declaration(void *context, const XML_Char *version, const XML_Char *encoding,
			      int standalone)
{
	(void)version;
	(void)standalone;
	if (encoding != NULL && strcasecmp(encoding, "utf-8") != 0 &&
	    strcasecmp(encoding, "us-ascii") != 0)
		stop(context);
}

static int parse(struct reading *reading, const void *datagram, size_t size)
{
	enum XML_Status status;

	XML_SetUserData(reading->parser, reading);
	XML_SetElementHandler(reading->parser, start_element, end_element);
	XML_SetNamespaceDeclHandler(reading->parser, start_prefix, end_prefix);
	XML_SetCharacterDataHandler(reading->parser, characters);
	XML_SetStartDoctypeDeclHandler(reading->parser, refuse_doctype);
	XML_SetXmlDeclHandler(reading->parser, check_declaration);
	status = XML_Parse(reading->parser, datagram, (int)size, XML_TRUE);
	if (reading->error != 0)
		return reading->error;
	if (status == XML_STATUS_OK)
		return 0;
	return XML_GetErrorCode(reading->parser) == XML_ERROR_NO_MEMORY ? -ENOMEM : -EBADMSG;
}

int wsd_tree_read(const void *datagram, size_t size, struct wsd_tree **tree_out)
{
	struct reading reading = {.current = -1, .scope = -1};
	int error = -ENOMEM;

	/* No markup without a NUL in UTF-16 and UTF-32, which expat would find out by itself. */
	if (size == 0 || size > WSD_DATAGRAM_MAX || memchr(datagram, '\0', size) != NULL)
		return -EBADMSG;
	reading.tree = malloc(sizeof(*reading.tree) + size);
	reading.parser = XML_ParserCreateNS(NULL, SEPARATOR);
	if (reading.tree != NULL && reading.parser != NULL) {
		reading.tree->elements = reading.tree->prefixes = 0;
		reading.tree->pooled = 0;
		reading.tree->room = size;
		error = parse(&reading, datagram, size);
	}
	if (reading.parser != NULL)
		XML_ParserFree(reading.parser);
	if (error != 0)
		free(reading.tree);
	else
		*tree_out = reading.tree;
	return error;
}

void wsd_tree_free(struct wsd_tree *tree)
{
	free(tree);
}

/* ---- asking ---- */

const struct wsd_element *wsd_tree_at(const struct wsd_tree *tree, int index)
{
	return &tree->element[index];
}

int wsd_tree_next(const struct wsd_tree *tree, int parent, enum wsd_name name, int from)
{
	for (int i = from; i < (int)tree->elements; i++)
		if (tree->element[i].inside == parent && tree->element[i].name == name)
			return i;
	return WSD_NONE;
}

int wsd_tree_only(const struct wsd_tree *tree, int parent, enum wsd_name name)
{
	int found = wsd_tree_next(tree, parent, name, 0);

	if (found >= 0 && wsd_tree_next(tree, parent, name, found + 1) >= 0)
		return WSD_SEVERAL;
	return found;
}

int wsd_tree_only_child(const struct wsd_tree *tree, int parent)
{
	int found = WSD_NONE;

	for (int i = parent + 1; i < (int)tree->elements; i++) {
		if (tree->element[i].inside != parent)
			continue;
		if (found >= 0)
			return WSD_SEVERAL;
		found = i;
	}
	return found;
}

bool wsd_tree_word(const char **text, const char **word_out, size_t *length_out)
{
	const char *start = *text, *end;

	while (is_space(*start))
		start++;
	for (end = start; *end != '\0' && !is_space(*end);)
		end++;
	*text = end;
	*word_out = start;
	*length_out = (size_t)(end - start);
	return end > start;
}

/* The declaration of a prefix that an element sees, or NULL. */
static const struct prefix *find_prefix(const struct wsd_tree *tree, int scope, const char *name,
					size_t length)
{
	for (; scope >= 0; scope = tree->prefix[scope].outer) {
		const struct prefix *prefix = &tree->prefix[scope];

		if (strlen(prefix->name) == length && memcmp(prefix->name, name, length) == 0)
			return prefix;
	}
	return NULL;
}

static int add_type(const struct wsd_tree *tree, int scope, const char *word, size_t length,
		    struct wsd_types *types)
{
	const char *colon = memchr(word, ':', length), *name = colon != NULL ? colon + 1 : word;
	size_t prefix_length = colon != NULL ? (size_t)(colon - word) : 0;
	size_t name_length = length - (size_t)(name - word);
	const struct prefix *prefix = find_prefix(tree, scope, word, prefix_length);

	if (name_length == 0 || memchr(name, ':', name_length) != NULL ||
	    (colon != NULL && (prefix_length == 0 || prefix == NULL)))
		return -EBADMSG;
	if (prefix == NULL || !prefix->peerdist)
		types->others++;
	else if (name_length == strlen(TYPE_1) && memcmp(name, TYPE_1, name_length) == 0)
		types->first++;
	else if (name_length == strlen(TYPE_2) && memcmp(name, TYPE_2, name_length) == 0)
		types->second++;
	else
		types->others++;
	return 0;
}

int wsd_tree_types(const struct wsd_tree *tree, int index, struct wsd_types *types_out)
{
	const struct wsd_element *element = &tree->element[index];
	const char *text = element->text, *word;
	struct wsd_types types = {0};
	size_t length;

	for (unsigned count = 0; wsd_tree_word(&text, &word, &length); count++)
		if (count == WSD_TREE_TYPES_MAX ||
		    add_type(tree, element->prefixes, word, length, &types) != 0)
			return -EBADMSG;
	*types_out = types;
	return 0;
}
