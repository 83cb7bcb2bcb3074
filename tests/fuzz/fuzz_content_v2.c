/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The reader of content information of version 2.0.
 */
#define FUZZED_VERSION 2
#include "tests/fuzz/content_reading.h"
