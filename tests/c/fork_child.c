/* In a child of fork(), threads and associations are the parent's: every call fails, until the child starts afresh. */
#include "every_function.h"

#include <sys/wait.h>

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
