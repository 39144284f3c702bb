/* Where programs written for rsplib depend on how it is, we are so, too; and what is wrong with it, is not with us. Each function
   here is named for the fact that it checks; docs/drop-in.md has the list. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>

#define NOTIFICATION_SIZE 20

static long milliseconds(void)
{
   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);
   return (long)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static int serve(int type, const char* pool)
{
   const int sd = rsp_socket(0, type, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   REQUIRE(rsp_listen(sd, 4) == 0);
   REQUIRE(rsp_register(sd, HANDLE(pool), NULL, 30000, 0) == 0);
   return sd;
}

static int use(const char* pool)
{
   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   REQUIRE(rsp_connect(sd, HANDLE(pool), 0) == 0);
   return sd;
}

/* ---- As rsplib ---- */

static void timer_arguments_are_applied_but_answered_with_zero(void)
{
   struct rsp_info info;
   rsp_initinfo(&info);
   CHECK(rsp_initarg(&info, "-registrarconnecttimeout=1234") == 0 && info.ri_registrar_connect_timeout == 1234);
   CHECK(rsp_initarg(&info, "-registrarrequestmaxtrials=3") == 0 && info.ri_registrar_request_max_trials == 3);
   rsp_freeinfo(&info);
}

static void initialize_fills_in_the_version_and_no_build(void)
{
   struct rsp_info info;
   rsp_initinfo(&info);
   CHECK(rsp_initialize(&info) == 0); /* again: 0 */
   CHECK(info.ri_version == 2 && info.ri_revision == 3 && info.ri_build_date == NULL && info.ri_build_time == NULL);
}

static void standard_descriptors_are_mapped(void)
{
   struct pollfd entry = {STDOUT_FILENO, POLLOUT, 0};
   for(int sd = 0; sd <= 2; sd++) {
      FAILS(rsp_listen(sd, 1), EOPNOTSUPP);
   }
   CHECK(rsp_poll(&entry, 1, 1000) == 1);
}

static void register_and_connect_are_0_though_nobody_is_there(void)
{
   struct rsp_info info;
   char            buffer[64];
   int             flags = 0;
   rsp_initinfo(&info);
   REQUIRE(rsp_initarg(&info, "-registrar=127.0.0.1:1") == 1);
   REQUIRE(rsp_initarg(&info, "-asapannounce=off") == 1);
   REQUIRE(rsp_initarg(&info, "-transport=sctp-udp") == 1);
   rsp_initarg(&info, "-registrarrequesttimeout=200");
   REQUIRE(rsp_initialize(&info) == 0);
   rsp_freeinfo(&info);
   const int server = serve(SOCK_SEQPACKET, "quirks"), client = use("quirks");
   /* The session begins with the need for a failover, and what is sent fails. */
   CHECK(rsp_recvmsg(client, buffer, sizeof(buffer), NULL, &flags, 1000) == NOTIFICATION_SIZE);
   CHECK(is_notification(buffer, flags, RSERPOOL_FAILOVER, RSERPOOL_FAILOVER_NECESSARY));
   FAILS(rsp_sendmsg(client, "x", 1, 0, 0, 0, 0, 0, 0, 0), EIO);
   CHECK(rsp_close(client) == 0 && rsp_close(server) == 0);
   rsp_cleanup();
}

static void a_registration_that_is_refused_is_0(void)
{
   struct rsp_loadinfo load;
   memset(&load, 0, sizeof(load));
   load.rli_policy = PPT_RANDOM;
   const int first = serve(SOCK_SEQPACKET, "quirks"); /* round robin */
   const int other = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   CHECK(rsp_register(other, HANDLE("quirks"), &load, 30000, 0) == 0);
   FAILS(rsp_register(other, HANDLE("quirks-2"), &load, 30000, 0), EBADF); /* another pool */
   CHECK(rsp_close(other) == 0 && rsp_close(first) == 0);
}

/* Programs use it as their retry loop. */
static void failover_to_an_unknown_pool_pauses_and_is_0(void)
{
   char       buffer[64];
   int        flags  = 0;
   const int  client = use("quirks-nobody");
   CHECK(receive(client, buffer, sizeof(buffer), NULL, &flags) == NOTIFICATION_SIZE);
   const long before = milliseconds();
   CHECK(rsp_forcefailover(client, FFF_NONE, 0) == 0);
   CHECK(milliseconds() - before >= 240);
   CHECK(receive(client, buffer, sizeof(buffer), NULL, &flags) == NOTIFICATION_SIZE);
   CHECK(is_notification(buffer, flags, RSERPOOL_FAILOVER, RSERPOOL_FAILOVER_NECESSARY));
   CHECK(rsp_close(client) == 0);
}

/* As rsplib, and against its documentation. */
static void recvmsg_with_timeout_0_and_minus_1_does_not_wait(int client)
{
   char buffer[64];
   FAILS(rsp_recvmsg(client, buffer, sizeof(buffer), NULL, NULL, 0), EAGAIN);
   FAILS(rsp_recvmsg(client, buffer, sizeof(buffer), NULL, NULL, -1), EAGAIN);
   FAILS(rsp_read(client, buffer, sizeof(buffer)), EAGAIN);
   FAILS(rsp_recv(client, buffer, sizeof(buffer), 0), EAGAIN);
}

static void addresses_have_room_for_any_family(void)
{
   struct rsp_addrinfo* list = NULL;
   CHECK(rsp_getaddrinfo(HANDLE("quirks-nobody"), &list, 0, 0) == REAI_NONAME && list == NULL);
   REQUIRE(rsp_getaddrinfo(HANDLE("quirks"), &list, 0, 0) == 1);
   CHECK(list->ai_addrlen == 28 && list->ai_socktype == SOCK_STREAM && list->ai_protocol == IPPROTO_SCTP);
   rsp_freeaddrinfo(list);
}

/* Sessions of a SOCK_STREAM server bring none; the first thing that comes is data. */
static void one_to_one_servers_get_no_notifications(void)
{
   char      buffer[64];
   int       flags;
   const int server = serve(SOCK_STREAM, "quirks-stream"), client = use("quirks-stream");
   CHECK(rsp_sendmsg(client, "x", 1, 0, 0, 0, 0, 0, 0, 1000) == 1);
   const int session = rsp_accept(server, 10000);
   CHECK(receive(session, buffer, sizeof(buffer), NULL, &flags) == 1 && flags == MSG_EOR);
   CHECK(rsp_close(client) == 0);
   CHECK(receive(session, buffer, sizeof(buffer), NULL, &flags) == 0); /* the end */
   CHECK(rsp_close(session) == 0 && rsp_close(server) == 0);
}

static void payload_protocols_are_in_network_order_but_that_of_a_cookie_echo(int server, int client)
{
   struct rsp_sndrcvinfo info;
   char                  buffer[64];
   int                   flags;
   memset(&info, 0, sizeof(info));
   CHECK(receive(server, buffer, sizeof(buffer), &info, &flags) == NOTIFICATION_SIZE); /* SESSION_ADD */
   CHECK(is_notification(buffer, flags, RSERPOOL_SESSION_CHANGE, RSERPOOL_SESSION_ADD));
   const rserpool_session_t session = info.rinfo_session;
   CHECK(rsp_sendmsg(client, "x", 1, 0, 0, htonl(33), 0, 0, 0, 1000) == 1);
   CHECK(receive(server, buffer, sizeof(buffer), &info, &flags) == 1 && info.rinfo_ppid == htonl(33));
   CHECK(rsp_has_cookie(client) == 0);
   CHECK(rsp_send_cookie(server, HANDLE("cookie"), session, 1000) == 6);
   CHECK(rsp_sendmsg(server, "y", 1, 0, session, htonl(33), 0, 0, 0, 1000) == 1);
   CHECK(receive(client, buffer, sizeof(buffer), &info, &flags) == 1 && rsp_has_cookie(client) == 1);
   CHECK(rsp_forcefailover(client, FFF_NONE, 0) == 0); /* to the same one: there is no other */
   for(int i = 0; i < 4; i++) { /* behind the ends and beginnings of sessions */
      if(receive(server, buffer, sizeof(buffer), &info, &flags) < 0 || (flags & MSG_RSERPOOL_COOKIE_ECHO)) {
         break;
      }
   }
   CHECK((flags & MSG_RSERPOOL_COOKIE_ECHO) && memcmp(buffer, "cookie", 6) == 0 && info.rinfo_ppid == 11);
   CHECK(receive(client, buffer, sizeof(buffer), &info, &flags) == NOTIFICATION_SIZE);
   CHECK(is_notification(buffer, flags, RSERPOOL_FAILOVER, RSERPOOL_FAILOVER_COMPLETE));
}

/* rsp_read() has no place to say what it is; 20 bytes; and they stay while the buffer is too small. */
static void notifications_are_20_bytes_and_look_like_data_to_read(void)
{
   union rserpool_notification event;
   char                        small[NOTIFICATION_SIZE - 1];
   struct pollfd               entry  = {-1, POLLIN, 0};
   const int                   client = use("quirks-nobody");
   entry.fd                           = client;
   CHECK(sizeof(event) == NOTIFICATION_SIZE && rsp_poll(&entry, 1, 10000) == 1);
   FAILS(rsp_read(client, small, sizeof(small)), EINVAL);
   CHECK(rsp_read(client, &event, sizeof(event)) == NOTIFICATION_SIZE && event.rn_header.rn_length == NOTIFICATION_SIZE);
   CHECK(rsp_close(client) == 0);
}

static void on_alarm(int number)
{
   (void)number;
}

/* Programs end by Ctrl-C that way. */
static void a_signal_ends_poll_with_eintr(int client)
{
   struct pollfd          entry = {client, POLLIN, 0};
   struct sigaction       action;
   const struct itimerval often = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
   memset(&action, 0, sizeof(action));
   action.sa_handler = on_alarm;
   action.sa_flags   = SA_RESTART;
   sigaction(SIGALRM, &action, NULL);
   setitimer(ITIMER_REAL, &often, NULL);
   FAILS(rsp_poll(&entry, 1, -1), EINTR);
   setitimer(ITIMER_REAL, &never, NULL);
}

/* ---- Unlike rsplib ---- */

static void bad_descriptors_are_ebadf_where_rsplib_aborts(void)
{
   FAILS(rsp_close(12345), EBADF);
   FAILS(rsp_write(-1, "x", 1), EBADF);
   FAILS(rsp_deregister(12345, 0), EBADF);
}

static void poll_counts_what_is_there(int client)
{
   struct pollfd entries[2] = {{client, POLLIN, 0}, {client, POLLOUT, 0}};
   CHECK(rsp_poll(entries, 2, 0) == 1 && entries[0].revents == 0 && entries[1].revents == POLLOUT);
   CHECK(rsp_poll(entries, 1, 0) == 0);
}

static void select_clears_its_sets_and_takes_no_time_limit(int client)
{
   struct timeval none = {0, 0};
   fd_set         read, write;
   FD_ZERO(&read);
   FD_ZERO(&write);
   FD_SET(client, &read);
   FD_SET(client, &write);
   CHECK(rsp_select(client + 1, &read, &write, NULL, NULL) == 1); /* NULL: rsplib crashes */
   CHECK(!FD_ISSET(client, &read) && FD_ISSET(client, &write));
   FD_SET(client, &read);
   CHECK(rsp_select(client + 1, &read, NULL, NULL, &none) == 0 && !FD_ISSET(client, &read));
}

static void time_limits_are_kept(int client)
{
   char       buffer[64];
   const long before = milliseconds();
   FAILS(rsp_recvmsg(client, buffer, sizeof(buffer), NULL, NULL, 60), EAGAIN);
   FAILS(rsp_recvfullmsg(client, buffer, sizeof(buffer), NULL, NULL, 60), EAGAIN);
   CHECK(milliseconds() - before >= 120);
}

static void handles_of_more_than_32_bytes_are_refused_where_rsplib_aborts(void)
{
   const char*          handle = "a pool handle of thirty-three by.";
   struct rsp_addrinfo* list;
   CHECK(strlen(handle) == 33);
   CHECK(rsp_getaddrinfo(HANDLE(handle), &list, 0, 0) == REAI_SYSTEM && errno == ENAMETOOLONG);
}

int main(int argc, char** argv)
{
   timer_arguments_are_applied_but_answered_with_zero();
   register_and_connect_are_0_though_nobody_is_there();
   start(argc, argv);
   initialize_fills_in_the_version_and_no_build();
   standard_descriptors_are_mapped();
   a_registration_that_is_refused_is_0();
   failover_to_an_unknown_pool_pauses_and_is_0();
   one_to_one_servers_get_no_notifications();
   notifications_are_20_bytes_and_look_like_data_to_read();
   bad_descriptors_are_ebadf_where_rsplib_aborts();
   handles_of_more_than_32_bytes_are_refused_where_rsplib_aborts();

   const int server = serve(SOCK_SEQPACKET, "quirks"), client = use("quirks");
   addresses_have_room_for_any_family();
   recvmsg_with_timeout_0_and_minus_1_does_not_wait(client);
   poll_counts_what_is_there(client);
   select_clears_its_sets_and_takes_no_time_limit(client);
   time_limits_are_kept(client);
   a_signal_ends_poll_with_eintr(client);
   payload_protocols_are_in_network_order_but_that_of_a_cookie_echo(server, client);
   CHECK(rsp_close(client) == 0 && rsp_close(server) == 0);
   return finish("rsplib_quirks");
}
