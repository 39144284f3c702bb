/* Calls of every function that needs the library, with arguments that are right, for what must fail all of them alike. */
#ifndef EVERY_FUNCTION_H
#define EVERY_FUNCTION_H

#include "check.h"

#include <sys/select.h>

/* Functions of sockets that do not take mapped descriptors. */
static inline void socket_functions_fail(int sd, int expected)
{
   struct rserpool_session_parameters parameters = {0, 0, 0, 0, 0, 0};
   unsigned char                      buffer[64];
   size_t                             size = sizeof(buffer);
   struct rsp_poolinfo*               pool = NULL;
   const uint32_t                     identifier = 1;

   FAILS(rsp_bind(sd, NULL, 0), expected);
   FAILS(rsp_listen(sd, 1), expected);
   FAILS(rsp_accept(sd, 0), expected);
   FAILS(rsp_accept_tags(sd, 0, NULL), expected);
   FAILS(rsp_connect(sd, HANDLE("pool"), 0), expected);
   FAILS(rsp_connect_tags(sd, HANDLE("pool"), 0, NULL), expected);
   FAILS(rsp_register(sd, HANDLE("pool"), NULL, 1000, 0), expected);
   FAILS(rsp_register_tags(sd, HANDLE("pool"), NULL, 1000, 0, NULL), expected);
   FAILS(rsp_deregister(sd, 0), expected);
   FAILS(rsp_deregister_tags(sd, 0, NULL), expected);
   FAILS(rsp_send_cookie(sd, HANDLE("x"), 0, 0), expected);
   FAILS(rsp_send_businesscard(sd, &identifier, 1), expected);
   FAILS(rsp_sendto_pool(sd, "x", 1, HANDLE("pool"), 0, 0, NULL, 0, 0), expected);
   FAILS(rsp_getpoolchange(sd, &pool, 0), expected);
   FAILS(rsp_has_cookie(sd), expected);
   FAILS(rsp_forcefailover(sd, 0, 0), expected);
   FAILS(rsp_forcefailover_tags(sd, 0, 0, NULL), expected);
   FAILS(rsp_getsockname(sd, buffer, &size, NULL), expected);
   FAILS(rsp_getpeername(sd, buffer, &size, NULL), expected);
   FAILS(rsp_update_session_parameters(sd, &parameters), expected);
   FAILS(rsp_csp_setstatus(sd, 0, "busy"), expected);
}

/* Functions of sockets that take mapped descriptors as well. */
static inline void descriptor_functions_fail(int sd, int expected)
{
   unsigned char buffer[64];
   int           value  = 1;
   socklen_t     length = sizeof(value);

   FAILS(rsp_sendmsg(sd, "x", 1, 0, 0, 0, 0, 0, 0, 0), expected);
   FAILS(rsp_write(sd, "x", 1), expected);
   FAILS(rsp_send(sd, "x", 1, 0), expected);
   FAILS(rsp_recvmsg(sd, buffer, sizeof(buffer), NULL, NULL, 0), expected);
   FAILS(rsp_recvfullmsg(sd, buffer, sizeof(buffer), NULL, NULL, 0), expected);
   FAILS(rsp_read(sd, buffer, sizeof(buffer)), expected);
   FAILS(rsp_recv(sd, buffer, sizeof(buffer), 0), expected);
   FAILS(rsp_getsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, &length), expected);
   FAILS(rsp_setsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, length), expected);
   FAILS(rsp_unmapsocket(sd), expected);
   FAILS(rsp_close(sd), expected);
}

/* All others. `code` is what the functions of basic mode return. */
static inline void other_functions_fail(int expected, unsigned int code)
{
   struct timeval       timeout = {0, 0};
   struct rsp_addrinfo  element;
   struct rsp_addrinfo* list = &element;
   struct sockaddr_in   address;
   struct pollfd        entry = {0, POLLIN, 0};

   memset(&address, 0, sizeof(address));
   address.sin_family = AF_INET;
   memset(&element, 0, sizeof(element));
   element.ai_protocol = IPPROTO_SCTP;
   element.ai_socktype = SOCK_STREAM;
   element.ai_addrs    = 1;
   element.ai_addr     = (struct sockaddr*)&address;

   FAILS(rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP), expected);
   FAILS(rsp_socket_internal(0, SOCK_SEQPACKET, IPPROTO_SCTP, -1), expected);
   FAILS(rsp_poll(&entry, 1, 0), expected);
   FAILS(rsp_select(0, NULL, NULL, NULL, &timeout), expected);
   FAILS(rsp_mapsocket(0, -1), expected);
   FAILS_AS(rsp_getaddrinfo(HANDLE("pool"), &list, 0, 0), REAI_SYSTEM, expected);
   CHECK(list == NULL);
   FAILS_AS(rsp_getaddrinfo_tags(HANDLE("pool"), &list, 0, 0, NULL), REAI_SYSTEM, expected);
   FAILS_AS(rsp_pe_registration(HANDLE("pool"), &element, NULL, 1000, 0), code, expected);
   FAILS_AS(rsp_pe_registration_tags(HANDLE("pool"), &element, NULL, 1000, 0, NULL), code, expected);
   FAILS_AS(rsp_pe_deregistration(HANDLE("pool"), 1, 0), code, expected);
   FAILS_AS(rsp_pe_deregistration_tags(HANDLE("pool"), 1, 0, NULL), code, expected);
   FAILS_AS(rsp_pe_failure(HANDLE("pool"), 1), code, expected);
   FAILS_AS(rsp_pe_failure_tags(HANDLE("pool"), 1, NULL), code, expected);
}

static inline void every_function_fails(int sd, int expected, unsigned int code)
{
   struct rsp_poolinfo* pool = NULL;
   FAILS(rsp_getpoolinfo(HANDLE("pool"), &pool, 0, 0), expected);
   FAILS(rsp_subscribe_pool(HANDLE("pool")), expected);
   socket_functions_fail(sd, expected);
   descriptor_functions_fail(sd, expected);
   other_functions_fail(expected, code);
}

#endif
