/*
 * Registers an element that may start before its host has an address, and says how its registration stands; with --loopback one that
 * is bound to the loopback address.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <rserpool/rserpool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int registered(int sd, int flags)
{
   return rsp_register(sd, (const unsigned char*)"EchoPool", 8, NULL, 30000, flags);
}

static int state(int sd)
{
   int       error  = -1;
   socklen_t length = sizeof(error);
   return rsp_getsockopt(sd, SOL_RSERPOOL, RSERPOOL_REGISTRATION_ERROR, &error, &length) < 0 ? -1 : error;
}

static int be_on_loopback(int sd)
{
   struct sockaddr_in loopback;
   memset(&loopback, 0, sizeof(loopback));
   loopback.sin_family      = AF_INET;
   loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   if(rsp_bind(sd, (const struct sockaddr*)&loopback, 1) < 0 || registered(sd, 0) < 0) {
      perror("on loopback");
      return 1;
   }
   printf("registered\n");
   pause();
   return 0;
}

int main(int argc, char** argv)
{
   struct rsp_info info;
   setvbuf(stdout, NULL, _IOLBF, 0);
   rsp_initinfo(&info);
   for(int i = 1; i < argc; i++) {
      rsp_initarg(&info, argv[i]);
   }
   if(rsp_initialize(&info) < 0) {
      perror("rsp_initialize");
      return 1;
   }
   const int sd = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   if(argc > 1 && strcmp(argv[1], "--loopback") == 0) {
      return be_on_loopback(sd);
   }
   if(registered(sd, 0) == 0 || errno != EADDRNOTAVAIL) {
      printf("registered without an address: %s\n", strerror(errno));
      return 1;
   }
   printf("refused: %s\n", rsp_last_error());
   if(registered(sd, REGF_DAEMONMODE) < 0 || state(sd) != EINPROGRESS) {
      printf("not to be registered: %s, state %d\n", strerror(errno), state(sd));
      return 1;
   }
   printf("waiting: %s\n", rsp_last_error());
   while(state(sd) != 0) {
      usleep(10000);
   }
   printf("registered\n");
   pause();
   return 0;
}
