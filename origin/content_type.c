/* SPDX-License-Identifier: BSD-2-Clause */
#include "origin/content_type.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* Plain text is called UTF-8, as nothing in it can say so. HTML and XML name theirs themselves,
 * and the header would overrule them. */
#define UTF8 "; charset=utf-8"

static const struct {
	const char *ending, *type;
} types[] = {
	{"txt", "text/plain" UTF8},
	{"log", "text/plain" UTF8},
	{"conf", "text/plain" UTF8},
	{"md", "text/markdown" UTF8},
	{"csv", "text/csv" UTF8},
	{"css", "text/css" UTF8},
	{"js", "text/javascript" UTF8},
	{"mjs", "text/javascript" UTF8},
	{"html", "text/html"},
	{"htm", "text/html"},
	{"xhtml", "application/xhtml+xml"},
	{"xml", "application/xml"},
	{"json", "application/json"},
	{"pdf", "application/pdf"},
	{"ps", "application/postscript"},
	{"rtf", "application/rtf"},
	{"wasm", "application/wasm"},
	{"zip", "application/zip"},
	{"gz", "application/gzip"},
	{"tgz", "application/gzip"},
	{"bz2", "application/x-bzip2"},
	{"xz", "application/x-xz"},
	{"zst", "application/zstd"},
	{"7z", "application/x-7z-compressed"},
	{"tar", "application/x-tar"},
	{"deb", "application/vnd.debian.binary-package"},
	{"rpm", "application/x-rpm"},
	{"iso", "application/x-iso9660-image"},
	{"cab", "application/vnd.ms-cab-compressed"},
	{"msi", "application/x-msi"},
	{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
	{"odt", "application/vnd.oasis.opendocument.text"},
	{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
	{"epub", "application/epub+zip"},
	{"png", "image/png"},
	{"jpg", "image/jpeg"},
	{"jpeg", "image/jpeg"},
	{"gif", "image/gif"},
	{"webp", "image/webp"},
	{"avif", "image/avif"},
	{"svg", "image/svg+xml"},
	{"ico", "image/x-icon"},
	{"bmp", "image/bmp"},
	{"tif", "image/tiff"},
	{"tiff", "image/tiff"},
	{"mp3", "audio/mpeg"},
	{"m4a", "audio/mp4"},
	{"ogg", "audio/ogg"},
	{"opus", "audio/ogg"},
	{"oga", "audio/ogg"},
	{"flac", "audio/flac"},
	{"wav", "audio/wav"},
	{"mp4", "video/mp4"},
	{"m4v", "video/mp4"},
	{"webm", "video/webm"},
	{"mkv", "video/x-matroska"},
	{"mov", "video/quicktime"},
	{"mpg", "video/mpeg"},
	{"mpeg", "video/mpeg"},
	{"avi", "video/x-msvideo"},
	{"ogv", "video/ogg"},
	{"woff", "font/woff"},
	{"woff2", "font/woff2"},
	{"ttf", "font/ttf"},
	{"otf", "font/otf"},
};

const char *content_type(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *dot = strrchr(slash != NULL ? slash + 1 : name, '.');

	for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(dot + 1, types[i].ending) == 0)
			return types[i].type;
	return "application/octet-stream";
}
