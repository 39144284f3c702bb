/* Every function before rsp_initialize() and after rsp_cleanup(): -1 and EACCES, or its own way of saying so. */
#include "every_function.h"

static void call_everything(void)
{
   every_function_fails(3, EACCES, 0x1000);

   /* These need no library. */
   CHECK(rsp_getpolicybyname("RoundRobin") == PPT_ROUNDROBIN);
   CHECK(strcmp(rsp_getpolicybytype(PPT_LEASTUSED_DPF), "LeastUsedDPF") == 0);
   CHECK(rsp_getpolicybyname("roundrobin") == PPT_UNDEFINED && rsp_getpolicybyname(NULL) == PPT_UNDEFINED);
   CHECK(rsp_getpolicybytype(0x12345) == NULL);
   rsp_freeaddrinfo(NULL);
   rsp_freepoolinfo(NULL);
   rsp_freeinfo(NULL);
   rsp_initinfo(NULL);
   CHECK(rsp_initarg(NULL, "-registrar=127.0.0.1:1") == 0);
   rsp_cleanup();
}

int main(void)
{
   struct rsp_info info;

   call_everything();

   memset(&info, 0xff, sizeof(info));
   rsp_initinfo(&info);
   CHECK(info.ri_registrars == NULL && info.ri_disable_autoconfig == 0);
   CHECK(rsp_initarg(&info, NULL) == 0);
   CHECK(rsp_initarg(&info, "-asapannounce=off") == 1);
   CHECK(rsp_initarg(&info, "-loglevel=1") == 1);
   CHECK(rsp_initarg(&info, "-registrar=127.0.0.1:1") == 1);
   REQUIRE(rsp_initialize(&info) == 0);
   CHECK(rsp_initialize(&info) == 0); /* runs already */
   CHECK(rsp_initialize(NULL) == 0);
   rsp_freeinfo(&info);
   rsp_cleanup();
   rsp_cleanup();

   call_everything();
   return finish("before_initialize");
}
