/* SPDX-License-Identifier: BSD-2-Clause
 *
 *	crowd INFORMATION
 *
 * Says whether other machines nearby are after the same content just now, "crowd" or "no crowd": if
 * so, what is missing here may soon be had of them, and a program that is in no hurry may wait for
 * that instead of asking the origin.
 */
#include "example.h"

#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words)
{
	static const PEERDIST_CONTENT_TAG tag = {{'c', 'r', 'o', 'w', 'd'}};
	PEERDIST_INSTANCE_HANDLE instance;
	PEERDIST_CONTENT_HANDLE content;
	PEERDIST_CLIENT_BASIC_INFO info;
	OVERLAPPED overlapped;
	DWORD size, ignored, code;
	BYTE *information;

	if (count != 2) {
		fprintf(stderr, "usage: crowd INFORMATION\n");
		return 2;
	}
	information = read_file(words[1], &size);
	instance = start_service();
	prepare(&overlapped);
	code = PeerDistClientOpenContent(instance, &tag, NULL, 0, &content);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistClientOpenContent", code);
	code = PeerDistClientAddContentInformation(instance, content, size, information,
						   &overlapped);
	code = finish(code, &overlapped, &ignored);
	if (code == ERROR_SUCCESS) {
		code = PeerDistClientCompleteContentInformation(instance, content, &overlapped);
		code = finish(code, &overlapped, &ignored);
	}
	if (code != ERROR_SUCCESS)
		give_up("the content information", code);
	code = PeerDistClientGetInformationByHandle(instance, content, PeerDistClientBasicInfo,
						    sizeof(info), &info);
	if (code != ERROR_SUCCESS)
		give_up("PeerDistClientGetInformationByHandle", code);
	puts(info.fFlashCrowd ? "crowd" : "no crowd");
	PeerDistClientCloseContent(instance, content);
	PeerDistShutdown(instance);
	release(&overlapped);
	free(information);
	return 0;
}
