/* Registers an element that may start before its host has an address, and says how its registration stands. */
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
