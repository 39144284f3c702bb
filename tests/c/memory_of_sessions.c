/* What a session adds to the address space: not a buffer of its own for the longest datagrams that there are. */
#include "check.h"

enum { SESSIONS = 32, MOST_EACH = 256 << 10 };

/* Bytes of address space. */
static size_t address_space(void)
{
   unsigned long pages = 0;
   FILE*         file  = fopen("/proc/self/statm", "r");
   REQUIRE(file != NULL && fscanf(file, "%lu", &pages) == 1);
   fclose(file);
   return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static int session(void)
{
   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   REQUIRE(rsp_connect(sd, HANDLE("memory"), 0) == 0);
   REQUIRE(*rsp_last_error() == 0);
   return sd;
}

int main(int argc, char** argv)
{
   int sessions[SESSIONS];
   start(argc, argv);
   const int server = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(server >= 0);
   REQUIRE(rsp_register(server, HANDLE("memory"), NULL, 30000, 0) == 0);
   const int    first  = session();
   const size_t before = address_space();
   for(int i = 0; i < SESSIONS; i++) {
      sessions[i] = session();
   }
   const size_t each = (address_space() - before) / SESSIONS;
   if(getenv("UNDER_VALGRIND") == NULL && each > MOST_EACH) {
      fprintf(stderr, "a session takes %zu bytes of address space\n", each);
      failures++;
   }
   for(int i = 0; i < SESSIONS; i++) {
      CHECK(rsp_close(sessions[i]) == 0);
   }
   CHECK(rsp_close(first) == 0);
   CHECK(rsp_close(server) == 0);
   return finish("memory_of_sessions");
}
