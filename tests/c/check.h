/* What the C tests have in common: each is a program that says what failed, and exits with the number of failures. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <rserpool/rserpool-internals.h>
#include <rserpool/rserpool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int failures;

#define CHECK(condition)                                                                                     \
   do {                                                                                                      \
      errno = 0;                                                                                             \
      if(!(condition)) {                                                                                     \
         fprintf(stderr, "%s:%d: not so: %s (errno %d, %s)\n", __FILE__, __LINE__, #condition, errno,        \
                 strerror(errno));                                                                           \
         __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);                                                 \
      }                                                                                                      \
   } while(0)

/* The function of this call has given this errno: tests/c/programs.rs collects that, to compare it with the manual. */
static inline void gave(const char* call, int error)
{
   static int file = -2;
   char       line[128];
   if(file == -2) {
      const char* path = getenv("RSERPOOL_PROVOKED");
      file             = (path == NULL) ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
   }
   if(file >= 0) {
      const int length = snprintf(line, sizeof(line), "%.*s %d\n", (int)strcspn(call, "("), call, error);
      if(write(file, line, (size_t)length) != length) {
         perror("RSERPOOL_PROVOKED");
      }
   }
}

static inline void judge(const char* place, const char* call, long long result, long long wanted, int error, int expected)
{
   if(result == wanted && error == expected) {
      gave(call, error);
      return;
   }
   fprintf(stderr, "%s: %s returned %lld with errno %d (%s) instead of %lld with %d", place, call, result, error,
           strerror(error), wanted, expected);
   fprintf(stderr, " (%s)\n", strerror(expected));
   __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

#define PLACE_(line) __FILE__ ":" #line
#define PLACE(line)  PLACE_(line)

/* The call returns this value with this errno. */
#define FAILS_AS(call, wanted, expected)                                                \
   do {                                                                                 \
      errno                  = 0;                                                       \
      const long long result = (long long)(call);                                      \
      judge(PLACE(__LINE__), #call, result, (long long)(wanted), errno, (expected));   \
   } while(0)

/* The call returns -1 with this errno. */
#define FAILS(call, expected) FAILS_AS(call, -1, expected)

/* The call succeeds for a while, and then returns -1 with this errno. */
#define FAILS_AT_LAST(call, expected)                                        \
   do {                                                                      \
      long long result = 0;                                                  \
      for(int tries = 0; tries < 1000000 && result >= 0; tries++) {          \
         errno  = 0;                                                         \
         result = (long long)(call);                                        \
      }                                                                      \
      judge(PLACE(__LINE__), #call, result, -1, errno, (expected));          \
   } while(0)

/* Without it, going on makes no sense. */
#define REQUIRE(condition)                                                                                   \
   do {                                                                                                      \
      errno = 0;                                                                                             \
      if(!(condition)) {                                                                                     \
         fprintf(stderr, "%s:%d: cannot go on without: %s (errno %d, %s)\n", __FILE__, __LINE__, #condition, \
                 errno, strerror(errno));                                                                    \
         exit(1);                                                                                            \
      }                                                                                                      \
   } while(0)

/* valgrind keeps the limit of descriptors itself, and has socketpair() and the like fail in ways of its own. */
static inline int can_limit_descriptors(void)
{
   return getenv("UNDER_VALGRIND") == NULL;
}

#define HANDLE(text) (const unsigned char*)(text), strlen(text)

/* Starts the library with the registrar that the runner names as first argument, over SCTP in UDP unless the environment says otherwise. */
static inline void start(int argc, char** argv)
{
   const char*     transport = getenv("RSERPOOL_TEST_TRANSPORT");
   struct rsp_info info;
   char            argument[128];
   rsp_initinfo(&info);
   REQUIRE(argc >= 2);
   snprintf(argument, sizeof(argument), "-registrar=%s", argv[1]);
   REQUIRE(rsp_initarg(&info, argument) == 1);
   REQUIRE(rsp_initarg(&info, "-asapannounce=off") == 1);
   snprintf(argument, sizeof(argument), "-transport=%s", transport ? transport : "sctp-udp");
   REQUIRE(rsp_initarg(&info, argument) == 1);
   REQUIRE(rsp_initialize(&info) == 0);
   CHECK(info.ri_version == RSPLIB_VERSION && info.ri_revision == RSPLIB_REVISION);
   rsp_freeinfo(&info);
   CHECK(info.ri_registrars == NULL);
}

static inline int finish(const char* name)
{
   rsp_cleanup();
   if(failures == 0) {
      printf("%s: ok\n", name);
   }
   return (failures > 100) ? 100 : failures;
}

/* Receives one event within 10 s. Returns its length or -1. */
static inline ssize_t receive(int sd, void* buffer, size_t size, struct rsp_sndrcvinfo* info, int* flags)
{
   *flags = 0;
   return rsp_recvfullmsg(sd, buffer, size, info, flags, 10000);
}

static inline int is_notification(const void* buffer, int flags, unsigned type, unsigned state)
{
   union rserpool_notification n;
   memcpy(&n, buffer, sizeof(n));
   return (flags & MSG_RSERPOOL_NOTIFICATION) && n.rn_header.rn_type == type &&
          (type != RSERPOOL_FAILOVER || n.rn_failover.rf_state == state) &&
          (type != RSERPOOL_SESSION_CHANGE || n.rn_session_change.rsc_state == state);
}

#endif
