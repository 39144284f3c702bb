/* Calls that wait while another thread closes their socket or cleans up. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>

/* Takes connections and datagrams, and never answers: UDP and TCP on one port, which is written behind "-registrar=". */
static void silent_registrar(char* argument, size_t size, int sockets[2])
{
   struct sockaddr_in address;
   socklen_t          length = sizeof(address);
   memset(&address, 0, sizeof(address));
   address.sin_family      = AF_INET;
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   for(;;) {
      address.sin_port = 0;
      sockets[0]       = socket(AF_INET, SOCK_DGRAM, 0);
      sockets[1]       = socket(AF_INET, SOCK_STREAM, 0);
      REQUIRE(sockets[0] >= 0 && sockets[1] >= 0);
      REQUIRE(bind(sockets[0], (struct sockaddr*)&address, sizeof(address)) == 0);
      REQUIRE(getsockname(sockets[0], (struct sockaddr*)&address, &length) == 0);
      if(bind(sockets[1], (struct sockaddr*)&address, sizeof(address)) == 0 && listen(sockets[1], 16) == 0) {
         break;
      }
      close(sockets[0]);
      close(sockets[1]);
   }
   snprintf(argument, size, "-registrar=127.0.0.1:%u", ntohs(address.sin_port));
}

static void start_without_answers(const char* registrar)
{
   struct rsp_info info;
   rsp_initinfo(&info);
   REQUIRE(rsp_initarg(&info, registrar) == 1);
   REQUIRE(rsp_initarg(&info, "-asapannounce=off") == 1);
   REQUIRE(rsp_initarg(&info, "-transport=sctp-udp") == 1);
   REQUIRE(rsp_initialize(&info) == 0);
   rsp_freeinfo(&info);
}

static int sd;

static void* register_until_closed(void* unused)
{
   FAILS(rsp_register(sd, HANDLE("meanwhile"), NULL, 30000, 0), EBADF);
   return unused;
}

static void* register_until_cleaned_up(void* unused)
{
   FAILS(rsp_register(sd, HANDLE("meanwhile"), NULL, 30000, 0), ECANCELED);
   return unused;
}

static pthread_t registering(void* (*how)(void*))
{
   pthread_t     thread;
   unsigned char handle[32];
   size_t        size;
   sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   REQUIRE(pthread_create(&thread, NULL, how, NULL) == 0);
   /* From then on it is about to wait. */
   do {
      sched_yield();
      size = sizeof(handle);
   } while(rsp_getsockname(sd, handle, &size, NULL) < 0);
   return thread;
}

static void registrations_end(void)
{
   char registrar[64];
   int  sockets[2];
   silent_registrar(registrar, sizeof(registrar), sockets);
   start_without_answers(registrar);
   pthread_t thread = registering(register_until_closed);
   CHECK(rsp_close(sd) == 0);
   CHECK(pthread_join(thread, NULL) == 0);
   thread = registering(register_until_cleaned_up);
   rsp_cleanup();
   CHECK(pthread_join(thread, NULL) == 0);
   close(sockets[0]);
   close(sockets[1]);
}

int main(int argc, char** argv)
{
   registrations_end();
   /* Nothing of that is left. */
   start(argc, argv);
   struct rsp_addrinfo* list;
   CHECK(rsp_getaddrinfo(HANDLE("meanwhile"), &list, 0, 0) == REAI_NONAME);
   return finish("meanwhile");
}
