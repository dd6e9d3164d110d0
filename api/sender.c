/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sender.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define USER_TEXT_SIZE 2048u /* of an entry of the users' database */

static void name_user(struct actor *actor)
{
	struct passwd entry, *found = NULL;
	char text[USER_TEXT_SIZE];
	if (getpwuid_r(actor->uid, &entry, text, sizeof(text), &found) == 0 && found != NULL)
		snprintf(actor->user, sizeof(actor->user), "%s", found->pw_name);
}

static void name_peer(int fd, struct actor *actor)
{
	struct ucred peer;
	socklen_t length = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
		return;
	actor->uid = peer.uid;
	actor->pid = peer.pid;
	name_user(actor);
}

void sender_name(struct MHD_Connection *connection, const char *token, struct actor *ret)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage storage;
	} peer = {0};
	socklen_t length = sizeof(peer);
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	*ret = (struct actor){.uid = AUDIT_WHO_UNKNOWN_USER};
	snprintf(ret->token, sizeof(ret->token), "%s", token != NULL ? token : "");
	if (info == NULL || getpeername(info->connect_fd, &peer.any, &length) < 0)
		return;
	if (peer.any.sa_family == AF_UNIX)
		name_peer(info->connect_fd, ret);
	else if (peer.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &peer.v4.sin_addr, ret->address, sizeof(ret->address));
	else if (peer.any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &peer.v6.sin6_addr, ret->address, sizeof(ret->address));
}
