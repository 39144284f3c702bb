/* Errors that need no registrar: settings, addresses, states and kinds of descriptors, limits of the process. */
#include "every_function.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void start_alone(void)
{
   struct rsp_info info;
   rsp_initinfo(&info);
   REQUIRE(rsp_initarg(&info, "-registrar=127.0.0.1:1") == 1);
   REQUIRE(rsp_initarg(&info, "-asapannounce=off") == 1);
   REQUIRE(rsp_initarg(&info, "-transport=sctp-udp") == 1);
   info.ri_registrar_request_timeout = 100; /* nobody answers, so let nobody wait */
   REQUIRE(rsp_initialize(&info) == 0);
   rsp_freeinfo(&info);
}

static int open_socket(int type)
{
   const int sd = rsp_socket(0, type, IPPROTO_SCTP);
   REQUIRE(sd >= 0);
   return sd;
}

static void bad_settings(void)
{
   static struct sockaddr_in addresses[65];
   struct rsp_registrar_info registrar = {NULL, (struct sockaddr*)addresses, 0};
   struct rsp_info           info;
   rsp_initinfo(&info);
   info.ri_registrars = &registrar;
   FAILS(rsp_initialize(&info), EINVAL); /* no address */
   registrar.rri_addrs = 65;
   FAILS(rsp_initialize(&info), EINVAL);
   registrar.rri_addrs = 1;
   FAILS(rsp_initialize(&info), EAFNOSUPPORT);
   registrar.rri_addr = NULL;
   FAILS(rsp_initialize(&info), EFAULT);
   info.ri_registrars = NULL;
   CHECK(setenv("RSERPOOL_REGISTRARS", "nonsense", 1) == 0);
   FAILS(rsp_initialize(&info), EINVAL);
   CHECK(unsetenv("RSERPOOL_REGISTRARS") == 0);

   const int kernel_sctp = socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
   if(kernel_sctp >= 0) {
      close(kernel_sctp);
      return;
   }
   REQUIRE(rsp_initarg(&info, "-transport=sctp") == 1);
   FAILS(rsp_initialize(&info), EPROTONOSUPPORT);
   REQUIRE(rsp_initarg(&info, "-transport=sctp-udp") == 1); /* arguments are the process's */
}

/* Until the limit is lifted, no call gets a new descriptor. */
static void limit_descriptors(rlim_t limit)
{
   struct rlimit limits;
   REQUIRE(getrlimit(RLIMIT_NOFILE, &limits) == 0);
   limits.rlim_cur = limit;
   REQUIRE(setrlimit(RLIMIT_NOFILE, &limits) == 0);
}

static int child_without_descriptors(void)
{
   struct rlimit usual;
   struct rsp_info info;
   int             sockets[7];
   REQUIRE(getrlimit(RLIMIT_NOFILE, &usual) == 0);
   rsp_initinfo(&info);
   const int lowest = dup(0);
   REQUIRE(lowest >= 0 && close(lowest) == 0);
   limit_descriptors((rlim_t)lowest);
   FAILS(rsp_initialize(&info), EMFILE);
   limit_descriptors(usual.rlim_cur);

   start_alone();
   for(int i = 0; i < 7; i++) {
      sockets[i] = open_socket(SOCK_SEQPACKET);
   }
   const int stream = open_socket(SOCK_STREAM);
   const int next   = dup(0);
   REQUIRE(next >= 0 && close(next) == 0);
   limit_descriptors((rlim_t)next);
   FAILS(rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP), EMFILE);
   FAILS(rsp_socket_internal(0, SOCK_SEQPACKET, IPPROTO_SCTP, -1), EMFILE);
   const int on = 1;
   FAILS(rsp_setsockopt(stream, SOL_RSERPOOL, RSERPOOL_REGISTRATION_EVENT, &on, sizeof(on)), EMFILE);
   FAILS(rsp_bind(sockets[0], NULL, 0), EMFILE);
   FAILS(rsp_listen(sockets[1], 4), EMFILE);
   FAILS(rsp_register(sockets[2], HANDLE("pool"), NULL, 1000, 0), EMFILE);
   FAILS(rsp_register_tags(sockets[3], HANDLE("pool"), NULL, 1000, 0, NULL), EMFILE);
   FAILS(rsp_connect(sockets[4], HANDLE("pool"), 0), EMFILE);
   FAILS(rsp_connect_tags(sockets[5], HANDLE("pool"), 0, NULL), EMFILE);
   FAILS(rsp_sendto_pool(sockets[6], "x", 1, HANDLE("pool"), 0, 0, NULL, 0, 0), EMFILE);
   limit_descriptors(usual.rlim_cur);
   CHECK(rsp_bind(sockets[0], NULL, 0) == 0); /* it can be tried again */
   rsp_cleanup();
   return failures;
}

static void without_descriptors(void)
{
   int         status = 0;
   const pid_t pid    = fork();
   REQUIRE(pid >= 0);
   if(pid == 0) {
      failures = 0;
      _exit(child_without_descriptors());
   }
   REQUIRE(waitpid(pid, &status, 0) == pid);
   CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* An address that cannot be had: by whichever call the socket is bound, it says so. */
static void cannot_be_bound(const struct sockaddr* address, int expected)
{
   const int sd = open_socket(SOCK_SEQPACKET);
   FAILS(rsp_bind(sd, address, 1), expected);
   FAILS(rsp_listen(sd, 4), expected);
   FAILS(rsp_register(sd, HANDLE("pool"), NULL, 1000, 0), expected);
   FAILS(rsp_register_tags(sd, HANDLE("pool"), NULL, 1000, 0, NULL), expected);
   CHECK(rsp_bind(sd, NULL, 0) == 0);
   FAILS(rsp_bind(sd, NULL, 0), EINVAL); /* bound already */
   CHECK(rsp_close(sd) == 0);
}

static void addresses(void)
{
   struct sockaddr_in  address;
   struct sockaddr_in6 link_local;
   socklen_t           length = sizeof(address);

   /* Somebody else has the port. */
   memset(&address, 0, sizeof(address));
   address.sin_family      = AF_INET;
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   const int udp           = socket(AF_INET, SOCK_DGRAM, 0);
   REQUIRE(udp >= 0 && bind(udp, (struct sockaddr*)&address, sizeof(address)) == 0);
   REQUIRE(getsockname(udp, (struct sockaddr*)&address, &length) == 0);
   cannot_be_bound((struct sockaddr*)&address, EADDRINUSE);
   close(udp);

   address.sin_port        = 0;
   address.sin_addr.s_addr = htonl(0xc0000201); /* 192.0.2.1, nobody's */
   cannot_be_bound((struct sockaddr*)&address, EADDRNOTAVAIL);

   /* A link-local address without its link. Where the host has no IPv6, that is a different error. */
   memset(&link_local, 0, sizeof(link_local));
   link_local.sin6_family = AF_INET6;
   CHECK(inet_pton(AF_INET6, "fe80::1", &link_local.sin6_addr) == 1);
   const int plain = socket(AF_INET6, SOCK_DGRAM, 0);
   if(plain >= 0 && bind(plain, (struct sockaddr*)&link_local, sizeof(link_local)) < 0 && errno == EINVAL) {
      cannot_be_bound((struct sockaddr*)&link_local, EINVAL);
   }
   if(plain >= 0) {
      close(plain);
   }
}

/* Nobody is there to connect to: the session waits for a failover. */
static void failed_session(void)
{
   unsigned char handle[32];
   size_t        size = 3;
   const int     sd   = open_socket(SOCK_SEQPACKET);
   CHECK(rsp_connect(sd, HANDLE("pool"), 0) == 0);
   FAILS(rsp_listen(sd, 4), EISCONN);
   FAILS(rsp_register(sd, HANDLE("pool"), NULL, 1000, 0), EISCONN);
   FAILS(rsp_register_tags(sd, HANDLE("pool"), NULL, 1000, 0, NULL), EISCONN);
   FAILS(rsp_forcefailover(sd, FFF_NONE, 0), EIO);
   FAILS(rsp_forcefailover_tags(sd, FFF_NONE, 0, NULL), EIO);
   FAILS(rsp_sendmsg(sd, "x", 1, 0, 0, 0, 0, 0, 0, 0), EIO);
   FAILS(rsp_send(sd, "x", 1, 0), EIO);
   FAILS(rsp_write(sd, "x", 1), EIO);
   FAILS(rsp_sendmsg(sd, "x", SIZE_MAX, 0, 0, 0, 0, 0, 0, 0), EMSGSIZE);
   FAILS(rsp_send(sd, "x", SIZE_MAX, 0), EMSGSIZE);
   FAILS(rsp_write(sd, "x", SIZE_MAX), EMSGSIZE);
   FAILS(rsp_getpeername(sd, handle, &size, NULL), ENOBUFS);
   FAILS(rsp_getpeername(sd, NULL, &size, NULL), EFAULT);
   size = SIZE_MAX;
   FAILS(rsp_getpeername(sd, handle, &size, NULL), EINVAL);
   CHECK(rsp_close(sd) == 0);
}

static void servers(void)
{
   const uint32_t identifiers[33] = {1};
   unsigned char handle[32];
   size_t        size   = SIZE_MAX;
   const int     many   = open_socket(SOCK_SEQPACKET);
   const int     single = open_socket(SOCK_STREAM);
   CHECK(rsp_register(many, HANDLE("pool"), NULL, 1000, REGF_DONTWAIT) == 0);
   FAILS(rsp_getsockname(many, handle, &size, NULL), EINVAL);
   FAILS(rsp_recvmsg(many, handle, sizeof(handle), NULL, NULL, 0), EAGAIN);
   FAILS(rsp_recvfullmsg(many, handle, sizeof(handle), NULL, NULL, 0), EAGAIN);
   FAILS(rsp_recv(many, handle, sizeof(handle), 0), EAGAIN);
   FAILS(rsp_read(many, handle, sizeof(handle)), EAGAIN);
   FAILS(rsp_send_cookie(many, HANDLE(""), 1, 0), EMSGSIZE);
   FAILS(rsp_send_cookie(many, NULL, 1, 1, 0), EFAULT);
   FAILS(rsp_send_businesscard(many, NULL, 1), EFAULT);
   FAILS(rsp_send_businesscard(many, identifiers, 33), EINVAL);
   FAILS(rsp_send_businesscard(many, identifiers, SIZE_MAX), EINVAL);
   FAILS(rsp_send_businesscard(many, identifiers, 1), EHOSTUNREACH);
   FAILS(rsp_send_businesscard(single, identifiers, 1), EBADF); /* not registered */
   CHECK(rsp_listen(single, 4) == 0);
   FAILS(rsp_accept(single, 0), EAGAIN);
   FAILS(rsp_accept_tags(single, 0, NULL), EAGAIN);
   CHECK(rsp_close(many) == 0);
   CHECK(rsp_close(single) == 0);
}

static void mapped(void)
{
   int ends[2];
   REQUIRE(pipe(ends) == 0);
   const int sd = rsp_mapsocket(ends[0], -1);
   REQUIRE(sd >= 0);
   socket_functions_fail(sd, EOPNOTSUPP);
   FAILS(rsp_mapsocket(ends[1], sd), EINVAL);
   CHECK(rsp_close(sd) == 0);
   FAILS(rsp_close(sd), EBADF);
   close(ends[1]);
}

/* Nobody hears a registrar that is not there. */
static void requests(void)
{
   struct sockaddr_in   address;
   struct rsp_addrinfo  element;
   struct rsp_addrinfo* list;
   memset(&address, 0, sizeof(address));
   address.sin_family = AF_INET;
   memset(&element, 0, sizeof(element));
   element.ai_protocol = IPPROTO_SCTP;
   element.ai_addrs    = 1;
   element.ai_addr     = (struct sockaddr*)&address;
   FAILS_AS(rsp_getaddrinfo(HANDLE("pool"), &list, 0, 0), REAI_SYSTEM, EHOSTUNREACH);
   FAILS_AS(rsp_getaddrinfo_tags(HANDLE("pool"), &list, 0, 0, NULL), REAI_SYSTEM, EHOSTUNREACH);
   FAILS_AS(rsp_pe_registration(HANDLE("pool"), &element, NULL, 1000, 0), 0x1007, EHOSTUNREACH);
   FAILS_AS(rsp_pe_registration_tags(HANDLE("pool"), &element, NULL, 1000, 0, NULL), 0x1007, EHOSTUNREACH);
   FAILS_AS(rsp_pe_deregistration(HANDLE("pool"), 7, 0), 0x1007, EHOSTUNREACH);
   FAILS_AS(rsp_pe_deregistration_tags(HANDLE("pool"), 8, 0, NULL), 0x1007, EHOSTUNREACH);
   const int sd = open_socket(SOCK_SEQPACKET);
   FAILS(rsp_sendto_pool(sd, "x", 1, HANDLE("pool"), 0, 0, NULL, 0, 0), EAGAIN);
   FAILS(rsp_sendto_pool(sd, "x", 1, HANDLE("pool"), 0, 0, NULL, 0, 30000), EHOSTUNREACH);
   CHECK(rsp_close(sd) == 0);
}

/* It may be there, for all that a process without descriptors knows. */
static void requests_without_descriptors(void)
{
   struct rsp_addrinfo* list;
   struct rlimit        usual;
   const int            next = dup(STDIN_FILENO);
   REQUIRE(next >= 0 && close(next) == 0);
   REQUIRE(getrlimit(RLIMIT_NOFILE, &usual) == 0);
   limit_descriptors((rlim_t)next);
   FAILS_AS(rsp_getaddrinfo(HANDLE("pool"), &list, 0, 0), REAI_SYSTEM, EMFILE);
   CHECK(strstr(rsp_last_error(), "no descriptor left") != NULL);
   limit_descriptors(usual.rlim_cur);
   FAILS_AS(rsp_getaddrinfo(HANDLE("pool"), &list, 0, 0), REAI_SYSTEM, EHOSTUNREACH);
}

int main(void)
{
   FAILS(rsp_close(0), EACCES); /* opens what FAILS writes to, before descriptors are short */
   bad_settings();
   if(can_limit_descriptors()) {
      without_descriptors();
   }
   start_alone();
   if(can_limit_descriptors()) {
      requests_without_descriptors();
   }
   addresses();
   failed_session();
   servers();
   mapped();
   requests();
   rsp_cleanup();
   return finish("errors");
}
