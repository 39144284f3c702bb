/* Standard error is a pipe whose reader has gone: a log line must not end the program by SIGPIPE, nor take a SIGPIPE away that
   waits for the program itself. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sigisemptyset() and the like in strict C */
#endif
#include "check.h"

#include <signal.h>

static volatile sig_atomic_t pipes;

static void on_pipe(int number)
{
   (void)number;
   pipes++;
}

static int is_pending(void)
{
   sigset_t pending;
   REQUIRE(sigpending(&pending) == 0);
   return sigismember(&pending, SIGPIPE);
}

int main(int argc, char** argv)
{
   int      log[2];
   sigset_t pipe_only, before;
   REQUIRE(setenv("RSERPOOL_LOG", "trace", 1) == 0);
   const int shown = dup(STDERR_FILENO);
   REQUIRE(shown >= 0 && pipe(log) == 0);
   REQUIRE(dup2(log[1], STDERR_FILENO) == STDERR_FILENO && close(log[1]) == 0 && close(log[0]) == 0);
   /* The default action would end the process here. */
   start(argc, argv);
   FAILS(rsp_close(-1), EBADF);

   REQUIRE(signal(SIGPIPE, on_pipe) != SIG_ERR);
   FAILS(rsp_close(-1), EBADF);
   CHECK(pipes == 0);

   /* A program that has blocked the signal finds its own one, and none of the log's. */
   REQUIRE(sigemptyset(&pipe_only) == 0 && sigaddset(&pipe_only, SIGPIPE) == 0);
   REQUIRE(pthread_sigmask(SIG_BLOCK, &pipe_only, &before) == 0);
   FAILS(rsp_close(-1), EBADF);
   CHECK(!is_pending());
   REQUIRE(raise(SIGPIPE) == 0);
   FAILS(rsp_close(-1), EBADF);
   CHECK(is_pending());
   REQUIRE(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
   CHECK(pipes == 1);

   rsp_cleanup();
   CHECK(pipes == 1);
   REQUIRE(dup2(shown, STDERR_FILENO) == STDERR_FILENO);
   return finish("log_without_reader");
}
