/* A child of fork() uses the library although threads of its parent were busy in it: writing its log, for example. */
#include "check.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

enum { FORKS = 30, PATIENCE_S = 60 };

static volatile int over;

static void* log_all_the_time(void* unused)
{
   while(!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
      FAILS(rsp_close(-1), EBADF);
   }
   return unused;
}

/* Each line of the log may be the one that hangs. */
static int child(int argc, char** argv)
{
   alarm(PATIENCE_S);
   failures = 0;
   FAILS(rsp_close(-1), EOWNERDEAD);
   rsp_cleanup();
   start(argc, argv);
   FAILS(rsp_close(-1), EBADF);
   rsp_cleanup();
   return failures;
}

int main(int argc, char** argv)
{
   pthread_t threads[2];
   REQUIRE(setenv("RSERPOOL_LOG", "trace", 1) == 0);
   /* Standard error is what is tested; what is written there is of no interest. */
   const int shown = dup(STDERR_FILENO);
   REQUIRE(shown >= 0 && freopen("/dev/null", "w", stderr) != NULL);
   start(argc, argv);
   for(size_t i = 0; i < 2; i++) {
      REQUIRE(pthread_create(&threads[i], NULL, log_all_the_time, NULL) == 0);
   }
   int ended_well = 0;
   for(int i = 0; i < FORKS; i++) {
      int         status = -1;
      const pid_t pid    = fork();
      REQUIRE(pid >= 0);
      if(pid == 0) {
         _exit(child(argc, argv));
      }
      REQUIRE(waitpid(pid, &status, 0) == pid);
      if(!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
         break;
      }
      ended_well++;
   }
   __atomic_store_n(&over, 1, __ATOMIC_RELAXED);
   for(size_t i = 0; i < 2; i++) {
      CHECK(pthread_join(threads[i], NULL) == 0);
   }
   rsp_cleanup();
   REQUIRE(dup2(shown, STDERR_FILENO) == STDERR_FILENO);
   CHECK(ended_well == FORKS);
   return finish("fork_and_log");
}
