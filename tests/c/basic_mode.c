/* Basic mode: registration by address, resolution, failure report, against a real registrar. */
#include "check.h"

#include <arpa/inet.h>

static void registered_addresses_are_resolved(void)
{
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
   element.ai_protocol = IPPROTO_SCTP;
   element.ai_addrlen  = sizeof(address);
   element.ai_addrs    = 1;
   element.ai_addr     = (struct sockaddr*)&address;

   CHECK(rsp_getaddrinfo(HANDLE("basic"), &list, 0, 0) == REAI_NONAME && list == NULL);
   REQUIRE(rsp_pe_registration(HANDLE("basic"), &element, NULL, 60000, 0) == 0);
   CHECK(element.ai_pe_id != 0); /* chosen, and written back */

   REQUIRE(rsp_getaddrinfo(HANDLE("basic"), &list, RSPGETADDRS_DEFAULT, 0) == 1);
   CHECK(list->ai_next == NULL && list->ai_pe_id == element.ai_pe_id && list->ai_addrs == 1);
   CHECK(list->ai_family == AF_INET && list->ai_socktype == SOCK_STREAM && list->ai_protocol == IPPROTO_SCTP);
   CHECK(list->ai_addrlen == 28); /* as in rsplib: room for any address */
   struct sockaddr_in found;
   memcpy(&found, list->ai_addr, sizeof(found));
   CHECK(found.sin_family == AF_INET && found.sin_port == htons(7777));
   rsp_freeaddrinfo(list);

   CHECK(rsp_pe_failure(HANDLE("basic"), element.ai_pe_id) == 0);
   CHECK(rsp_pe_deregistration(HANDLE("basic"), element.ai_pe_id, 0) == 0);
   CHECK(rsp_getaddrinfo(HANDLE("basic"), &list, 0, 0) == REAI_NONAME && list == NULL);
}

static void numbers_of_elements_are_respected(void)
{
   int                  servers[3];
   struct rsp_addrinfo* list = NULL;
   for(int i = 0; i < 3; i++) {
      servers[i] = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
      REQUIRE(servers[i] >= 0);
      REQUIRE(rsp_listen(servers[i], 4) == 0);
      REQUIRE(rsp_register(servers[i], HANDLE("three"), NULL, 30000, 0) == 0);
   }
   CHECK(rsp_getaddrinfo(HANDLE("three"), &list, RSPGETADDRS_MAX, 0) == 3);
   rsp_freeaddrinfo(list);
   CHECK(rsp_getaddrinfo(HANDLE("three"), &list, RSPGETADDRS_MIN, 0) == 1);
   rsp_freeaddrinfo(list);
   CHECK(rsp_getaddrinfo_tags(HANDLE("three"), &list, 2, 0, NULL) == 2);
   rsp_freeaddrinfo(list);
   for(int i = 0; i < 3; i++) {
      CHECK(rsp_close(servers[i]) == 0);
   }
}

/* All elements of a pool have a control channel, or none has; and nobody has to wait. */
static void flags_are_heeded(void)
{
   struct sockaddr_in   address;
   struct rsp_addrinfo  element;
   struct rsp_addrinfo* list  = NULL;
   int                  found = 0;

   memset(&address, 0, sizeof(address));
   address.sin_family      = AF_INET;
   address.sin_port        = htons(7778);
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   memset(&element, 0, sizeof(element));
   element.ai_socktype = SOCK_STREAM;
   element.ai_protocol = IPPROTO_SCTP;
   element.ai_addrs    = 1;
   element.ai_addr     = (struct sockaddr*)&address;

   const int server = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(server >= 0 && rsp_listen(server, 4) == 0);
   REQUIRE(rsp_register(server, HANDLE("controlled"), NULL, 30000, 0) == 0);
   CHECK(rsp_pe_registration(HANDLE("controlled"), &element, NULL, 60000, 0) != 0);
   CHECK(rsp_pe_registration(HANDLE("controlled"), &element, NULL, 60000, REGF_CONTROLCHANNEL) == 0);
   CHECK(rsp_getaddrinfo(HANDLE("controlled"), &list, RSPGETADDRS_MAX, 0) == 2);
   rsp_freeaddrinfo(list);
   CHECK(rsp_close(server) == 0);

   element.ai_pe_id = 0;
   CHECK(rsp_pe_registration(HANDLE("later"), &element, NULL, 60000, REGF_DONTWAIT) == 0 && element.ai_pe_id != 0);
   while(found != 1) { /* the test as a whole has its time */
      found = rsp_getaddrinfo(HANDLE("later"), &list, RSPGETADDRS_DEFAULT, 0);
      if(found > 0) {
         rsp_freeaddrinfo(list);
      }
   }
   CHECK(rsp_pe_deregistration(HANDLE("later"), element.ai_pe_id, DEREGF_DONTWAIT) == 0);
   while(found != REAI_NONAME) {
      found = rsp_getaddrinfo(HANDLE("later"), &list, RSPGETADDRS_DEFAULT, 0);
      if(found > 0) {
         rsp_freeaddrinfo(list);
      }
   }
}

int main(int argc, char** argv)
{
   start(argc, argv);
   registered_addresses_are_resolved();
   numbers_of_elements_are_respected();
   flags_are_heeded();
   return finish("basic_mode");
}
