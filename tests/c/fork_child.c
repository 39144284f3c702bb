/* In a child of fork(), threads and associations are the parent's: every call fails, until the child starts afresh. */
#include "every_function.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static int child(int sd, int argc, char** argv)
{
   failures = 0;
   every_function_fails(sd, EOWNERDEAD, 0x1006);
   FAILS(rsp_initialize(NULL), EOWNERDEAD);
   rsp_cleanup();
   start(argc, argv);
   const int own = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   CHECK(own >= 0);
   CHECK(rsp_close(own) == 0);
   rsp_cleanup();
   return failures;
}

static struct sockaddr_in free_port(void)
{
   struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
   socklen_t size = sizeof(address);
   const int sd = socket(AF_INET, SOCK_DGRAM, 0);
   CHECK(sd >= 0 && bind(sd, (struct sockaddr*)&address, size) == 0);
   CHECK(getsockname(sd, (struct sockaddr*)&address, &size) == 0);
   close(sd);
   return address;
}

/* A child that lives on, as a helper does, keeps nothing of its parent's: the port is free as soon as the parent has closed it. */
static void a_helper_keeps_no_port(void)
{
   struct sockaddr_in address = free_port();
   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   REQUIRE(rsp_bind(sd, (struct sockaddr*)&address, 1) == 0);
   REQUIRE(rsp_listen(sd, 4) == 0);
   const pid_t helper = fork();
   REQUIRE(helper >= 0);
   if(helper == 0) {
      for(;;) {
         pause();
      }
   }
   CHECK(rsp_close(sd) == 0);
   const int again = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(again >= 0);
   /* It is closed in the background. */
   int bound = -1;
   const time_t give_up = time(NULL) + 10;
   while(bound < 0 && time(NULL) < give_up) {
      bound = rsp_bind(again, (struct sockaddr*)&address, 1);
      if(bound < 0) {
         poll(NULL, 0, 10);
      }
   }
   CHECK(bound == 0);
   kill(helper, SIGKILL);
   CHECK(waitpid(helper, NULL, 0) == helper);
   CHECK(rsp_close(again) == 0);
}

int main(int argc, char** argv)
{
   start(argc, argv);
   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   REQUIRE(rsp_listen(sd, 4) == 0);
   REQUIRE(rsp_register(sd, HANDLE("fork"), NULL, 30000, 0) == 0);

   const pid_t pid = fork();
   REQUIRE(pid >= 0);
   if(pid == 0) {
      _exit(child(sd, argc, argv));
   }
   int status = 0;
   REQUIRE(waitpid(pid, &status, 0) == pid);
   CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);

   /* The parent's registration has survived the child's clean-up. */
   struct rsp_addrinfo* list;
   CHECK(rsp_getaddrinfo(HANDLE("fork"), &list, 0, 0) == 1);
   rsp_freeaddrinfo(list);
   CHECK(rsp_close(sd) == 0);
   a_helper_keeps_no_port();

   /* Where the library does not run, a fork means nothing to it. */
   rsp_cleanup();
   const pid_t second = fork();
   REQUIRE(second >= 0);
   if(second == 0) {
      failures = 0;
      FAILS(rsp_close(sd), EACCES);
      start(argc, argv);
      rsp_cleanup();
      _exit(failures);
   }
   REQUIRE(waitpid(second, &status, 0) == second);
   CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
   return finish("fork_child");
}
