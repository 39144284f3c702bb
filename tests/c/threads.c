/* Many threads at once, on their own sockets and on one; closing under a blocked call. */
#include "check.h"

#include <arpa/inet.h>
#include <pthread.h>

#define CLIENTS 8
#define ROUNDS  20

static volatile int stop;

static void* serve(void* argument)
{
   const int sd = *(int*)argument;
   char      buffer[256];
   while(!stop) {
      struct rsp_sndrcvinfo info;
      int                   flags  = 0;
      const ssize_t         length = rsp_recvfullmsg(sd, buffer, sizeof(buffer), &info, &flags, 50);
      if(length > 0 && !(flags & MSG_RSERPOOL_NOTIFICATION)) {
         CHECK(rsp_sendmsg(sd, buffer, (size_t)length, 0, info.rinfo_session, info.rinfo_ppid, 0, 0, 0, 5000) == length);
      }
   }
   return NULL;
}

static void* use(void* argument)
{
   (void)argument;
   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   if(sd < 0 || rsp_connect(sd, HANDLE("threads"), 0) < 0) {
      CHECK(!"a client can connect");
      return NULL;
   }
   for(int i = 0; i < ROUNDS; i++) {
      char      sent[32], buffer[256];
      int       flags = 0;
      const int size  = snprintf(sent, sizeof(sent), "client %d round %d", sd, i);
      CHECK(rsp_sendmsg(sd, sent, (size_t)size, 0, 0, htonl(1), 0, 0, 0, 5000) == size);
      CHECK(rsp_recvfullmsg(sd, buffer, sizeof(buffer), NULL, &flags, 10000) == size && memcmp(buffer, sent, (size_t)size) == 0);
   }
   CHECK(rsp_close(sd) == 0);
   return NULL;
}

static void* receive_forever(void* argument)
{
   char      buffer[64];
   int       flags  = 0;
   const int sd     = *(int*)argument;
   ssize_t   result = rsp_recvfullmsg(sd, buffer, sizeof(buffer), NULL, &flags, -1);
   CHECK(result <= 0);
   return NULL;
}

static void* open_and_close(void* argument)
{
   (void)argument;
   for(int i = 0; i < ROUNDS; i++) {
      const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
      CHECK(sd >= 0);
      CHECK(rsp_close(sd) == 0);
   }
   return NULL;
}

int main(int argc, char** argv)
{
   pthread_t servers[2], clients[CLIENTS], others[2], blocked;
   start(argc, argv);
   int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   REQUIRE(rsp_listen(sd, 16) == 0);
   REQUIRE(rsp_register(sd, HANDLE("threads"), NULL, 30000, 0) == 0);

   for(int i = 0; i < 2; i++) { /* two threads serve one descriptor */
      REQUIRE(pthread_create(&servers[i], NULL, serve, &sd) == 0);
      REQUIRE(pthread_create(&others[i], NULL, open_and_close, NULL) == 0);
   }
   for(int i = 0; i < CLIENTS; i++) {
      REQUIRE(pthread_create(&clients[i], NULL, use, NULL) == 0);
   }
   for(int i = 0; i < CLIENTS; i++) {
      pthread_join(clients[i], NULL);
   }
   pthread_join(others[0], NULL);
   pthread_join(others[1], NULL);

   /* Closing a descriptor ends a call that is blocked on it, or is about to be. */
   int idle = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(idle >= 0);
   REQUIRE(rsp_listen(idle, 1) == 0);
   REQUIRE(pthread_create(&blocked, NULL, receive_forever, &idle) == 0);
   CHECK(rsp_close(idle) == 0);
   pthread_join(blocked, NULL);

   /* And so does the end of the library. */
   idle = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(idle >= 0);
   REQUIRE(rsp_listen(idle, 1) == 0);
   REQUIRE(pthread_create(&blocked, NULL, receive_forever, &idle) == 0);
   stop = 1;
   pthread_join(servers[0], NULL);
   pthread_join(servers[1], NULL);
   rsp_cleanup();
   pthread_join(blocked, NULL);
   return finish("threads");
}
