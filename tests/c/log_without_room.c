/* The log is a file that has reached the limit of its size: a line must not end the program by SIGXFSZ, nor take a SIGXFSZ away that
   waits for the program itself. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memfd_create() */
#endif
#include "check.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

static int is_pending(void)
{
   sigset_t pending;
   REQUIRE(sigpending(&pending) == 0);
   return sigismember(&pending, SIGXFSZ);
}

int main(int argc, char** argv)
{
   struct rlimit none, before;
   sigset_t      size_only;
   REQUIRE(setenv("RSERPOOL_LOG", "trace", 1) == 0);
   const int shown = dup(STDERR_FILENO);
   const int log   = memfd_create("log", 0);
   REQUIRE(shown >= 0 && log >= 0 && dup2(log, STDERR_FILENO) == STDERR_FILENO);
   REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
   none          = before;
   none.rlim_cur = 0;
   REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
   /* The default action would end the process here. */
   start(argc, argv);
   FAILS(rsp_close(-1), EBADF);

   REQUIRE(sigemptyset(&size_only) == 0 && sigaddset(&size_only, SIGXFSZ) == 0);
   REQUIRE(pthread_sigmask(SIG_BLOCK, &size_only, NULL) == 0);
   FAILS(rsp_close(-1), EBADF);
   CHECK(!is_pending());
   REQUIRE(raise(SIGXFSZ) == 0);
   FAILS(rsp_close(-1), EBADF);
   CHECK(is_pending());

   REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
   FAILS(rsp_close(-1), EBADF);
   static char text[65536];
   const ssize_t length = pread(log, text, sizeof(text) - 1, 0);
   text[length < 0 ? 0 : length] = 0;
   CHECK(strstr(text, "lines lost") != NULL);
   rsp_cleanup();
   REQUIRE(dup2(shown, STDERR_FILENO) == STDERR_FILENO);
   return finish("log_without_room");
}
