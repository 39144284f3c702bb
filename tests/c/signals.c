/* A signal handler ends every blocking call with EINTR, whether with SA_RESTART or not; what the call began goes on. And the
 * texts for errors. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t signals;

static void handle_signal(int number)
{
   (void)number;
   signals++;
}

/* From now on a signal every few milliseconds: whenever the call begins, one comes while it waits. */
static void send_signals(int every_ms, int flags)
{
   const struct itimerval interval = {{0, every_ms * 1000}, {0, every_ms * 1000}};
   struct sigaction       action;
   memset(&action, 0, sizeof(action));
   action.sa_handler = handle_signal;
   action.sa_flags   = flags;
   REQUIRE(sigaction(SIGALRM, &action, NULL) == 0);
   REQUIRE(setitimer(ITIMER_REAL, &interval, NULL) == 0);
}

/* Who connects gets no answer: a registrar that hangs. */
static int open_silent_registrar(char* address, size_t size)
{
   struct sockaddr_in any;
   socklen_t          length = sizeof(any);
   const int          sd     = socket(AF_INET, SOCK_STREAM, 0);
   memset(&any, 0, sizeof(any));
   any.sin_family      = AF_INET;
   any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   REQUIRE(sd >= 0 && bind(sd, (const struct sockaddr*)&any, sizeof(any)) == 0 && listen(sd, 16) == 0);
   REQUIRE(getsockname(sd, (struct sockaddr*)&any, &length) == 0);
   snprintf(address, size, "127.0.0.1:%u", (unsigned)ntohs(any.sin_port));
   return sd;
}

/* Neither text function changes errno. */
#define REQUIRE_ERRNO(expected)                                                   \
   do {                                                                           \
      const int now = errno;                                                      \
      CHECK(now == (expected));                                                   \
   } while(0)

static int says(const char* part)
{
   if(strstr(rsp_last_error(), part) != NULL) {
      return 1;
   }
   fprintf(stderr, "rsp_last_error() says \"%s\", nothing of \"%s\"\n", rsp_last_error(), part);
   return 0;
}

static void signals_end_calls(int flags)
{
   struct rsp_addrinfo*  found = NULL;
   struct sockaddr_in    address;
   struct rsp_addrinfo   element;
   char                  buffer[64];
   union rserpool_notification notification;
   const int             client = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   const int             server = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   const int             sender = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(client >= 0 && server >= 0 && sender >= 0);

   send_signals(20, flags);
   FAILS(rsp_connect(client, HANDLE("pool"), 0), EINTR);
   CHECK(says("goes on"));
   FAILS(rsp_connect(client, HANDLE("pool"), 0), EISCONN); /* it goes on */
   FAILS(rsp_forcefailover(client, FFF_NONE, 0), EINTR);
   FAILS(rsp_recvmsg(client, buffer, sizeof(buffer), NULL, NULL, 60000), EINTR);
   FAILS(rsp_recvfullmsg(client, buffer, sizeof(buffer), NULL, NULL, -1), EINTR);
   FAILS(rsp_sendmsg(client, "x", 1, 0, 0, 0, 0, 0, 0, 60000), EINTR); /* waits for a pool element */
   FAILS(rsp_sendto_pool(sender, "x", 1, HANDLE("pool"), 0, 0, NULL, 0, 60000), EINTR);
   FAILS(rsp_register(server, HANDLE("pool"), NULL, 30000, 0), EINTR);
   CHECK(says("pool \"pool\""));
   FAILS(rsp_accept(server, -1), EINTR);
   FAILS(rsp_poll(NULL, 0, -1), EINTR);
   FAILS_AS(rsp_getaddrinfo(HANDLE("pool"), &found, 1, 0), REAI_SYSTEM, EINTR);
   CHECK(found == NULL);
   CHECK(says("a signal came"));

   memset(&address, 0, sizeof(address));
   address.sin_family      = AF_INET;
   address.sin_port        = htons(9);
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   memset(&element, 0, sizeof(element));
   element.ai_family   = AF_INET;
   element.ai_socktype = SOCK_STREAM;
   element.ai_protocol = IPPROTO_TCP;
   element.ai_addrs    = 1;
   element.ai_addr     = (struct sockaddr*)&address;
   element.ai_pe_id    = 0x77;
   FAILS_AS(rsp_pe_registration(HANDLE("basic"), &element, NULL, 30000, 0), 0x1006, EINTR);
   CHECK(signals > 0);
   send_signals(0, 0);

   /* The search of the connect goes on without us, and tells how it ends. */
   struct pollfd polled = {client, POLLIN, 0};
   CHECK(poll(&polled, 1, 60000) == 1 && (polled.revents & POLLIN));
   CHECK(rsp_recvmsg(client, &notification, sizeof(notification), NULL, NULL, 0) == (ssize_t)sizeof(notification));
   CHECK(notification.rn_header.rn_type == RSERPOOL_FAILOVER &&
         notification.rn_failover.rf_state == RSERPOOL_FAILOVER_NECESSARY);
   CHECK(rsp_close(client) == 0 && rsp_close(sender) == 0);
   CHECK(rsp_close(server) == 0);
}

static void texts(void)
{
   CHECK(strlen(rsp_strerror(EAGAIN)) > 10 && strcmp(rsp_strerror(EAGAIN), rsp_strerror(EBADF)) != 0);
   CHECK(strlen(rsp_strerror(-1)) > 10 && rsp_strerror(-1) == rsp_strerror(123456));
   errno = 4711;
   rsp_strerror(EIO);
   rsp_last_error();
   REQUIRE_ERRNO(4711);
   FAILS(rsp_close(987654), EBADF);
   CHECK(says("987654"));
   /* What succeeds by rsplib's rules, but not by ours, says why. */
   const int server = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   CHECK(rsp_register(server, HANDLE("echo"), NULL, 30000, 0) == 0);
   CHECK(says("is not registered in pool \"echo\" yet: no registrar"));
   CHECK(says(" ms ("));
   CHECK(rsp_deregister(server, DEREGF_DONTWAIT) == 0);
   CHECK(strcmp(rsp_last_error(), "") == 0);
   CHECK(rsp_close(server) == 0);
}

int main(int argc, char** argv)
{
   char            address[64], argument[128];
   struct rsp_info info;
   const int       registrar = open_silent_registrar(address, sizeof(address));
   (void)argc;
   (void)argv;
   rsp_initinfo(&info);
   snprintf(argument, sizeof(argument), "-registrar=%s", address);
   REQUIRE(rsp_initarg(&info, argument) == 1 && rsp_initarg(&info, "-asapannounce=off") == 1);
   REQUIRE(rsp_initarg(&info, "-transport=sctp-udp") == 1);
   info.ri_registrar_request_timeout = 1000; /* what nobody interrupts ends soon */
   REQUIRE(rsp_initialize(&info) == 0);
   rsp_freeinfo(&info);
   signals_end_calls(0);
   signals_end_calls(SA_RESTART);
   texts();
   close(registrar);
   return finish("signals");
}
