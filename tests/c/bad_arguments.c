/* Every function with NULL, closed and foreign descriptors, impossible lengths: -1 and errno, and nothing breaks. */
#include "every_function.h"

#include <fcntl.h>
#include <limits.h>

static const unsigned char long_handle[70000] = "x";

/* As descriptor of every function: nothing of ours, closed, negative, absurd. */
static void with_bad_descriptor(int sd)
{
   socket_functions_fail(sd, EBADF);
   descriptor_functions_fail(sd, EBADF);
   FAILS(rsp_csp_setstatus(sd, 0, NULL), EFAULT);
}

static void bad_handles(int sd)
{
   struct rsp_addrinfo* list = (struct rsp_addrinfo*)&list;

   FAILS(rsp_connect(sd, NULL, 4, 0), EFAULT);
   FAILS(rsp_connect_tags(sd, NULL, 4, 0, NULL), EFAULT);
   FAILS(rsp_connect_tags(sd, long_handle, 0, 0, NULL), EINVAL);
   FAILS(rsp_connect_tags(sd, long_handle, 33, 0, NULL), ENAMETOOLONG);
   FAILS(rsp_connect(sd, long_handle, 0, 0), EINVAL);
   FAILS(rsp_connect(sd, long_handle, 33, 0), ENAMETOOLONG);
   FAILS(rsp_connect(sd, long_handle, 70000, 0), ENAMETOOLONG);
   FAILS(rsp_connect(sd, long_handle, SIZE_MAX, 0), ENAMETOOLONG);
   FAILS(rsp_register(sd, NULL, 4, NULL, 1000, 0), EFAULT);
   FAILS(rsp_register_tags(sd, NULL, 4, NULL, 1000, 0, NULL), EFAULT);
   FAILS(rsp_register_tags(sd, long_handle, 0, NULL, 1000, 0, NULL), EINVAL);
   FAILS(rsp_register_tags(sd, long_handle, 33, NULL, 1000, 0, NULL), ENAMETOOLONG);
   FAILS(rsp_register(sd, long_handle, 0, NULL, 1000, 0), EINVAL);
   FAILS(rsp_register(sd, long_handle, 33, NULL, 1000, 0), ENAMETOOLONG);
   FAILS(rsp_register(sd, long_handle, 70000, NULL, 1000, 0), ENAMETOOLONG);
   FAILS(rsp_register(sd, long_handle, SIZE_MAX, NULL, 1000, 0), ENAMETOOLONG);

   FAILS_AS(rsp_getaddrinfo(NULL, 4, &list, 0, 0), REAI_SYSTEM, EFAULT);
   CHECK(list == NULL);
   FAILS_AS(rsp_getaddrinfo(long_handle, 0, &list, 0, 0), REAI_SYSTEM, EINVAL);
   FAILS_AS(rsp_getaddrinfo(long_handle, 33, &list, 0, 0), REAI_SYSTEM, ENAMETOOLONG);
   FAILS_AS(rsp_getaddrinfo(long_handle, SIZE_MAX, &list, SIZE_MAX, 0), REAI_SYSTEM, ENAMETOOLONG);
   FAILS_AS(rsp_getaddrinfo(HANDLE("pool"), NULL, 0, 0), REAI_SYSTEM, EFAULT);
   FAILS_AS(rsp_getaddrinfo_tags(NULL, 4, &list, 0, 0, NULL), REAI_SYSTEM, EFAULT);
   FAILS_AS(rsp_getaddrinfo_tags(long_handle, 0, &list, 0, 0, NULL), REAI_SYSTEM, EINVAL);
   FAILS_AS(rsp_getaddrinfo_tags(long_handle, 33, &list, 0, 0, NULL), REAI_SYSTEM, ENAMETOOLONG);
   FAILS_AS(rsp_pe_deregistration(NULL, 4, 1, 0), 0x1006, EFAULT);
   FAILS_AS(rsp_pe_deregistration(long_handle, 4, 0, 0), 0x0003, EINVAL);
   FAILS_AS(rsp_pe_deregistration(long_handle, 33, 1, 0), 0xf004, ENAMETOOLONG);
   FAILS_AS(rsp_pe_deregistration_tags(NULL, 4, 1, 0, NULL), 0x1006, EFAULT);
   FAILS_AS(rsp_pe_deregistration_tags(long_handle, 0, 1, 0, NULL), 0x0003, EINVAL);
   FAILS_AS(rsp_pe_deregistration_tags(long_handle, 33, 1, 0, NULL), 0xf004, ENAMETOOLONG);
   FAILS_AS(rsp_pe_failure(NULL, 4, 1), 0x1006, EFAULT);
   FAILS_AS(rsp_pe_failure(long_handle, 4, 0), 0x0003, EINVAL);
   FAILS_AS(rsp_pe_failure(long_handle, 70000, 1), 0xf004, ENAMETOOLONG);
   FAILS_AS(rsp_pe_failure_tags(NULL, 4, 1, NULL), 0x1006, EFAULT);
   FAILS_AS(rsp_pe_failure_tags(long_handle, 0, 1, NULL), 0x0003, EINVAL);
   FAILS_AS(rsp_pe_failure_tags(long_handle, 33, 1, NULL), 0xf004, ENAMETOOLONG);
}

static void bad_elements(void)
{
   struct rsp_addrinfo element;
   struct sockaddr_in  addresses[2];

   memset(&element, 0, sizeof(element));
   memset(addresses, 0, sizeof(addresses));
   FAILS_AS(rsp_pe_registration(HANDLE("pool"), NULL, NULL, 1000, 0), 0x1006, EFAULT);
   FAILS_AS(rsp_pe_registration(HANDLE("pool"), &element, NULL, 1000, 0), 0x0003, EINVAL); /* no address */
   element.ai_addrs = 1;
   FAILS_AS(rsp_pe_registration(HANDLE("pool"), &element, NULL, 1000, 0), 0x1006, EFAULT);
   element.ai_addr = (struct sockaddr*)addresses;
   FAILS_AS(rsp_pe_registration(HANDLE("pool"), &element, NULL, 1000, 0), 0x1006, EAFNOSUPPORT);
   addresses[0].sin_family = addresses[1].sin_family = AF_INET;
   addresses[1].sin_port                             = htons(1);
   element.ai_addrs                                  = 2;
   FAILS_AS(rsp_pe_registration(HANDLE("pool"), &element, NULL, 1000, 0), 0x0003, EINVAL); /* two ports */
   addresses[1].sin_port = 0;
   element.ai_socktype   = SOCK_RAW;
   FAILS_AS(rsp_pe_registration(HANDLE("pool"), &element, NULL, 1000, 0), 0x1006, EPROTONOSUPPORT);
   FAILS_AS(rsp_pe_registration_tags(HANDLE("pool"), &element, NULL, 1000, 0, NULL), 0x1006, EPROTONOSUPPORT);
   addresses[1].sin_family = AF_UNIX;
   FAILS_AS(rsp_pe_registration_tags(HANDLE("pool"), &element, NULL, 1000, 0, NULL), 0x1006, EAFNOSUPPORT);
   FAILS_AS(rsp_pe_registration_tags(HANDLE("pool"), NULL, NULL, 1000, 0, NULL), 0x1006, EFAULT);
   FAILS_AS(rsp_pe_registration_tags(long_handle, 33, &element, NULL, 1000, 0, NULL), 0xf004, ENAMETOOLONG);
   FAILS_AS(rsp_pe_registration(long_handle, 33, &element, NULL, 1000, 0), 0xf004, ENAMETOOLONG);
   FAILS_AS(rsp_pe_registration_tags(long_handle, 0, &element, NULL, 1000, 0, NULL), 0x0003, EINVAL);
   element.ai_addrs = SIZE_MAX;
   FAILS_AS(rsp_pe_registration(HANDLE("pool"), &element, NULL, 1000, 0), 0x0003, EINVAL);
}

static void bad_pointers_and_lengths(int sd)
{
   struct sockaddr_storage address;
   unsigned char           buffer[64];
   int                     value  = 1;
   socklen_t               length = sizeof(value);

   memset(&address, 0, sizeof(address));
   FAILS(rsp_bind(sd, NULL, 1), EFAULT);
   FAILS(rsp_bind(sd, (struct sockaddr*)&address, 1), EAFNOSUPPORT);
   FAILS(rsp_bind(sd, (struct sockaddr*)&address, INT_MAX), EINVAL);
   FAILS(rsp_update_session_parameters(sd, NULL), EFAULT);
   FAILS(rsp_sendmsg(sd, NULL, 1, 0, 0, 0, 0, 0, 0, 0), EFAULT);
   FAILS(rsp_sendmsg(sd, buffer, SIZE_MAX, 0, 0, 0, 0, 0, 0, 0), EMSGSIZE);
   FAILS(rsp_send_cookie(sd, NULL, 1, 0, 0), EFAULT);
   FAILS(rsp_send_cookie(sd, buffer, SIZE_MAX, 0, 0), EMSGSIZE);
   FAILS(rsp_write(sd, NULL, 1), EFAULT);
   FAILS(rsp_send(sd, NULL, 1, 0), EFAULT);
   FAILS(rsp_recvmsg(sd, NULL, 1, NULL, NULL, 0), EFAULT);
   FAILS(rsp_recvmsg(sd, buffer, SIZE_MAX, NULL, NULL, 0), EINVAL);
   FAILS(rsp_recvfullmsg(sd, NULL, 1, NULL, NULL, 0), EFAULT);
   FAILS(rsp_read(sd, NULL, 1), EFAULT);
   FAILS(rsp_recv(sd, NULL, 1, 0), EFAULT);
   FAILS(rsp_getsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, NULL, &length), EFAULT);
   FAILS(rsp_getsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, NULL), EFAULT);
   FAILS(rsp_getsockopt(sd, SOL_RSERPOOL, 4711, &value, &length), ENOPROTOOPT);
   FAILS(rsp_getsockopt(sd, SOL_SOCKET, SO_TYPE, &value, &length), ENOPROTOOPT);
   FAILS(rsp_setsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, NULL, sizeof(value)), EFAULT);
   FAILS(rsp_setsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, 1), EINVAL);
   FAILS(rsp_setsockopt(sd, SOL_RSERPOOL, 4711, &value, sizeof(value)), ENOPROTOOPT);
   length = 1;
   FAILS(rsp_getsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, &length), EINVAL);

   rsp_print_notification(NULL, stderr);
   rsp_print_notification((union rserpool_notification*)buffer, NULL);
}

static void bad_waits(void)
{
   struct timeval timeout = {-1, 0}, timeout_of_a_second = {1, 0};
   fd_set         set;
   FD_ZERO(&set);
   FAILS(rsp_poll(NULL, 1, 0), EFAULT);
   const int closed = dup(0); /* a low number: Linux does not look at those beyond its table */
   CHECK(close(closed) == 0);
   FD_SET(closed, &set);
   FAILS(rsp_select(closed + 1, &set, NULL, NULL, &timeout_of_a_second), EBADF);
   FD_ZERO(&set);
   FAILS(rsp_poll(NULL, UINT_MAX, 0), EINVAL);
   CHECK(rsp_poll(NULL, 0, 0) == 0);
   FAILS(rsp_select(-1, &set, NULL, NULL, NULL), EINVAL);
   FAILS(rsp_select(FD_SETSIZE + 1, &set, NULL, NULL, NULL), EINVAL);
   FAILS(rsp_select(0, NULL, NULL, NULL, &timeout), EINVAL);
   timeout.tv_sec  = 0;
   timeout.tv_usec = 1000000;
   FAILS(rsp_select(0, NULL, NULL, NULL, &timeout), EINVAL);
   timeout.tv_usec = 0;
   CHECK(rsp_select(0, NULL, NULL, NULL, &timeout) == 0);
   CHECK(rsp_select(0, &set, &set, &set, &timeout) == 0);
   FAILS(rsp_mapsocket(-1, -1), EBADF);
   FAILS(rsp_mapsocket(9999, -1), EBADF);
}

static void wrong_kinds(void)
{
   FAILS(rsp_socket(0, SOCK_SEQPACKET, IPPROTO_TCP), EPROTONOSUPPORT);
   FAILS(rsp_socket(0, SOCK_RAW, IPPROTO_SCTP), ESOCKTNOSUPPORT);
   FAILS(rsp_socket(AF_UNIX, SOCK_SEQPACKET, IPPROTO_SCTP), EAFNOSUPPORT);
   FAILS(rsp_socket_internal(0, SOCK_SEQPACKET, IPPROTO_TCP, -1), EPROTONOSUPPORT);
   FAILS(rsp_socket_internal(0, SOCK_RAW, IPPROTO_SCTP, -1), ESOCKTNOSUPPORT);
   FAILS(rsp_socket_internal(AF_UNIX, SOCK_SEQPACKET, IPPROTO_SCTP, -1), EAFNOSUPPORT);
   FAILS(rsp_socket_internal(0, SOCK_SEQPACKET, IPPROTO_SCTP, 0), EOPNOTSUPP);
}

static void calls_in_the_wrong_state(int sd)
{
   unsigned char buffer[64];
   size_t        size = sizeof(buffer);
   FAILS(rsp_deregister(sd, 0), EBADF);
   FAILS(rsp_getsockname(sd, buffer, &size, NULL), EBADF);
   FAILS(rsp_getpeername(sd, buffer, &size, NULL), ENOTCONN);
   CHECK(rsp_has_cookie(sd) == 0); /* as in rsplib */
   FAILS(rsp_csp_setstatus(sd, 0, "no session"), EINVAL);
   FAILS(rsp_csp_setstatus(sd, 0, "\xff"), EINVAL);
   FAILS(rsp_forcefailover(sd, 0, 0), ENOTCONN);
   FAILS(rsp_forcefailover_tags(sd, 0, 0, NULL), ENOTCONN);
   FAILS(rsp_accept(sd, 0), ENOTCONN);
   FAILS(rsp_accept_tags(sd, 0, NULL), ENOTCONN);
   FAILS(rsp_recvfullmsg(sd, buffer, sizeof(buffer), NULL, NULL, 0), ENOTCONN);
   FAILS(rsp_read(sd, buffer, sizeof(buffer)), ENOTCONN);
   FAILS(rsp_recv(sd, buffer, sizeof(buffer), 0), ENOTCONN);
   FAILS(rsp_recvfullmsg(sd, buffer, 0, NULL, NULL, 0), EINVAL);
   FAILS(rsp_read(sd, buffer, 0), EINVAL);
   FAILS(rsp_recv(sd, buffer, 0, 0), EINVAL);
   FAILS(rsp_write(sd, "", 0), EINVAL);
   FAILS(rsp_send(sd, "", 0, 0), EINVAL);
   FAILS(rsp_recvmsg(sd, buffer, sizeof(buffer), NULL, NULL, 0), ENOTCONN);
   FAILS(rsp_sendmsg(sd, "x", 1, 0, 0, 0, 0, 0, 0, 0), ENOTCONN);
   FAILS(rsp_send(sd, "x", 1, 0), ENOTCONN);
   FAILS(rsp_write(sd, "x", 1), ENOTCONN);
   FAILS(rsp_send_cookie(sd, buffer, 1, 0, 0), EBADF);
   FAILS(rsp_mapsocket(sd, -1), EINVAL);
   FAILS(rsp_unmapsocket(sd), EBADF);
}

int main(void)
{
   struct rsp_info info;
   rsp_initinfo(&info);
   REQUIRE(rsp_initarg(&info, "-registrar=127.0.0.1:1") == 1);
   REQUIRE(rsp_initarg(&info, "-asapannounce=off") == 1);
   REQUIRE(rsp_initarg(&info, "-transport=sctp-udp") == 1);
   rsp_initarg(&info, "-loglevel=0");
   REQUIRE(rsp_initialize(&info) == 0);
   rsp_freeinfo(&info);

   const int sd     = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   const int closed = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(sd >= 0 && closed >= 0);
   CHECK(fcntl(sd, F_GETFD) >= 0); /* a real descriptor */
   REQUIRE(rsp_close(closed) == 0);

   with_bad_descriptor(closed);
   with_bad_descriptor(-1);
   with_bad_descriptor(INT_MAX);
   with_bad_descriptor(INT_MIN);
   bad_handles(sd);
   bad_elements();
   bad_pointers_and_lengths(sd);
   bad_waits();
   wrong_kinds();
   calls_in_the_wrong_state(sd);
   CHECK(rsp_close(sd) == 0);
   FAILS(rsp_close(sd), EBADF);
   return finish("bad_arguments");
}
