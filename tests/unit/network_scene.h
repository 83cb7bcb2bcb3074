/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A network namespace for a test, and a second one for the machine at the other end of its links.
 * The calling thread, and threads that it makes, are in the first one:
 *
 *      near                 far
 *      v0 ------ veth ------ v0        one for each network_scene_link()
 *
 * IPv6 addresses are only those that are given.
 */
#ifndef TESTS_UNIT_NETWORK_SCENE_H
#define TESTS_UNIT_NETWORK_SCENE_H

/* Seconds after which a test that waits in vain fails. */
#define NETWORK_PATIENCE 60

/* First in a test, which is skipped where the machine does not permit it. */
void network_scene_begin(void);
/* Its teardown. */
int network_scene_end(void **state);

/* `ip WORDS`, which must work; in the far namespace. */
void network_scene_ip(const char *format, ...) __attribute__((format(printf, 1, 2)));
void network_scene_far_ip(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Sets /proc/sys/net/NAME. */
void network_scene_set(const char *name, const char *value);

/* Both ends of that name, up. */
void network_scene_link(const char *name);
/* Adds IPv6 addresses to both ends of v0 and waits until they can be reached, which is a moment
 * after the kernel says that they are there. */
void network_scene_add_six(const char *near_address, const char *far_address);
/* Sockets that are made between these belong to the far machine. */
void network_scene_enter_far(void);
void network_scene_leave_far(void);

#endif
