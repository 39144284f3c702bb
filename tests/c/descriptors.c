/* A pool user that has no descriptor left must not blame healthy pool elements for it: registrars remove those that are reported. */
#include "check.h"

#include <dirent.h>
#include <sys/resource.h>

/* More than the reports that an element survives. */
enum { SESSIONS = 8 };

/* The lowest number that is not open: the limit at which nothing can be opened. */
static rlim_t next_number(void)
{
   const int next = dup(STDIN_FILENO);
   REQUIRE(next >= 0);
   close(next);
   return (rlim_t)next;
}

int main(int argc, char** argv)
{
   int                  sessions[SESSIONS];
   const int            connect_timeout = 50, patience = 5000;
   struct rsp_addrinfo* list;
   struct rlimit        all, none;
   start(argc, argv);
   const int server = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(server >= 0);
   REQUIRE(rsp_register(server, HANDLE("descriptors"), NULL, 30000, 0) == 0);
   for(int i = 0; i < SESSIONS; i++) {
      sessions[i] = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
      REQUIRE(sessions[i] >= 0);
      REQUIRE(i == 0 || rsp_setsockopt(sessions[i], SOL_RSERPOOL, RSERPOOL_CONNECT_TIMEOUT_MS, &connect_timeout,
                                       sizeof(connect_timeout)) == 0);
   }
   /* The first one has a port; the others need one each, as they are with the same element. */
   REQUIRE(rsp_connect(sessions[0], HANDLE("descriptors"), 0) == 0);
   REQUIRE(*rsp_last_error() == 0);
   struct rsp_poolinfo* pool;
   const int            watch = rsp_subscribe_pool(HANDLE("descriptors"));
   REQUIRE(watch >= 0 && rsp_getpoolchange(watch, &pool, -1) == 1);
   rsp_freepoolinfo(pool);
   if(can_limit_descriptors()) {
      REQUIRE(getrlimit(RLIMIT_NOFILE, &all) == 0);
      none          = all;
      none.rlim_cur = next_number();
      REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
      for(int i = 1; i < SESSIONS; i++) {
         CHECK(rsp_connect(sessions[i], HANDLE("descriptors"), 0) == 0);
         CHECK(*rsp_last_error() != 0);
         /* Nor may the application report it without knowing. */
         FAILS(rsp_forcefailover(sessions[i], FFF_UNREACHABLE, 0), EIO);
      }
      REQUIRE(setrlimit(RLIMIT_NOFILE, &all) == 0);
      /* The answer comes behind all that the registrar may have said before. */
      CHECK(rsp_getaddrinfo(HANDLE("descriptors"), &list, 0, 0) == 1);
      rsp_freeaddrinfo(list);
      FAILS(rsp_getpoolchange(watch, &pool, 0), EAGAIN);
      /* With descriptors, all is well again. */
      REQUIRE(rsp_setsockopt(sessions[1], SOL_RSERPOOL, RSERPOOL_CONNECT_TIMEOUT_MS, &patience, sizeof(patience)) == 0);
      CHECK(rsp_forcefailover(sessions[1], 0, 0) == 0);
   }
   for(int i = 0; i < SESSIONS; i++) {
      CHECK(rsp_close(sessions[i]) == 0);
   }
   CHECK(rsp_close(watch) == 0);
   CHECK(rsp_close(server) == 0);
   return finish("descriptors");
}
