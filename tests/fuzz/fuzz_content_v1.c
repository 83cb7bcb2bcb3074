/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The reader of content information of version 1.0.
 */
#define FUZZED_VERSION 1
#include "tests/fuzz/content_reading.h"
