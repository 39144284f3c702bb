/*
 * An echo server in the one-to-one style: rsp_accept() gives each session a descriptor, and a thread serves it.
 *
 *     echo_server -registrar=127.0.0.1:3863
 *
 * Behind a firewall or a NAT that lets one port in, say which: --port=4000
 *
 * (call_control_server.c shows the other style: one descriptor for all sessions, one thread.)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <rserpool/rserpool.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_TIMEOUT_MS 500 /* so often look whether to stop */
#define IDLE_TIMEOUT_MS   (10 * 60 * 1000)
#define SEND_TIMEOUT_MS   5000

static const char*           pool = "EchoPool";
static volatile sig_atomic_t stop;

static void on_signal(int number)
{
   (void)number;
   stop = 1;
}

/* Sends back what comes, until the client leaves. As cookie, it has the client keep the number of echoes so far. */
static void serve(int sd)
{
   const size_t   size   = 65536;
   unsigned char* buffer = malloc(size);
   uint32_t       echoes = 0;

   while(buffer != NULL) {
      struct rsp_sndrcvinfo info;
      int                   flags  = 0;
      const ssize_t         length = rsp_recvfullmsg(sd, buffer, size, &info, &flags, IDLE_TIMEOUT_MS);
      if(length <= 0) {
         break; /* 0: the client has left; else an error, or idle for too long */
      }
      if(flags & MSG_RSERPOOL_NOTIFICATION) {
         continue;
      }
      if(flags & MSG_RSERPOOL_COOKIE_ECHO) {
         /* The client was another server's, which failed: here is what that one knew. */
         if(length == (ssize_t)sizeof(echoes)) {
            memcpy(&echoes, buffer, sizeof(echoes));
            echoes = ntohl(echoes);
            printf("session %d comes from another server after %u echoes\n", sd, echoes);
         }
         continue;
      }
      echoes++;
      const uint32_t cookie = htonl(echoes);
      if(rsp_send_cookie(sd, (const unsigned char*)&cookie, sizeof(cookie), 0, SEND_TIMEOUT_MS) < 0 ||
         rsp_sendmsg(sd, buffer, (size_t)length, 0, 0, info.rinfo_ppid, info.rinfo_stream, 0, 0, SEND_TIMEOUT_MS) < 0) {
         break;
      }
   }
   free(buffer);
   printf("session %d ends after %u echoes\n", sd, echoes);
}

static void* session_thread(void* argument)
{
   const int sd = (int)(intptr_t)argument;
   serve(sd);
   rsp_close(sd);
   return NULL;
}

static void accept_sessions(int sd)
{
   while(!stop) {
      const int session = rsp_accept(sd, ACCEPT_TIMEOUT_MS);
      if(session < 0) {
         if(errno == EAGAIN || errno == EINTR) {
            continue;
         }
         perror("rsp_accept");
         return;
      }
      pthread_t thread;
      printf("session %d begins\n", session);
      if(pthread_create(&thread, NULL, session_thread, (void*)(intptr_t)session) != 0) {
         perror("pthread_create");
         rsp_close(session); /* the client tries another server */
         continue;
      }
      pthread_detach(thread);
   }
}

/* On all addresses of this host. Without it, the system chooses a port. */
static int bind_to_port(int sd, uint16_t port)
{
   struct sockaddr_in any;
   memset(&any, 0, sizeof(any));
   any.sin_family      = AF_INET;
   any.sin_addr.s_addr = htonl(INADDR_ANY);
   any.sin_port        = htons(port);
   return rsp_bind(sd, (const struct sockaddr*)&any, 1);
}

int main(int argc, char** argv)
{
   struct rsp_info  info;
   struct sigaction action;
   uint16_t         port = 0;

   setvbuf(stdout, NULL, _IOLBF, 0);
   rsp_initinfo(&info);
   for(int i = 1; i < argc; i++) {
      if(rsp_initarg(&info, argv[i]) == 1) {
         continue;
      }
      if(strncmp(argv[i], "--port=", 7) == 0) {
         port = (uint16_t)atoi(argv[i] + 7);
         continue;
      }
      if(strncmp(argv[i], "--pool=", 7) != 0) {
         fprintf(stderr, "usage: %s [-registrar=ADDRESS:PORT] [--pool=HANDLE] [--port=PORT]\n", argv[0]);
         return 2;
      }
      pool = argv[i] + 7;
   }
   memset(&action, 0, sizeof(action));
   action.sa_handler = on_signal;
   sigaction(SIGINT, &action, NULL);
   sigaction(SIGTERM, &action, NULL);

   if(rsp_initialize(&info) < 0) {
      perror("rsp_initialize");
      return 1;
   }
   rsp_freeinfo(&info);

   const int sd = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   if(sd < 0 || (port != 0 && bind_to_port(sd, port) < 0) || rsp_listen(sd, 16) < 0 ||
      rsp_register(sd, (const unsigned char*)pool, strlen(pool), NULL /* round robin */, 30000, 0) < 0) {
      perror("cannot offer the service");
      rsp_cleanup();
      return 1;
   }
   printf("serving pool \"%s\"; Ctrl-C stops\n", pool);
   accept_sessions(sd);

   rsp_deregister(sd, 0);
   rsp_close(sd);
   rsp_cleanup(); /* ends the threads' calls, too */
   return 0;
}
