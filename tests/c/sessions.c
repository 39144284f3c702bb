/* Sessions from both ends in one process: both kinds of servers, cookies, failover, descriptors under poll and epoll. */
#include "check.h"

#include <arpa/inet.h>
#include <linux/sctp.h>
#include <sys/epoll.h>

#define PPID htonl(0x4711)
#ifndef SCTP_EOF /* where <netinet/sctp.h> was not included */
#define SCTP_EOF MSG_FIN
#endif

static int open_server(int type, const char* pool, uint32_t identifier)
{
   struct TagItem tags[] = {{TAG_PoolElement_Identifier, identifier}, {TAG_DONE, 0}};
   const int      sd     = rsp_socket(0, type, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   REQUIRE(rsp_listen(sd, 4) == 0);
   REQUIRE(rsp_register_tags(sd, HANDLE(pool), NULL, 30000, 0, tags) == 0);
   return sd;
}

static int open_client(const char* pool, int automatic)
{
   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   REQUIRE(rsp_setsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &automatic, sizeof(automatic)) == 0);
   REQUIRE(rsp_connect(sd, HANDLE(pool), 0) == 0);
   return sd;
}

static int readable(int sd, int timeout_ms)
{
   struct pollfd polled = {sd, POLLIN, 0};
   return poll(&polled, 1, timeout_ms) == 1 && (polled.revents & POLLIN);
}

static void send_text(int sd, rserpool_session_t session, const char* text)
{
   CHECK(rsp_sendmsg(sd, text, strlen(text), 0, session, PPID, 0, 0, 0, 1000) == (ssize_t)strlen(text));
}

static void expect_text(int sd, const char* text, struct rsp_sndrcvinfo* info)
{
   char          buffer[256] = "";
   int           flags;
   const ssize_t length = receive(sd, buffer, sizeof(buffer), info, &flags);
   CHECK(length == (ssize_t)strlen(text) && memcmp(buffer, text, strlen(text)) == 0);
   CHECK(flags == MSG_EOR);
   CHECK(info->rinfo_ppid == PPID && info->rinfo_stream == 0);
}

static rserpool_session_t expect_session_change(int sd, unsigned state)
{
   char                        buffer[256];
   struct rsp_sndrcvinfo       info;
   int                         flags;
   union rserpool_notification notification;
   REQUIRE(receive(sd, buffer, sizeof(buffer), &info, &flags) == (ssize_t)sizeof(notification));
   CHECK(is_notification(buffer, flags, RSERPOOL_SESSION_CHANGE, state));
   memcpy(&notification, buffer, sizeof(notification));
   CHECK(notification.rn_header.rn_length == sizeof(notification));
   return notification.rn_session_change.rsc_session;
}

static void expect_failover(int sd, unsigned state)
{
   char                  buffer[256];
   struct rsp_sndrcvinfo info;
   int                   flags;
   CHECK(receive(sd, buffer, sizeof(buffer), &info, &flags) == (ssize_t)sizeof(union rserpool_notification));
   CHECK(is_notification(buffer, flags, RSERPOOL_FAILOVER, state));
}

static void expect_shutdown(int sd)
{
   char                  buffer[256];
   struct rsp_sndrcvinfo info;
   int                   flags;
   CHECK(receive(sd, buffer, sizeof(buffer), &info, &flags) == (ssize_t)sizeof(union rserpool_notification));
   CHECK(is_notification(buffer, flags, RSERPOOL_SHUTDOWN_EVENT, 0));
}

static void one_to_many(void)
{
   struct rsp_sndrcvinfo info;
   char                  buffer[256];
   int                   flags;
   unsigned char         handle[32];
   size_t                size       = sizeof(handle);
   uint32_t              identifier = 0;
   const int             server     = open_server(SOCK_SEQPACKET, "many", 0x1111);

   CHECK(rsp_getsockname(server, handle, &size, &identifier) == 0);
   CHECK(size == 4 && memcmp(handle, "many", 4) == 0 && identifier == 0x1111);
   size = 3;
   FAILS(rsp_getsockname(server, handle, &size, NULL), ENOBUFS);
   size = sizeof(handle);
   FAILS(rsp_getsockname(server, NULL, &size, NULL), EFAULT);
   FAILS(rsp_getsockname(server, handle, NULL, NULL), EFAULT);
   FAILS(rsp_register(server, HANDLE("another"), NULL, 30000, 0), EBADF);
   CHECK(rsp_register(server, HANDLE("many"), NULL, 30000, 0) == 0); /* an update */
   FAILS(rsp_recvmsg(server, buffer, sizeof(buffer), &info, NULL, 0), EAGAIN);
   FAILS(rsp_sendmsg(server, "x", 1, 0, 12345, PPID, 0, 0, 0, 0), ENOTCONN); /* no such session */
   FAILS(rsp_send_cookie(server, (const unsigned char*)"x", 1, 12345, 0), ENOTCONN);
   CHECK(!readable(server, 0));

   const int client = open_client("many", 0);
   size             = sizeof(handle);
   CHECK(rsp_getpeername(client, handle, &size, &identifier) == 0 && identifier == 0x1111 && size == 4);
   FAILS(rsp_connect(client, HANDLE("many"), 0), EISCONN); /* has a session already */
   FAILS(rsp_connect_tags(client, HANDLE("many"), 0, NULL), EISCONN);
   CHECK(rsp_has_cookie(client) == 0);
   FAILS(rsp_recvmsg(client, buffer, sizeof(buffer), &info, NULL, 0), EAGAIN);
   FAILS(rsp_sendmsg(client, "", 0, 0, 0, PPID, 0, 0, 0, 0), EINVAL);
   FAILS(rsp_sendmsg(client, "x", 1, 0, 0, PPID, 0xffff, 0, 0, 0), EINVAL); /* no such stream */

   send_text(client, 0, "hello");
   REQUIRE(readable(server, 10000));
   /* Too small for a notification: refused, and not lost. */
   FAILS(rsp_recvmsg(server, buffer, 19, &info, NULL, 0), EINVAL);
   const rserpool_session_t session = expect_session_change(server, RSERPOOL_SESSION_ADD);
   expect_text(server, "hello", &info);
   CHECK(info.rinfo_session == session);
   send_text(server, session, "hello yourself");
   REQUIRE(readable(client, 10000));
   expect_text(client, "hello yourself", &info);

   /* A message longer than the buffer comes in pieces. What was in the flags before does not matter. */
   flags = -1;
   send_text(server, session, "0123456789");
   REQUIRE(readable(client, 10000));
   CHECK(rsp_recvmsg(client, buffer, 4, &info, &flags, 1000) == 4 && !(flags & MSG_EOR));
   CHECK(rsp_recvmsg(client, buffer, 4, &info, &flags, 1000) == 4 && !(flags & MSG_EOR));
   CHECK(rsp_recvmsg(client, buffer, 4, &info, &flags, 1000) == 2 && (flags & MSG_EOR));

   CHECK(rsp_send_cookie(server, (const unsigned char*)"state", 5, session, 1000) == 5);
   send_text(server, session, "after the cookie");
   expect_text(client, "after the cookie", &info);
   CHECK(rsp_has_cookie(client) == 1);

   CHECK(rsp_close(client) == 0);
   CHECK(expect_session_change(server, RSERPOOL_SESSION_REMOVE) == session);
   CHECK(rsp_deregister(server, 0) == 0);
   FAILS(rsp_deregister(server, 0), EBADF);
   CHECK(rsp_close(server) == 0);
}

static void one_to_one(void)
{
   struct rsp_sndrcvinfo info;
   char                  buffer[256];
   int                   flags;
   const int             server = open_server(SOCK_STREAM, "one", 0x2222);
   FAILS(rsp_accept(server, 0), EAGAIN);
   FAILS(rsp_accept(server, 20), EAGAIN);

   const int client = open_client("one", 0);
   FAILS(rsp_accept(client, 0), ENOTCONN);
   REQUIRE(readable(server, 10000)); /* a session to accept */
   const int session = rsp_accept(server, 10000);
   REQUIRE(session >= 0);
   CHECK(rsp_write(client, "ping", 4) == 4);
   struct pollfd polled = {session, POLLIN, 0};
   CHECK(rsp_poll(&polled, 1, 10000) == 1 && polled.revents == POLLIN);
   CHECK(rsp_read(session, buffer, sizeof(buffer)) == 4 && memcmp(buffer, "ping", 4) == 0);
   FAILS(rsp_read(session, buffer, sizeof(buffer)), EAGAIN);
   CHECK(rsp_send(session, "pong", 4, 0) == 4);
   REQUIRE(readable(client, 10000));
   CHECK(rsp_recv(client, buffer, sizeof(buffer), 0) == 4 && memcmp(buffer, "pong", 4) == 0);

   CHECK(rsp_close(client) == 0);
   CHECK(receive(session, buffer, sizeof(buffer), &info, &flags) == 0); /* the session has ended */
   CHECK(rsp_close(session) == 0);
   CHECK(rsp_close(server) == 0);
}

/* The session lives on the first server, which then goes away; the second gets the cookie. */
static void failover(int automatic)
{
   const char*           pool = automatic ? "automatic" : "classic";
   struct rsp_sndrcvinfo info;
   char                  buffer[256];
   int                   flags;
   const int             first  = open_server(SOCK_SEQPACKET, pool, 0xaaaa);
   const int             client = open_client(pool, automatic);
   send_text(client, 0, "request 1");
   const rserpool_session_t session = expect_session_change(first, RSERPOOL_SESSION_ADD);
   expect_text(first, "request 1", &info);
   CHECK(rsp_send_cookie(first, (const unsigned char*)"the state", 9, session, 1000) == 9);
   send_text(first, session, "answer 1");
   expect_text(client, "answer 1", &info);

   const int second = open_server(SOCK_SEQPACKET, pool, 0xbbbb);
   CHECK(rsp_close(first) == 0);
   expect_shutdown(client);
   expect_failover(client, RSERPOOL_FAILOVER_NECESSARY);
   if(!automatic) {
      CHECK(rsp_forcefailover(client, FFF_NONE, 0) == 0);
   }
   expect_failover(client, RSERPOOL_FAILOVER_COMPLETE);
   send_text(client, 0, "request 2");

   const rserpool_session_t moved = expect_session_change(second, RSERPOOL_SESSION_ADD);
   CHECK(receive(second, buffer, sizeof(buffer), &info, &flags) == 9 && memcmp(buffer, "the state", 9) == 0);
   CHECK((flags & MSG_RSERPOOL_COOKIE_ECHO) && info.rinfo_session == moved && info.rinfo_ppid == 11);
   expect_text(second, "request 2", &info);
   send_text(second, moved, "answer 2");
   expect_text(client, "answer 2", &info);
   uint32_t      identifier = 0;
   unsigned char handle[32];
   size_t        size = sizeof(handle);
   CHECK(rsp_getpeername(client, handle, &size, &identifier) == 0 && identifier == 0xbbbb);
   CHECK(rsp_close(client) == 0);
   CHECK(rsp_close(second) == 0);
}

/* Edge-triggered: one edge for what comes, none while nothing does. */
static void edges(void)
{
   struct rsp_sndrcvinfo info;
   struct epoll_event    event;
   const int             server = open_server(SOCK_SEQPACKET, "edges", 0x3333);
   const int             client = open_client("edges", 0);
   const int             epoll  = epoll_create1(EPOLL_CLOEXEC);
   memset(&event, 0, sizeof(event));
   event.events = EPOLLIN | EPOLLOUT | EPOLLET;
   REQUIRE(epoll_ctl(epoll, EPOLL_CTL_ADD, client, &event) == 0);
   CHECK(epoll_wait(epoll, &event, 1, 10000) == 1 && (event.events & EPOLLOUT) && !(event.events & EPOLLIN));
   CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
   send_text(client, 0, "a");
   const rserpool_session_t session = expect_session_change(server, RSERPOOL_SESSION_ADD);
   expect_text(server, "a", &info);
   send_text(server, session, "b");
   int seen = 0;
   while(!seen && epoll_wait(epoll, &event, 1, 10000) == 1) {
      seen = (event.events & EPOLLIN) != 0;
   }
   CHECK(seen);
   expect_text(client, "b", &info);
   CHECK(!readable(client, 0));
   send_text(server, session, "c");
   seen = 0;
   while(!seen && epoll_wait(epoll, &event, 1, 10000) == 1) {
      seen = (event.events & EPOLLIN) != 0;
   }
   CHECK(seen);
   expect_text(client, "c", &info);
   close(epoll);
   CHECK(rsp_close(client) == 0);
   CHECK(rsp_close(server) == 0);
}

static void options_and_parameters(void)
{
   struct rserpool_session_parameters parameters = {0, 0, 0, 0, 0, 0};
   int                                value      = -1;
   socklen_t                          length     = sizeof(value);
   const int                          sd         = rsp_socket(AF_INET, SOCK_SEQPACKET, 0);
   REQUIRE(sd >= 0);
   CHECK(rsp_getsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, &length) == 0 && value == 0 && length == 4);
   value = 1;
   CHECK(rsp_setsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, sizeof(value)) == 0);
   value = -1;
   CHECK(rsp_getsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, &length) == 0 && value == 1);

   CHECK(rsp_update_session_parameters(sd, &parameters) == 0); /* only asks */
   CHECK(parameters.sp_rto_initial != 0 && parameters.sp_rto_max >= parameters.sp_rto_min);
   const struct rserpool_session_parameters before = parameters;
   memset(&parameters, 0, sizeof(parameters));
   parameters.sp_assoc_max_rxt = 3;
   CHECK(rsp_update_session_parameters(sd, &parameters) == 0);
   parameters.sp_rto_min = parameters.sp_rto_max + 1;
   FAILS(rsp_update_session_parameters(sd, &parameters), EINVAL);
   CHECK(parameters.sp_assoc_max_rxt == 3 && parameters.sp_rto_initial == before.sp_rto_initial);
   CHECK(rsp_close(sd) == 0);
}

/* Timers and thresholds by the options of RFC 6458, with the structures of the system's headers. */
static void sctp_options(void)
{
   struct rserpool_session_parameters parameters = {0, 0, 0, 0, 0, 0};
   struct sctp_rtoinfo                rto        = {0, 200, 800, 150};
   struct sctp_assocparams            limits;
   struct sctp_paddrparams            paths;
   struct sctp_paddrthlds             thresholds;
   const int                          sd = rsp_socket(AF_INET, SOCK_SEQPACKET, 0);
   REQUIRE(sd >= 0);
   memset(&limits, 0, sizeof(limits));
   memset(&paths, 0, sizeof(paths));
   memset(&thresholds, 0, sizeof(thresholds));
   limits.sasoc_asocmaxrxt   = 7;
   paths.spp_hbinterval      = 300;
   paths.spp_pathmaxrxt      = 5;
   thresholds.spt_pathpfthld = 2;
   CHECK(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof(rto)) == 0);
   CHECK(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_ASSOCINFO, &limits, sizeof(limits)) == 0);
   CHECK(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &paths, sizeof(paths)) == 0);
   CHECK(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS, &thresholds, sizeof(thresholds)) == 0);

   /* All of them are read back, by either interface, before and after the socket has an endpoint. */
   for(int bound = 0; bound < 2; bound++) {
      socklen_t length = sizeof(rto);
      memset(&rto, 0xff, sizeof(rto));
      CHECK(rsp_getsockopt(sd, IPPROTO_SCTP, SCTP_RTOINFO, &rto, &length) == 0 && length == sizeof(rto));
      CHECK(rto.srto_initial == 200 && rto.srto_min == 150 && rto.srto_max == 800 && rto.srto_assoc_id == 0);
      length = sizeof(limits);
      CHECK(rsp_getsockopt(sd, IPPROTO_SCTP, SCTP_ASSOCINFO, &limits, &length) == 0 && length == sizeof(limits));
      CHECK(limits.sasoc_asocmaxrxt == 7);
      length = sizeof(paths);
      CHECK(rsp_getsockopt(sd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &paths, &length) == 0 && length == sizeof(paths));
      CHECK(paths.spp_hbinterval == 300 && paths.spp_pathmaxrxt == 5);
      length = sizeof(thresholds);
      CHECK(rsp_getsockopt(sd, IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS, &thresholds, &length) == 0);
      CHECK(length == sizeof(thresholds) && thresholds.spt_pathmaxrxt == 5 && thresholds.spt_pathpfthld == 2);
      memset(&parameters, 0, sizeof(parameters));
      CHECK(rsp_update_session_parameters(sd, &parameters) == 0);
      CHECK(parameters.sp_rto_initial == 200 && parameters.sp_rto_min == 150 && parameters.sp_rto_max == 800);
      CHECK(parameters.sp_assoc_max_rxt == 7 && parameters.sp_path_max_rxt == 5 && parameters.sp_hbinterval == 300);
      CHECK(bound || rsp_bind(sd, NULL, 0) == 0);
   }

   /* What is not given follows; what contradicts itself changes nothing. */
   rto = (struct sctp_rtoinfo){0, 0, 180, 0};
   CHECK(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof(rto)) == 0);
   rto = (struct sctp_rtoinfo){0, 500, 0, 0};
   FAILS(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof(rto)), EINVAL);
   rto = (struct sctp_rtoinfo){0, 0, 180, 181};
   FAILS(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof(rto)), EINVAL);
   memset(&parameters, 0, sizeof(parameters));
   parameters.sp_rto_min = 5000;
   parameters.sp_rto_max = 4000;
   FAILS(rsp_update_session_parameters(sd, &parameters), EINVAL);
   thresholds.spt_pathpfthld = 6;
   FAILS(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_PEER_ADDR_THLDS, &thresholds, sizeof(thresholds)), EINVAL);
   memset(&parameters, 0, sizeof(parameters));
   CHECK(rsp_update_session_parameters(sd, &parameters) == 0);
   CHECK(parameters.sp_rto_initial == 180 && parameters.sp_rto_min == 150 && parameters.sp_rto_max == 180);

   /* Not for one association or address, not shortened, no other option. */
   limits.sasoc_assoc_id = 1;
   FAILS(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_ASSOCINFO, &limits, sizeof(limits)), EINVAL);
   paths.spp_address.ss_family = AF_INET;
   FAILS(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &paths, sizeof(paths)), EINVAL);
   FAILS(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_RTOINFO, &rto, sizeof(rto) - 1), EINVAL);
   socklen_t length = sizeof(rto) - 1;
   FAILS(rsp_getsockopt(sd, IPPROTO_SCTP, SCTP_RTOINFO, &rto, &length), EINVAL);
   FAILS(rsp_setsockopt(sd, IPPROTO_SCTP, SCTP_NODELAY, &rto, sizeof(rto)), ENOPROTOOPT);
   CHECK(rsp_close(sd) == 0);
}

/* A pool without elements: the session begins with a failover, which finds the server as soon as there is one. */
static void empty_pool(void)
{
   struct rsp_sndrcvinfo info;
   const int             client = open_client("empty", 0);
   expect_failover(client, RSERPOOL_FAILOVER_NECESSARY);
   FAILS(rsp_sendmsg(client, "x", 1, 0, 0, PPID, 0, 0, 0, 0), EIO);
   CHECK(rsp_forcefailover(client, FFF_NONE, 0) == 0);
   expect_failover(client, RSERPOOL_FAILOVER_NECESSARY);
   const int server = open_server(SOCK_SEQPACKET, "empty", 0x4444);
   CHECK(rsp_forcefailover(client, FFF_NONE, 0) == 0);
   expect_failover(client, RSERPOOL_FAILOVER_COMPLETE);
   send_text(client, 0, "at last");
   expect_session_change(server, RSERPOOL_SESSION_ADD);
   expect_text(server, "at last", &info);
   CHECK(rsp_close(client) == 0);
   CHECK(rsp_close(server) == 0);
}

/* A client that ends its session is told so, whatever it does with the socket then. */
static void ended_session(void)
{
   char      buffer[256];
   const int server = open_server(SOCK_SEQPACKET, "ended", 0x5555);
   const int client = open_client("ended", 0);
   CHECK(rsp_sendmsg(client, NULL, 0, 0, 0, 0, 0, 0, SCTP_EOF, 0) == 0);
   CHECK(readable(client, 0));
   CHECK(rsp_recvfullmsg(client, buffer, sizeof(buffer), NULL, NULL, -1) == 0);
   FAILS(rsp_sendmsg(client, "x", 1, 0, 0, PPID, 0, 0, 0, 0), EIO);
   FAILS(rsp_forcefailover(client, FFF_NONE, 0), ENOTCONN);
   CHECK(rsp_close(client) == 0);
   CHECK(rsp_close(server) == 0);
}

/* A registration does not change how many sessions may wait to be accepted. */
static void backlog(void)
{
   const int server = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   REQUIRE(server >= 0 && rsp_listen(server, 1) == 0);
   REQUIRE(rsp_register(server, HANDLE("backlog"), NULL, 30000, 0) == 0);
   const int first = open_client("backlog", 0);
   REQUIRE(readable(server, 10000));
   const int second = open_client("backlog", 0);
   expect_failover(second, RSERPOOL_FAILOVER_NECESSARY);
   CHECK(rsp_close(second) == 0);
   CHECK(rsp_close(first) == 0);
   CHECK(rsp_close(server) == 0);
}

static void mapped_descriptors(void)
{
   int  ends[2], flags;
   char buffer[8];
   REQUIRE(pipe(ends) == 0);
   const int mapped = rsp_mapsocket(ends[0], -1);
   const int writer = rsp_mapsocket(ends[1], -1);
   REQUIRE(mapped >= 0 && writer >= 0);
   struct pollfd polled = {mapped, POLLIN, 0};
   CHECK(rsp_poll(&polled, 1, 0) == 0);
   FAILS(rsp_recvmsg(mapped, buffer, sizeof(buffer), NULL, &flags, 0), EAGAIN);
   FAILS(rsp_recvfullmsg(mapped, buffer, sizeof(buffer), NULL, &flags, 20), EAGAIN);
   CHECK(rsp_write(writer, "abc", 3) == 3);
   CHECK(rsp_poll(&polled, 1, 10000) == 1 && polled.revents == POLLIN);
   fd_set         set;
   struct timeval timeout = {10, 0};
   FD_ZERO(&set);
   FD_SET(mapped, &set);
   CHECK(rsp_select(mapped + 1, &set, NULL, NULL, &timeout) == 1 && FD_ISSET(mapped, &set));
   CHECK(rsp_read(mapped, buffer, sizeof(buffer)) == 3);
   CHECK(rsp_unmapsocket(mapped) == 0);
   FAILS(rsp_unmapsocket(mapped), EBADF);
   CHECK(rsp_unmapsocket(writer) == 0);
   CHECK(write(ends[1], "d", 1) == 1); /* still open */
   close(ends[0]);
   close(ends[1]);
}

int main(int argc, char** argv)
{
   start(argc, argv);
   options_and_parameters();
   sctp_options();
   one_to_many();
   one_to_one();
   failover(0);
   failover(1);
   edges();
   empty_pool();
   ended_session();
   backlog();
   mapped_descriptors();
   return finish("sessions");
}
