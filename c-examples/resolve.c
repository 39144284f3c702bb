/*
 * Basic mode: the registrar as a name service. Asks who is in a pool, and prints the elements, best first.
 *
 *     resolve -registrar=127.0.0.1:3863 EchoPool
 *
 * What to do with the addresses is up to the program: any protocol, any kind of failover. A program that finds an
 * element dead tells the others by rsp_pe_failure().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <rserpool/rserpool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* The addresses of an element lie directly behind one another, each as long as its family says. */
static size_t print_address(const char* at)
{
   union {
      struct sockaddr     any;
      struct sockaddr_in  v4;
      struct sockaddr_in6 v6;
   } address;
   char text[INET6_ADDRSTRLEN] = "?";

   memset(&address, 0, sizeof(address));
   memcpy(&address.v4, at, sizeof(address.v4));
   if(address.any.sa_family == AF_INET6) {
      memcpy(&address.v6, at, sizeof(address.v6));
      inet_ntop(AF_INET6, &address.v6.sin6_addr, text, sizeof(text));
      printf(" [%s]:%u", text, ntohs(address.v6.sin6_port));
      return sizeof(address.v6);
   }
   inet_ntop(AF_INET, &address.v4.sin_addr, text, sizeof(text));
   printf(" %s:%u", text, ntohs(address.v4.sin_port));
   return sizeof(address.v4);
}

static const char* protocol_name(int protocol)
{
   switch(protocol) {
      case IPPROTO_SCTP:
         return "SCTP";
      case IPPROTO_TCP:
         return "TCP";
      case IPPROTO_UDP:
         return "UDP";
      default:
         return "other protocol";
   }
}

static int resolve(const char* handle)
{
   struct rsp_addrinfo* list;
   const int            count =
      rsp_getaddrinfo((const unsigned char*)handle, strlen(handle), &list, RSPGETADDRS_DEFAULT, 0 /* ask now */);
   if(count == REAI_NONAME) {
      printf("%s: there is no such pool\n", handle);
      return 1;
   }
   if(count < 0) {
      fprintf(stderr, "%s: cannot resolve: %s\n", handle, strerror(errno));
      return 1;
   }
   for(const struct rsp_addrinfo* element = list; element != NULL; element = element->ai_next) {
      const char* at = (const char*)element->ai_addr;
      printf("%s: PE 0x%08x, %s", handle, element->ai_pe_id, protocol_name(element->ai_protocol));
      for(size_t i = 0; i < element->ai_addrs; i++) {
         at += print_address(at);
      }
      printf("\n");
   }
   rsp_freeaddrinfo(list);
   return 0;
}

int main(int argc, char** argv)
{
   struct rsp_info info;
   int             handles = 0, failed = 0;

   rsp_initinfo(&info);
   for(int i = 1; i < argc; i++) {
      if(rsp_initarg(&info, argv[i]) != 1) {
         argv[handles++] = argv[i]; /* not an option of the library: a pool handle */
      }
   }
   if(handles == 0) {
      fprintf(stderr, "usage: resolve [-registrar=ADDRESS:PORT] POOL-HANDLE...\n");
      return 2;
   }
   if(rsp_initialize(&info) < 0) {
      perror("rsp_initialize");
      return 1;
   }
   rsp_freeinfo(&info);
   for(int i = 0; i < handles; i++) {
      failed |= resolve(argv[i]);
   }
   rsp_cleanup();
   return failed;
}
