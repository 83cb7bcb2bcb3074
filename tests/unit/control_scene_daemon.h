/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The daemon of tests/unit/control_scene.h.
 */
#ifndef TESTS_UNIT_CONTROL_SCENE_DAEMON_H
#define TESTS_UNIT_CONTROL_SCENE_DAEMON_H

#include <stdint.h>

/* Mounts at DIRECTORY, closes READY, and serves until it is killed. COUNTS: enum
 * control_scene_count. */
void control_scene_serve(const char *directory, volatile uint32_t *counts, int ready)
	__attribute__((noreturn));

#endif
