/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What programs with a poll() loop of their own wait for.
 */
#include <errno.h>

#include "fs/api/library.h"

PUBLIC int PeerDistLinuxGetDescriptor(HANDLE hObject)
{
	struct object *object = handle_find(hObject, OBJECT_EVENT | OBJECT_PORT);
	int descriptor;

	if (!object) {
		SetLastError(ERROR_INVALID_HANDLE);
		return -1;
	}
	descriptor =
		object->kind == OBJECT_EVENT ? event_descriptor(object) : port_descriptor(object);
	object_release(object);
	if (descriptor >= 0)
		return descriptor;
	SetLastError(descriptor == -ENOMEM ? ERROR_NOT_ENOUGH_MEMORY : ERROR_NO_SYSTEM_RESOURCES);
	return -1;
}
