/* Every function before rsp_initialize() and after rsp_cleanup(): -1 and EACCES, or its own way of saying so. */
#include "check.h"

static void call_everything(void)
{
   struct rserpool_session_parameters parameters = {0, 0, 0, 0, 0, 0};
   struct rsp_addrinfo                element;
   struct rsp_addrinfo*               list = &element;
   unsigned char                      buffer[64];
   size_t                             size = sizeof(buffer);
   int                                value = 1;
   socklen_t                          length = sizeof(value);
   struct sockaddr_in                 address;

   memset(&address, 0, sizeof(address));
   address.sin_family = AF_INET;
   memset(&element, 0, sizeof(element));
   element.ai_protocol = IPPROTO_SCTP;
   element.ai_socktype = SOCK_STREAM;
   element.ai_addrs    = 1;
   element.ai_addr     = (struct sockaddr*)&address;

   FAILS(rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP), EACCES);
   FAILS(rsp_bind(3, NULL, 0), EACCES);
   FAILS(rsp_listen(3, 1), EACCES);
   FAILS(rsp_accept(3, 0), EACCES);
   FAILS(rsp_connect(3, HANDLE("pool"), 0), EACCES);
   FAILS(rsp_register(3, HANDLE("pool"), NULL, 1000, 0), EACCES);
   FAILS(rsp_deregister(3, 0), EACCES);
   FAILS(rsp_close(3), EACCES);
   FAILS(rsp_csp_setstatus(3, 0, "busy"), EACCES);
   FAILS(rsp_sendmsg(3, "x", 1, 0, 0, 0, 0, 0, 0, 0), EACCES);
   FAILS(rsp_send_cookie(3, HANDLE("x"), 0, 0), EACCES);
   FAILS(rsp_recvmsg(3, buffer, sizeof(buffer), NULL, NULL, 0), EACCES);
   FAILS(rsp_recvfullmsg(3, buffer, sizeof(buffer), NULL, NULL, 0), EACCES);
   FAILS(rsp_read(3, buffer, sizeof(buffer)), EACCES);
   FAILS(rsp_recv(3, buffer, sizeof(buffer), 0), EACCES);
   FAILS(rsp_write(3, "x", 1), EACCES);
   FAILS(rsp_send(3, "x", 1, 0), EACCES);
   FAILS(rsp_has_cookie(3), EACCES);
   FAILS(rsp_forcefailover(3, 0, 0), EACCES);
   FAILS(rsp_getsockname(3, buffer, &size, NULL), EACCES);
   FAILS(rsp_getpeername(3, buffer, &size, NULL), EACCES);
   FAILS(rsp_getsockopt(3, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, &length), EACCES);
   FAILS(rsp_setsockopt(3, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, length), EACCES);
   FAILS(rsp_update_session_parameters(3, &parameters), EACCES);
   FAILS(rsp_mapsocket(0, -1), EACCES);
   FAILS(rsp_unmapsocket(0), EACCES);

   CHECK(rsp_getaddrinfo(HANDLE("pool"), &list, 0, 0) == REAI_SYSTEM && errno == EACCES && list == NULL);
   CHECK(rsp_pe_registration(HANDLE("pool"), &element, NULL, 1000, 0) == 0x1000 && errno == EACCES);
   CHECK(rsp_pe_deregistration(HANDLE("pool"), 1, 0) == 0x1000 && errno == EACCES);
   CHECK(rsp_pe_failure(HANDLE("pool"), 1) == 0x1000 && errno == EACCES);

   /* These need no library. */
   CHECK(rsp_getpolicybyname("RoundRobin") == PPT_ROUNDROBIN);
   CHECK(strcmp(rsp_getpolicybytype(PPT_LEASTUSED_DPF), "LeastUsedDPF") == 0);
   CHECK(rsp_getpolicybyname("roundrobin") == PPT_UNDEFINED && rsp_getpolicybyname(NULL) == PPT_UNDEFINED);
   CHECK(rsp_getpolicybytype(0x12345) == NULL);
   rsp_freeaddrinfo(NULL);
   rsp_freeinfo(NULL);
   rsp_initinfo(NULL);
   CHECK(rsp_initarg(NULL, "-registrar=127.0.0.1:1") == 0);
   rsp_cleanup();
}

int main(void)
{
   struct rsp_info info;

   call_everything();

   memset(&info, 0xff, sizeof(info));
   rsp_initinfo(&info);
   CHECK(info.ri_registrars == NULL && info.ri_disable_autoconfig == 0);
   CHECK(rsp_initarg(&info, NULL) == 0);
   CHECK(rsp_initarg(&info, "-asapannounce=off") == 1);
   CHECK(rsp_initarg(&info, "-loglevel=1") == 1);
   CHECK(rsp_initarg(&info, "-registrar=127.0.0.1:1") == 1);
   REQUIRE(rsp_initialize(&info) == 0);
   CHECK(rsp_initialize(&info) == 0); /* runs already */
   CHECK(rsp_initialize(NULL) == 0);
   rsp_freeinfo(&info);
   rsp_cleanup();
   rsp_cleanup();

   call_everything();
   return finish("before_initialize");
}
