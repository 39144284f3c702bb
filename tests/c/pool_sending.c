/* Messages to pools and their elements without a session: to one, to a named one, to all, to all but self. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#define PPID htonl(0x4711)
#define SERVERS 4
#define CACHED 60000

static int servers[SERVERS];

static void open_servers(void)
{
   for(int i = 0; i < SERVERS; i++) {
      struct TagItem tags[] = {{TAG_PoolElement_Identifier, (tagdata_t)(0x100 + i)}, {TAG_DONE, 0}};
      servers[i]            = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
      REQUIRE(servers[i] >= 0 && rsp_register_tags(servers[i], HANDLE("group"), NULL, 30000, 0, tags) == 0);
   }
}

/* The next message that is no notification. */
static struct rsp_sndrcvinfo expect(int sd, const char* text)
{
   struct rsp_sndrcvinfo info;
   char                  buffer[256];
   int                   flags  = 0;
   ssize_t               length = 0;
   do {
      length = receive(sd, buffer, sizeof(buffer), &info, &flags);
      REQUIRE(length > 0);
   } while(flags & MSG_RSERPOOL_NOTIFICATION);
   CHECK(length == (ssize_t)strlen(text) && memcmp(buffer, text, strlen(text)) == 0);
   CHECK(info.rinfo_ppid == PPID);
   return info;
}

static int send_text(int sd, uint32_t identifier, unsigned flags, struct rsp_sndrcvinfo* info, const char* text)
{
   info->rinfo_ppid       = PPID;
   info->rinfo_stream     = 0;
   info->rinfo_timetolive = 0;
   return rsp_sendto_pool(sd, text, strlen(text), HANDLE("group"), identifier, flags, info, CACHED, 10000);
}

static void to_one(void)
{
   struct rsp_sndrcvinfo info;
   int                   count[SERVERS] = {0};
   const int             client         = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(client >= 0);
   /* A session with each: else one that is slow to come up would have its message taken by the next one, as a failed one would. */
   REQUIRE(send_text(client, 0, RSP_SEND_TO_ALL, &info, "hello") == SERVERS);
   for(int i = 0; i < SERVERS; i++) {
      expect(servers[i], "hello");
   }
   for(int i = 0; i < 2 * SERVERS; i++) {
      CHECK(send_text(client, 0, RSP_SEND_FAILOVER, &info, "to one") == 1);
      REQUIRE(info.rinfo_pe_id >= 0x100 && info.rinfo_pe_id < 0x100 + SERVERS);
      count[info.rinfo_pe_id - 0x100]++;
      const uint32_t chosen = info.rinfo_pe_id;
      /* The answer says who it is from, and which session it belongs to. */
      const rserpool_session_t session = info.rinfo_session;
      const struct rsp_sndrcvinfo got  = expect(servers[chosen - 0x100], "to one");
      CHECK(rsp_sendmsg(servers[chosen - 0x100], "answer", 6, 0, got.rinfo_session, PPID, 0, 0, 0, 1000) == 6);
      info = expect(client, "answer");
      CHECK(info.rinfo_pe_id == chosen && info.rinfo_session == session);
      CHECK(send_text(client, 0, RSP_SEND_TO_LAST, &info, "once more") == 1 && info.rinfo_pe_id == chosen);
      expect(servers[chosen - 0x100], "once more");
   }
   for(int i = 0; i < SERVERS; i++) {
      CHECK(count[i] == 2);
      CHECK(send_text(client, (uint32_t)(0x100 + i), 0, &info, "to you") == 1 && info.rinfo_pe_id == (uint32_t)(0x100 + i));
      expect(servers[i], "to you");
   }
   CHECK(rsp_sendto_pool(client, "plain", 5, HANDLE("group"), 0x100, RSP_SEND_UNORDERED, NULL, CACHED, 10000) == 1);
   FAILS(send_text(client, 0x999, 0, &info, "to nobody"), ENOENT);
   CHECK(strstr(rsp_last_error(), "0x00000999") != NULL && strstr(rsp_last_error(), "\"group\"") != NULL);
   FAILS(rsp_sendto_pool(client, "x", 1, HANDLE("no such pool"), 0, 0, NULL, 0, 10000), ENOENT);
   CHECK(rsp_close(client) == 0);

   struct rsp_sndrcvinfo plain;
   char                  buffer[64];
   int                   flags = 0;
   do {
      REQUIRE(receive(servers[0], buffer, sizeof(buffer), &plain, &flags) > 0);
   } while(flags & MSG_RSERPOOL_NOTIFICATION);
   CHECK(memcmp(buffer, "plain", 5) == 0 && plain.rinfo_ppid == 0);
}

static void to_all(void)
{
   struct rsp_sndrcvinfo info;
   const int             client = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(client >= 0);
   /* Without waiting: to nobody until all have a session. */
   int sent = -1;
   while(sent < 0) {
      struct pollfd polled = {client, POLLOUT, 0};
      sent                 = rsp_sendto_pool(client, "all", 3, HANDLE("group"), 0, RSP_SEND_TO_ALL | MSG_DONTWAIT, NULL,
                                             CACHED, -1);
      const int error = errno;
      if(sent < 0) {
         REQUIRE(error == EAGAIN);
         REQUIRE(poll(&polled, 1, 10000) == 1);
      }
   }
   CHECK(sent == SERVERS);
   for(int i = 0; i < SERVERS; i++) {
      char buffer[64];
      int  flags = 0;
      do {
         REQUIRE(receive(servers[i], buffer, sizeof(buffer), &info, &flags) > 0);
      } while(flags & MSG_RSERPOOL_NOTIFICATION);
      CHECK(memcmp(buffer, "all", 3) == 0);
   }
   /* From an element: to all but itself, and to itself, too. */
   CHECK(send_text(servers[0], 0, RSP_SEND_TO_ALL, &info, "peers") == SERVERS - 1);
   for(int i = 1; i < SERVERS; i++) {
      expect(servers[i], "peers");
   }
   CHECK(send_text(servers[0], 0, RSP_SEND_TO_ALL | RSP_SEND_TO_SELF, &info, "us") == SERVERS);
   for(int i = 0; i < SERVERS; i++) {
      info = expect(servers[i], "us");
      CHECK(i != 0 || (info.rinfo_session == 0 && info.rinfo_pe_id == 0x100));
   }
   CHECK(rsp_close(client) == 0);
}

static void bad_arguments(void)
{
   const int            client = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   const int            stream = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   const int            other  = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   static unsigned char big[1 << 20];
   struct rsp_sndrcvinfo info;
   REQUIRE(client >= 0 && stream >= 0 && other >= 0);
   REQUIRE(rsp_connect(other, HANDLE("group"), 0) == 0);
   memset(&info, 0, sizeof(info));
#define SEND(sd, flags, identifier) rsp_sendto_pool(sd, "x", 1, HANDLE("group"), identifier, flags, NULL, CACHED, 10000)
   FAILS(SEND(-1, 0, 0), EBADF);
   FAILS(SEND(stream, 0, 0), EOPNOTSUPP);
   FAILS(SEND(other, 0, 0), EISCONN);
   FAILS(SEND(client, RSP_SEND_FAILOVER | RSP_SEND_NO_FAILOVER, 0), EINVAL);
   FAILS(SEND(client, RSP_SEND_TO_ALL | RSP_SEND_TO_LAST, 0), EINVAL);
   FAILS(SEND(client, RSP_SEND_TO_ALL, 7), EINVAL);
   FAILS(SEND(client, RSP_SEND_TO_LAST, 7), EINVAL);
   FAILS(SEND(client, 0x80000000u, 0), EINVAL);
   FAILS(rsp_sendto_pool(client, NULL, 1, HANDLE("group"), 0, 0, NULL, CACHED, 10000), EFAULT);
   FAILS(rsp_sendto_pool(client, "", 0, HANDLE("group"), 0, 0, NULL, CACHED, 10000), EINVAL);
   FAILS(rsp_sendto_pool(client, "x", 1, NULL, 4, 0, 0, NULL, CACHED, 10000), EFAULT);
   FAILS(rsp_sendto_pool(client, "x", 1, big, 0, 0, 0, NULL, CACHED, 10000), EINVAL);
   FAILS(rsp_sendto_pool(client, "x", 1, big, sizeof(big), 0, 0, NULL, CACHED, 10000), ENAMETOOLONG);
   FAILS(rsp_sendto_pool(client, big, sizeof(big), HANDLE("group"), 0, 0, NULL, CACHED, 10000), EMSGSIZE);
   FAILS(rsp_sendto_pool(client, "x", SIZE_MAX, HANDLE("group"), 0, 0, NULL, CACHED, 10000), EMSGSIZE);
   info.rinfo_ppid = htonl(11);
   FAILS(rsp_sendto_pool(client, "x", 1, HANDLE("group"), 0, 0, &info, CACHED, 10000), EINVAL);
   CHECK(rsp_close(client) == 0 && rsp_close(stream) == 0 && rsp_close(other) == 0);
}

int main(int argc, char** argv)
{
   start(argc, argv);
   FAILS(rsp_sendto_pool(0, "x", 1, HANDLE("group"), 0, 0, NULL, 0, 0), EOPNOTSUPP); /* mapped */
   open_servers();
   to_one();
   to_all();
   bad_arguments();
   for(int i = 0; i < SERVERS; i++) {
      CHECK(rsp_close(servers[i]) == 0);
   }
   return finish("pool_sending");
}
