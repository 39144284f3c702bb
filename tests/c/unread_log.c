/* Standard error is a pipe whose reader has stopped to read: no call waits for it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* F_SETPIPE_SZ */
#endif
#include "check.h"

enum { PATIENCE_S = 60, LINES = 1000 };

int main(int argc, char** argv)
{
   int log[2];
   alarm(PATIENCE_S);
   REQUIRE(setenv("RSERPOOL_LOG", "trace", 1) == 0);
   const int shown = dup(STDERR_FILENO);
   REQUIRE(shown >= 0 && pipe(log) == 0 && fcntl(log[1], F_SETPIPE_SZ, 4096) >= 0);
   REQUIRE(dup2(log[1], STDERR_FILENO) == STDERR_FILENO);
   start(argc, argv);
   for(int i = 0; i < LINES; i++) {
      FAILS(rsp_close(-1), EBADF);
   }

   /* It reads again. */
   static char line[65536];
   REQUIRE(read(log[0], line, sizeof(line) - 1) > 0);
   FAILS(rsp_close(-1), EBADF);
   const ssize_t length = read(log[0], line, sizeof(line) - 1);
   line[length < 0 ? 0 : length] = 0;
   CHECK(strstr(line, "lines lost") != NULL);
   rsp_cleanup();
   REQUIRE(dup2(shown, STDERR_FILENO) == STDERR_FILENO);
   return finish("unread_log");
}
