/* The functions with lists of tags, with good and bad arguments; and those that no other program calls well: names, texts,
   addresses. */
#include "check.h"

#include <arpa/inet.h>
#include <pthread.h>

static void wait_readable(int sd)
{
   struct pollfd polled = {sd, POLLIN, 0};
   REQUIRE(poll(&polled, 1, 10000) == 1);
}

static int option(int sd, int name)
{
   int       value  = -1;
   socklen_t length = sizeof(value);
   CHECK(rsp_getsockopt(sd, SOL_RSERPOOL, name, &value, &length) == 0);
   return value;
}

/* ---- Lists of tags ---- */

static void lists_are_followed(void)
{
   struct TagItem rest[]  = {{TAG_PoolElement_Identifier, 0xabcd}, {TAG_DONE, 0}};
   struct TagItem list[]  = {{TAG_IGNORE, 1},  {TAG_SKIP, 1}, {TAG_PoolElement_Identifier, 0x1111}, {TAG_USER + 999999, 7},
                             {TAG_MORE, 0},    {TAG_DONE, 0}};
   unsigned char  handle[32];
   size_t         size       = sizeof(handle);
   uint32_t       identifier = 0;
   const int      sd         = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   list[4].Data              = (tagdata_t)rest;
   REQUIRE(sd >= 0);
   REQUIRE(rsp_listen(sd, 4) == 0);
   CHECK(rsp_register_tags(sd, HANDLE("variants"), NULL, 30000, 0, list) == 0);
   CHECK(rsp_getsockname(sd, handle, &size, &identifier) == 0 && identifier == 0xabcd);
   CHECK(rsp_deregister_tags(sd, 0, list) == 0);
   FAILS(rsp_deregister_tags(sd, 0, NULL), EBADF);
   CHECK(rsp_close(sd) == 0);
}

static void sessions_with_tags(void)
{
   struct TagItem options[] = {{TAG_RspSession_ConnectTimeout, 1234000},
                               {TAG_RspSession_HandleResolutionRetryDelay, 56000},
                               {TAG_DONE, 0}};
   struct TagItem unknown[] = {{TAG_USER + 999999, 7}, {TAG_DONE, 0}};
   char           buffer[64];
   const int      server = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   const int      client = rsp_socket_internal(0, SOCK_SEQPACKET, IPPROTO_SCTP, -1);
   REQUIRE(server >= 0 && client >= 0);
   REQUIRE(rsp_listen(server, 4) == 0);
   REQUIRE(rsp_register_tags(server, HANDLE("variants"), NULL, 30000, 0, NULL) == 0);
   FAILS(rsp_accept_tags(server, 0, unknown), EAGAIN);
   REQUIRE(rsp_connect_tags(client, HANDLE("variants"), 0, options) == 0);
   CHECK(option(client, RSERPOOL_CONNECT_TIMEOUT_MS) == 1234);
   CHECK(option(client, RSERPOOL_RESOLUTION_RETRY_DELAY_MS) == 56);
   const int session = rsp_accept_tags(server, 10000, unknown);
   REQUIRE(session >= 0);
   CHECK(rsp_send(client, "ping", 4, 0) == 4);
   wait_readable(session);
   CHECK(rsp_recv(session, buffer, sizeof(buffer), 0) == 4 && memcmp(buffer, "ping", 4) == 0);
   CHECK(rsp_csp_setstatus(session, 0, "answering") == 0);
   CHECK(rsp_csp_setstatus(client, 4711, "waiting") == 0); /* has one session: which is not asked */
   CHECK(rsp_csp_setstatus(client, 0, "") == 0);

   /* The only element is where the session is: it goes on there. */
   CHECK(rsp_forcefailover_tags(client, FFF_NONE, 0, unknown) == 0);
   const int again = rsp_accept_tags(server, 10000, NULL);
   CHECK(again >= 0);
   CHECK(rsp_close(client) == 0);
   CHECK(rsp_close(session) == 0);
   CHECK(rsp_close(again) == 0);
   CHECK(rsp_close(server) == 0);
}

static void elements_with_tags(void)
{
   struct TagItem       unknown[] = {{TAG_USER + 999999, 7}, {TAG_DONE, 0}};
   struct sockaddr_in   address;
   struct rsp_addrinfo  element;
   struct rsp_addrinfo* list = NULL;
   memset(&address, 0, sizeof(address));
   address.sin_family      = AF_INET;
   address.sin_port        = htons(7777);
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   memset(&element, 0, sizeof(element));
   element.ai_family   = AF_INET;
   element.ai_socktype = SOCK_STREAM;
   element.ai_protocol = IPPROTO_TCP;
   element.ai_addrlen  = sizeof(address);
   element.ai_addrs    = 1;
   element.ai_addr     = (struct sockaddr*)&address;
   element.ai_pe_id    = 0x77;
   REQUIRE(rsp_pe_registration_tags(HANDLE("variants-basic"), &element, NULL, 60000, 0, unknown) == 0);
   CHECK(element.ai_pe_id == 0x77);
   REQUIRE(rsp_getaddrinfo_tags(HANDLE("variants-basic"), &list, 10, 0, unknown) == 1);
   CHECK(list->ai_family == AF_INET && list->ai_protocol == IPPROTO_TCP && list->ai_pe_id == 0x77);
   rsp_freeaddrinfo(list);
   CHECK(rsp_pe_failure_tags(HANDLE("variants-basic"), 0x77, unknown) == 0);
   CHECK(rsp_pe_deregistration_tags(HANDLE("variants-basic"), 0x77, 0, unknown) == 0);
   CHECK(rsp_getaddrinfo_tags(HANDLE("variants-basic"), &list, 10, 0, NULL) == REAI_NONAME && list == NULL);
}

static void bad_arguments_beside_tags(void)
{
   struct TagItem       circle[] = {{TAG_MORE, 0}, {TAG_DONE, 0}};
   struct rsp_addrinfo* list     = NULL;
   const int            sd       = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   circle[0].Data = (tagdata_t)circle;
   FAILS(rsp_register_tags(sd, HANDLE("variants"), NULL, 1000, 0, circle), EINVAL);
   FAILS(rsp_connect_tags(sd, HANDLE("variants"), 0, circle), EINVAL);
   FAILS(rsp_connect_tags(sd, NULL, 4, 0, NULL), EFAULT);
   FAILS(rsp_connect_tags(-1, HANDLE("variants"), 0, NULL), EBADF);
   FAILS(rsp_register_tags(-1, HANDLE("variants"), NULL, 1000, 0, NULL), EBADF);
   FAILS(rsp_deregister_tags(-1, 0, NULL), EBADF);
   FAILS(rsp_accept_tags(-1, 0, NULL), EBADF);
   FAILS(rsp_accept_tags(sd, 0, NULL), ENOTCONN);
   FAILS(rsp_forcefailover_tags(sd, 0, 0, NULL), ENOTCONN);
   FAILS(rsp_socket_internal(0, SOCK_SEQPACKET, IPPROTO_SCTP, 0), EOPNOTSUPP);
   FAILS(rsp_socket_internal(0, SOCK_RAW, IPPROTO_SCTP, -1), ESOCKTNOSUPPORT);
   CHECK(rsp_getaddrinfo_tags(NULL, 4, &list, 0, 0, NULL) == REAI_SYSTEM && errno == EFAULT);
   CHECK(rsp_getaddrinfo_tags(HANDLE("variants"), NULL, 0, 0, NULL) == REAI_SYSTEM && errno == EFAULT);
   CHECK(rsp_pe_registration_tags(HANDLE("variants"), NULL, NULL, 1000, 0, NULL) != 0 && errno == EFAULT);
   CHECK(rsp_pe_deregistration_tags(NULL, 4, 1, 0, NULL) != 0 && errno == EFAULT);
   CHECK(rsp_pe_failure_tags(NULL, 4, 1, NULL) != 0 && errno == EFAULT);
   CHECK(rsp_close(sd) == 0);
}

/* ---- Addresses and texts ---- */

/* What is bound is what is registered. */
static void bound_addresses_are_registered(void)
{
   struct sockaddr_in   address, found;
   struct rsp_addrinfo* list = NULL;
   const int            sd   = rsp_socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
   memset(&address, 0, sizeof(address));
   address.sin_family      = AF_INET;
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   REQUIRE(sd >= 0);
   CHECK(rsp_bind(sd, (struct sockaddr*)&address, 1) == 0);
   FAILS(rsp_bind(sd, (struct sockaddr*)&address, 1), EINVAL);
   REQUIRE(rsp_listen(sd, 4) == 0);
   REQUIRE(rsp_register(sd, HANDLE("variants-bound"), NULL, 30000, 0) == 0);
   REQUIRE(rsp_getaddrinfo(HANDLE("variants-bound"), &list, 0, 0) == 1);
   CHECK(list->ai_addrs == 1);
   memcpy(&found, list->ai_addr, sizeof(found));
   CHECK(found.sin_addr.s_addr == htonl(INADDR_LOOPBACK) && found.sin_port != 0);

   /* Nobody else gets the port. */
   address.sin_port = found.sin_port;
   const int other  = rsp_socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
   FAILS(rsp_bind(other, (struct sockaddr*)&address, 1), EADDRINUSE);
   rsp_freeaddrinfo(list);
   CHECK(rsp_close(other) == 0);
   CHECK(rsp_close(sd) == 0);
}

static void policies_have_names(void)
{
   static const unsigned types[] = {PPT_ROUNDROBIN, PPT_WEIGHTED_ROUNDROBIN, PPT_RANDOM, PPT_WEIGHTED_RANDOM, PPT_PRIORITY,
                                    PPT_LEASTUSED, PPT_LEASTUSED_DEGRADATION, PPT_PRIORITY_LEASTUSED,
                                    PPT_RANDOMIZED_LEASTUSED, PPT_LEASTUSED_DPF, PPT_WEIGHTED_RANDOM_DPF};
   for(size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
      const char* name = rsp_getpolicybytype(types[i]);
      REQUIRE(name != NULL);
      CHECK(rsp_getpolicybyname(name) == types[i]);
   }
}

static void prints_as(const union rserpool_notification* notification, const char* part)
{
   char  text[256] = "";
   FILE* file      = fmemopen(text, sizeof(text) - 1, "w");
   REQUIRE(file != NULL);
   rsp_print_notification(notification, file);
   CHECK(fclose(file) == 0);
   CHECK(strstr(text, part) != NULL && strchr(text, '\n') == NULL);
}

static void notifications_are_told(void)
{
   union rserpool_notification notification;
   memset(&notification, 0, sizeof(notification));
   notification.rn_header.rn_length       = sizeof(notification);
   notification.rn_header.rn_type         = RSERPOOL_FAILOVER;
   notification.rn_failover.rf_session    = 7;
   notification.rn_failover.rf_has_cookie = 1;
   notification.rn_failover.rf_state      = RSERPOOL_FAILOVER_NECESSARY;
   prints_as(&notification, "failover necessary for session 7 (with cookie)");
   notification.rn_failover.rf_state = RSERPOOL_FAILOVER_COMPLETE;
   prints_as(&notification, "failover complete for session 7");
   notification.rn_failover.rf_state = 4711;
   prints_as(&notification, "unknown");
   notification.rn_header.rn_type             = RSERPOOL_SESSION_CHANGE;
   notification.rn_session_change.rsc_session = 8;
   notification.rn_session_change.rsc_state   = RSERPOOL_SESSION_REMOVE;
   prints_as(&notification, "session 8 removed");
   notification.rn_header.rn_type            = RSERPOOL_SHUTDOWN_EVENT;
   notification.rn_shutdown_event.rse_session = 9;
   prints_as(&notification, "session 9 shut down");
   notification.rn_header.rn_type             = RSERPOOL_SEND_FAILED;
   notification.rn_send_failed.rsf_messages   = 3;
   notification.rn_send_failed.rsf_session    = 10;
   notification.rn_send_failed.rsf_identifier = 0xabcd;
   prints_as(&notification, "3 messages not delivered to element 0x0000abcd in session 10");
   notification.rn_header.rn_type                        = RSERPOOL_REGISTRATION_CHANGE;
   notification.rn_registration_change.rrc_error      = 0;
   notification.rn_registration_change.rrc_identifier = 0xabcd;
   prints_as(&notification, "registration of 0x0000abcd: error 0");
   notification.rn_registration_change.rrc_error = EEXIST;
   prints_as(&notification, "registration of 0x0000abcd: error 17");
   notification.rn_header.rn_type = 0xffff;
   prints_as(&notification, "unknown notification of type 65535");
}

static void* without_errors(void* argument)
{
   (void)argument;
   CHECK(rsp_last_error()[0] == '\0');
   FAILS(rsp_close(-2), EBADF);
   CHECK(rsp_last_error()[0] != '\0');
   return NULL;
}

static void errors_have_texts(void)
{
   static const int numbers[] = {EACCES, EAGAIN, EBADF, EFAULT, EINVAL, EIO, EOWNERDEAD, ENOTRECOVERABLE, 0, -1, 1 << 30};
   for(size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
      const char* text = rsp_strerror(numbers[i]);
      CHECK(text != NULL && text[0] != '\0' && strchr(text, '\n') == NULL);
      CHECK(rsp_strerror(numbers[i]) == text || strcmp(rsp_strerror(numbers[i]), text) == 0);
   }
   FAILS(rsp_close(-1), EBADF);
   char before[512];
   snprintf(before, sizeof(before), "%s", rsp_last_error());
   CHECK(before[0] != '\0');
   const char* first  = rsp_last_error(); /* may be asked for twice in one expression */
   const char* second = rsp_last_error();
   CHECK(first == second && strcmp(first, before) == 0);
   pthread_t thread;
   REQUIRE(pthread_create(&thread, NULL, without_errors, NULL) == 0);
   pthread_join(thread, NULL);
   CHECK(strcmp(before, rsp_last_error()) == 0); /* what other threads do does not change it */
}

int main(int argc, char** argv)
{
   start(argc, argv);
   lists_are_followed();
   sessions_with_tags();
   elements_with_tags();
   bad_arguments_beside_tags();
   bound_addresses_are_registered();
   policies_have_names();
   notifications_are_told();
   errors_have_texts();
   return finish("variants");
}
