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

/* Refused with a sentence that names the argument and what is wrong with it. */
static void refuses(const char* argument, const char* why)
{
   struct rsp_info info, before;
   rsp_initinfo(&info);
   before = info;
   FAILS(rsp_initarg(&info, argument), EINVAL);
   CHECK(memcmp(&info, &before, sizeof(info)) == 0);
   CHECK(strstr(rsp_last_error(), argument) != NULL);
   CHECK(strstr(rsp_last_error(), why) != NULL);
}

static void bad_arguments_are_refused(void)
{
   struct rsp_info info;
   refuses("-registrar=nonsense", "ADDRESS:PORT");
   refuses("-registrar=127.0.0.1:1,127.0.0.1:2", "ADDRESS:PORT"); /* one registrar has one port */
   refuses("-asapannounce=maybe", "auto, off");
   refuses("-transport=pigeon", "sctp-udp");
   refuses("-profile=faster", "fast");
   refuses("-loglevel=loud", "trace");
   refuses("-logfile=", "file");
   refuses("-cspserver=", "ADDRESS");
   refuses("-cspinterval=soon", "milliseconds");
   refuses("-cspidentifier=0xg", "0x");
   refuses("-registrarconnecttimeout=soon", "number");
   refuses("-registrar=", "ADDRESS:PORT");
   refuses("-registar=127.0.0.1:1", "-registrar");
   refuses("-transprot=sctp", "-transport");
   refuses("-registrarconectimeout=1", "-registrarconnecttimeout");

   /* What belongs to the program. */
   rsp_initinfo(&info);
   CHECK(rsp_initarg(&info, "-interval=5") == 0 && rsp_initarg(&info, "-policy=RoundRobin") == 0);
   CHECK(rsp_initarg(&info, "file") == 0 && rsp_initarg(&info, "") == 0 && rsp_initarg(&info, "-registrar") == 0);
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
   bad_arguments_are_refused();
   return finish("before_initialize");
}
