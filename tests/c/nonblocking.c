/* With O_NONBLOCK, calls that would wait for a registrar or a pool element return at once, and go on. */
#include "check.h"

#include <fcntl.h>
#include <poll.h>

static void make_nonblocking(int sd)
{
   REQUIRE(fcntl(sd, F_SETFL, O_NONBLOCK) == 0);
}

static int option(int sd, int name)
{
   int       value  = -1;
   socklen_t length = sizeof(value);
   CHECK(rsp_getsockopt(sd, SOL_RSERPOOL, name, &value, &length) == 0 && length == sizeof(value));
   return value;
}

/* The way that the manual shows: writable means that the search has ended. */
static int ended(int sd)
{
   struct pollfd entry = {.fd = sd, .events = POLLOUT};
   CHECK(rsp_poll(&entry, 1, 30000) == 1);
   return option(sd, RSERPOOL_SESSION_ERROR);
}

static void registered(int sd)
{
   for(int i = 0; i < 3000 && option(sd, RSERPOOL_REGISTRATION_ERROR) == EINPROGRESS; i++) {
      poll(NULL, 0, 10);
   }
   CHECK(option(sd, RSERPOOL_REGISTRATION_ERROR) == 0);
}

/* A socket that accepts sessions is told of its registration by an event of its own. */
static void told_of_registration(void)
{
   const int                   on     = 1;
   const int                   server = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   union rserpool_notification news;
   int                         flags = 0;
   REQUIRE(server >= 0);
   CHECK(rsp_setsockopt(server, SOL_RSERPOOL, RSERPOOL_REGISTRATION_EVENT, &on, sizeof(on)) == 0);
   CHECK(rsp_register(server, HANDLE("told"), NULL, 30000, REGF_DONTWAIT) == 0);
   struct pollfd entry = {.fd = server, .events = POLLIN | POLLPRI};
   CHECK(rsp_poll(&entry, 1, 30000) == 1 && entry.revents == POLLPRI);
   CHECK(rsp_recvmsg(server, &news, sizeof(news), NULL, &flags, 0) == sizeof(news));
   CHECK(flags & MSG_RSERPOOL_NOTIFICATION);
   CHECK(news.rn_header.rn_type == RSERPOOL_REGISTRATION_CHANGE && news.rn_header.rn_length == sizeof(news));
   CHECK(news.rn_registration_change.rrc_error == 0 && news.rn_registration_change.rrc_identifier != 0);
   FAILS(rsp_recvmsg(server, &news, sizeof(news), NULL, &flags, 30000), ENOTCONN);
   CHECK(rsp_close(server) == 0);
}

int main(int argc, char** argv)
{
   start(argc, argv);
   told_of_registration();
   struct TagItem none[] = {{TAG_DONE, 0}};

   const int server = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(server >= 0);
   make_nonblocking(server);
   CHECK(option(server, RSERPOOL_REGISTRATION_ERROR) == ENOENT);
   FAILS(rsp_register(server, HANDLE("nonblocking"), NULL, 30000, 0), EINPROGRESS);
   registered(server);
   FAILS(rsp_deregister(server, 0), EINPROGRESS);
   FAILS(rsp_register_tags(server, HANDLE("nonblocking"), NULL, 30000, 0, none), EINPROGRESS);
   registered(server);

   const int client = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   const int other  = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(client >= 0 && other >= 0);
   make_nonblocking(client);
   make_nonblocking(other);
   CHECK(option(client, RSERPOOL_SESSION_ERROR) == ENOTCONN);
   FAILS(rsp_connect(client, HANDLE("nonblocking"), 0), EINPROGRESS);
   FAILS(rsp_connect_tags(other, HANDLE("nonblocking"), 0, none), EINPROGRESS);
   CHECK(ended(client) == 0);
   CHECK(ended(other) == 0);
   FAILS(rsp_forcefailover(client, 0, 0), EINPROGRESS);
   FAILS(rsp_forcefailover_tags(other, 0, 0, none), EINPROGRESS);
   CHECK(ended(client) == 0);
   CHECK(ended(other) == 0);

   FAILS(rsp_deregister_tags(server, 0, none), EINPROGRESS);
   CHECK(rsp_close(client) == 0);
   CHECK(rsp_close(other) == 0);
   CHECK(rsp_close(server) == 0);
   rsp_cleanup();
   return finish("nonblocking");
}
