/* What is in a pool: asked once, and told by a descriptor in poll and epoll. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <rserpool/rserpool-policytypes.h>
#include <sys/epoll.h>

static int open_server(const char* pool, uint32_t identifier, uint32_t load)
{
   struct TagItem      tags[] = {{TAG_PoolElement_Identifier, identifier}, {TAG_DONE, 0}};
   struct rsp_loadinfo info;
   const int           sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   memset(&info, 0, sizeof(info));
   info.rli_policy = PPT_LEASTUSED;
   info.rli_load   = load;
   REQUIRE(sd >= 0 && rsp_register_tags(sd, HANDLE(pool), &info, 30000, 0, tags) == 0);
   return sd;
}

static void asked(void)
{
   struct rsp_poolinfo* info = (struct rsp_poolinfo*)&info;
   FAILS(rsp_getpoolinfo(HANDLE("no such pool"), &info, 0, 0), ENOENT);
   CHECK(info == NULL);
   FAILS(rsp_getpoolinfo(HANDLE("pool"), NULL, 0, 0), EFAULT);
   FAILS(rsp_getpoolinfo(NULL, 4, &info, 0, 0), EFAULT);
   FAILS(rsp_getpoolinfo((const unsigned char*)"", 0, &info, 0, 0), EINVAL);
   FAILS(rsp_getpoolinfo((const unsigned char*)"x", 33, &info, 0, 0), ENAMETOOLONG);
   const int first  = open_server("info", 0x11, 300);
   const int second = open_server("info", 0x22, 200);
   CHECK(rsp_getpoolinfo(HANDLE("info"), &info, 0, 0) == 2);
   REQUIRE(info != NULL && info->rpi_elements == 2);
   CHECK(info->rpi_handle_size == 4 && memcmp(info->rpi_handle, "info", 4) == 0);
   CHECK(info->rpi_policy == PPT_LEASTUSED && info->rpi_flags == 0);
   const struct rsp_poolelement* element = info->rpi_element; /* least used first */
   CHECK(element[0].rpe_identifier == 0x22 && element[1].rpe_identifier == 0x11);
   CHECK(element[0].rpe_load.rli_policy == PPT_LEASTUSED && element[0].rpe_load.rli_load == 200);
   CHECK(element[0].rpe_home_registrar != 0 && element[0].rpe_home_registrar == element[1].rpe_home_registrar);
   CHECK(element[0].rpe_life >= 30 && element[0].rpe_change == RSP_ELEMENT_SAME);
   CHECK(element[0].rpe_socktype == SOCK_STREAM && element[0].rpe_protocol == IPPROTO_SCTP);
   CHECK(element[0].rpe_control_channel != 0);
   REQUIRE(element[0].rpe_addrs >= 1 && element[0].rpe_addr->sa_family == AF_INET);
   const struct sockaddr_in* address = (const struct sockaddr_in*)element[0].rpe_addr;
   CHECK(ntohl(address->sin_addr.s_addr) == INADDR_LOOPBACK && address->sin_port != 0);
   rsp_freepoolinfo(info);
   rsp_freepoolinfo(NULL);
   CHECK(rsp_getpoolinfo(HANDLE("info"), &info, 1, 0) == 1);
   CHECK(info->rpi_flags == RSP_POOL_PARTIAL);
   rsp_freepoolinfo(info);
   const uint32_t order[3] = {0x22, 0x33, 0x11}, nobody = 0x33;
   CHECK(rsp_send_businesscard(first, order, 3) == 2);
   FAILS(rsp_send_businesscard(first, &nobody, 1), ENOENT);
   CHECK(rsp_send_businesscard(first, NULL, 0) == 0);
   CHECK(rsp_close(first) == 0 && rsp_close(second) == 0);
}

/* The next news, when epoll says that there is some. */
static struct rsp_poolinfo* news(int epoll, int sd, int expected)
{
   struct epoll_event   event;
   struct rsp_poolinfo* info = NULL;
   REQUIRE(epoll_wait(epoll, &event, 1, 20000) == 1 && (event.events & EPOLLIN));
   REQUIRE(rsp_getpoolchange(sd, &info, 0) == expected && info != NULL);
   return info;
}

static void told(void)
{
   struct rsp_poolinfo* info = NULL;
   struct epoll_event   event;
   const int            sd    = rsp_subscribe_pool(HANDLE("told"));
   const int            epoll = epoll_create1(EPOLL_CLOEXEC);
   REQUIRE(sd >= 0 && epoll >= 0);
   memset(&event, 0, sizeof(event));
   event.events = EPOLLIN;
   REQUIRE(epoll_ctl(epoll, EPOLL_CTL_ADD, sd, &event) == 0);

   info = news(epoll, sd, 0);
   CHECK(info->rpi_policy == 0);
   rsp_freepoolinfo(info);
   CHECK(epoll_wait(epoll, &event, 1, 0) == 0);
   FAILS(rsp_getpoolchange(sd, &info, 0), EAGAIN);
   FAILS(rsp_getpoolchange(sd, &info, 10), EAGAIN);
   CHECK(info == NULL);

   const int server = open_server("told", 0x77, 100);
   info             = news(epoll, sd, 1);
   CHECK(info->rpi_policy == PPT_LEASTUSED && info->rpi_element->rpe_change == RSP_ELEMENT_ADDED);
   rsp_freepoolinfo(info);
   struct rsp_loadinfo load;
   memset(&load, 0, sizeof(load));
   load.rli_policy = PPT_LEASTUSED;
   load.rli_load   = 500;
   CHECK(rsp_register(server, HANDLE("told"), &load, 30000, 0) == 0); /* an update */
   info = news(epoll, sd, 1);
   CHECK(info->rpi_element->rpe_change == RSP_ELEMENT_CHANGED && info->rpi_element->rpe_load.rli_load == 500);
   rsp_freepoolinfo(info);
   CHECK(rsp_close(server) == 0);
   info = news(epoll, sd, 1);
   CHECK(info->rpi_policy == 0 && info->rpi_element->rpe_change == RSP_ELEMENT_REMOVED);
   CHECK(info->rpi_element->rpe_identifier == 0x77 && info->rpi_element->rpe_load.rli_load == 500);
   rsp_freepoolinfo(info);

   FAILS(rsp_getpoolchange(sd, NULL, 0), EFAULT);
   FAILS(rsp_getpoolchange(-1, &info, 0), EBADF);
   FAILS(rsp_getpoolchange(0, &info, 0), EOPNOTSUPP);
   FAILS(rsp_listen(sd, 1), EOPNOTSUPP);
   FAILS(rsp_write(sd, "x", 1), EBADF);
   FAILS(rsp_unmapsocket(sd), EBADF);
   FAILS(rsp_mapsocket(sd, -1), EINVAL);
   struct pollfd polled = {sd, POLLIN, 0};
   CHECK(rsp_poll(&polled, 1, 0) == 0);
   close(epoll);
   CHECK(rsp_close(sd) == 0);
   FAILS(rsp_close(sd), EBADF);
   FAILS(rsp_subscribe_pool(NULL, 3), EFAULT);
   FAILS(rsp_subscribe_pool((const unsigned char*)"", 0), EINVAL);
   FAILS(rsp_subscribe_pool((const unsigned char*)"x", 33), ENAMETOOLONG);
}

/* 64 pools; the same one once more is no further pool. */
static void limited(void)
{
   int  sd[65];
   char name[32];
   for(int i = 0; i < 64; i++) {
      snprintf(name, sizeof(name), "limited %d", i);
      sd[i] = rsp_subscribe_pool(HANDLE(name));
      REQUIRE(sd[i] >= 0);
   }
   FAILS(rsp_subscribe_pool(HANDLE("one too many")), EBUSY);
   sd[64] = rsp_subscribe_pool(HANDLE("limited 5"));
   CHECK(sd[64] >= 0);
   for(int i = 0; i < 65; i++) {
      CHECK(rsp_close(sd[i]) == 0);
   }
   sd[0] = rsp_subscribe_pool(HANDLE("room again"));
   CHECK(sd[0] >= 0); /* closed by rsp_cleanup() */
}

int main(int argc, char** argv)
{
   start(argc, argv);
   asked();
   told();
   limited();
   return finish("pool_info");
}
