/* SPDX-License-Identifier: BSD-2-Clause
 *
 * For Windows' sources, where the case of a file's name does not matter.
 */
#include <peerdist.h>
