/* Who asks for TLS is not left without it: what cannot be had, or makes no sense, keeps the library from starting. */
#include "check.h"

#include <stdlib.h>

int main(void)
{
   struct rsp_info info;

   rsp_initinfo(&info);
   REQUIRE(rsp_initarg(&info, "-asapannounce=off") == 1);
   REQUIRE(rsp_initarg(&info, "-loglevel=0") == 1);
   CHECK(rsp_initarg(&info, "-tls=off") == 1);
   REQUIRE(rsp_initialize(&info) == 0);
   rsp_cleanup();

   /* Without TLS in the library, or without an authority or a key for it. */
   REQUIRE(setenv("RSERPOOL_TLS", "require", 1) == 0);
   CHECK(rsp_initialize(&info) == -1 && (errno == EPROTONOSUPPORT || errno == EINVAL));
   CHECK(strstr(rsp_last_error(), "TLS") != NULL);
   REQUIRE(setenv("RSERPOOL_TLS", "off", 1) == 0);
   REQUIRE(rsp_initialize(&info) == 0);
   rsp_cleanup();

   /* Programs that were written for rsplib do not look at what comes back from rsp_initarg(). */
   CHECK(rsp_initarg(&info, "-tls=yes") == -1);
   CHECK(rsp_initialize(&info) == -1 && errno == EINVAL);
   CHECK(strstr(rsp_last_error(), "TLS") != NULL);
   rsp_freeinfo(&info);
   return finish("tls_in_vain");
}
