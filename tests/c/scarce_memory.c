/* Where there is no memory for a message, sending fails by ENOMEM, and nothing else happens: at many limits of the address space. */
#include "check.h"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum {
   LONG       = 256 << 10, /* the longest message that there is */
   SHORT      = 1000,
   PIECE      = 16 << 10,
   PIECES     = 1024,
   LIMITS     = 64,
   STEP       = 64 << 10,
   SENDS_EACH = 8
};

static unsigned char message[LONG];

static size_t address_space(void)
{
   unsigned long pages = 0;
   char          text[64];
   const int     file   = open("/proc/self/statm", O_RDONLY); /* without stdio, which wants a buffer */
   const ssize_t length = read(file, text, sizeof(text) - 1);
   REQUIRE(file >= 0 && length > 0);
   text[length] = 0;
   REQUIRE(sscanf(text, "%lu", &pages) == 1);
   close(file);
   return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void limit(rlim_t bytes)
{
   const struct rlimit limits = { bytes, RLIM_INFINITY };
   REQUIRE(setrlimit(RLIMIT_AS, &limits) == 0);
}

/* A server in a process of its own, which answers what is short. */
static pid_t start_server(int argc, char** argv)
{
   int       ready[2];
   char      byte;
   REQUIRE(pipe(ready) == 0);
   const pid_t pid = fork();
   REQUIRE(pid >= 0);
   if(pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      start(argc, argv);
      const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
      REQUIRE(rsp_register(sd, HANDLE("scarce"), NULL, 30000, 0) == 0);
      REQUIRE(write(ready[1], "", 1) == 1);
      for(;;) {
         struct rsp_sndrcvinfo info;
         int                   flags = 0;
         const ssize_t         length = rsp_recvfullmsg(sd, message, sizeof(message), &info, &flags, 1000000);
         if(length == SHORT && (flags & MSG_RSERPOOL_NOTIFICATION) == 0) {
            REQUIRE(rsp_sendmsg(sd, message, SHORT, 0, info.rinfo_session, 0, 0, 0, 0, 5000) == SHORT);
         }
      }
   }
   close(ready[1]);
   REQUIRE(read(ready[0], &byte, 1) == 1);
   close(ready[0]);
   return pid;
}

/* What is free is in pieces: enough for everything that is small, and nothing for what is long. */
static void leave_small_pieces_only(void)
{
   static void* pieces[PIECES];
   mallopt(M_ARENA_MAX, 1);
   mallopt(M_MMAP_THRESHOLD, 128 << 10);
   mallopt(M_TRIM_THRESHOLD, 1 << 30);
   for(int i = 0; i < PIECES; i++) {
      pieces[i] = malloc(PIECE);
      REQUIRE(pieces[i] != NULL);
   }
   for(int i = 0; i < PIECES; i += 2) {
      free(pieces[i]);
   }
}

int main(int argc, char** argv)
{
   unsigned sent = 0, refused = 0;
   if(getenv("UNDER_VALGRIND") != NULL) {
      return 0; /* which has the address space to itself */
   }
   leave_small_pieces_only();
   const pid_t server = start_server(argc, argv);
   start(argc, argv);
   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(sd >= 0 && rsp_connect(sd, HANDLE("scarce"), 0) == 0 && *rsp_last_error() == 0);
   for(int i = 0; i < LIMITS; i++) {
      limit(address_space() + (size_t)i * STEP);
      for(int j = 0; j < SENDS_EACH; j++) {
         errno                = 0;
         const ssize_t result = rsp_sendmsg(sd, message, sizeof(message), 0, 0, 0, 0, 0, 0, 0);
         sent += (result == (ssize_t)sizeof(message));
         refused += (result < 0 && errno == ENOMEM);
         if(result < 0 && errno != ENOMEM && errno != EAGAIN) {
            limit(RLIM_INFINITY);
            CHECK(result >= 0);
            return finish("scarce_memory");
         }
      }
      limit(RLIM_INFINITY);
      /* The session goes on as if nothing had been. */
      struct rsp_sndrcvinfo info;
      int                   flags = 0;
      REQUIRE(rsp_sendmsg(sd, message, SHORT, 0, 0, 0, 0, 0, 0, 10000) == SHORT);
      REQUIRE(rsp_recvfullmsg(sd, message, sizeof(message), &info, &flags, 10000) == SHORT);
   }
   CHECK(refused > 0);
   fprintf(stderr, "%u sent, %u refused\n", sent, refused);
   CHECK(rsp_close(sd) == 0);
   kill(server, SIGKILL);
   waitpid(server, NULL, 0);
   return finish("scarce_memory");
}
