/* What the pages warn of, beyond single bad arguments (bad_arguments.c): the wrong kind of descriptor for every function, closing
   and cleaning up under calls that wait in other threads, descriptors closed and read behind the library's back, structures at
   odd addresses, settings that make no sense. Errors, never a crash, and no call that does not come back. */
#include "check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>

static char registrar[128]; /* "-registrar=..." */

static void initialize(const char* at)
{
   struct rsp_info info;
   rsp_initinfo(&info);
   REQUIRE(rsp_initarg(&info, at) == 1);
   REQUIRE(rsp_initarg(&info, "-asapannounce=off") == 1);
   REQUIRE(rsp_initarg(&info, "-transport=sctp-udp") == 1);
   rsp_initarg(&info, "-loglevel=0");
   REQUIRE(rsp_initialize(&info) == 0);
   rsp_freeinfo(&info);
}

/* ---- The wrong kind ---- */

/* A server registered in a pool, and a session with it: its client's descriptor, and its own, where it has one for each. */
struct scene {
   int server, client, accepted;
};

static struct scene begin_session(int type, const char* pool)
{
   struct scene scene  = {-1, -1, -1};
   char         buffer[64];
   int          flags;
   scene.server = rsp_socket(0, type, IPPROTO_SCTP);
   scene.client = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(scene.server >= 0 && scene.client >= 0);
   REQUIRE(rsp_listen(scene.server, 4) == 0);
   REQUIRE(rsp_register(scene.server, HANDLE(pool), NULL, 30000, 0) == 0);
   REQUIRE(rsp_connect(scene.client, HANDLE(pool), 0) == 0);
   REQUIRE(rsp_sendmsg(scene.client, "hello", 5, 0, 0, 0, 0, 0, 0, 1000) == 5);
   if(type == SOCK_STREAM) {
      scene.accepted = rsp_accept(scene.server, 10000);
      REQUIRE(scene.accepted >= 0);
   }
   else { /* that the session has begun */
      REQUIRE(receive(scene.server, buffer, sizeof(buffer), NULL, &flags) > 0);
   }
   return scene;
}

static void end_session(const struct scene* scene)
{
   if(scene->accepted >= 0) {
      CHECK(rsp_close(scene->accepted) == 0);
   }
   CHECK(rsp_close(scene->client) == 0);
   CHECK(rsp_close(scene->server) == 0);
}

/* A client's or a server's session is no server. */
static void a_connected_socket_is_no_server(int sd)
{
   struct sockaddr_in address;
   memset(&address, 0, sizeof(address));
   address.sin_family = AF_INET;
   FAILS(rsp_listen(sd, 1), EISCONN);
   FAILS(rsp_accept(sd, 0), ENOTCONN);
   FAILS(rsp_register(sd, HANDLE("misuse-other"), NULL, 1000, 0), EISCONN);
   FAILS(rsp_connect(sd, HANDLE("misuse"), 0), EISCONN);
   FAILS(rsp_bind(sd, (struct sockaddr*)&address, 1), EINVAL);
   FAILS(rsp_deregister(sd, 0), EBADF);
   FAILS(rsp_mapsocket(sd, -1), EINVAL);
   FAILS(rsp_unmapsocket(sd), EBADF);
}

/* Nor is a server a client. */
static void a_server_is_no_client(int sd)
{
   unsigned char buffer[64];
   size_t        size = sizeof(buffer);
   FAILS(rsp_connect(sd, HANDLE("misuse"), 0), EISCONN);
   FAILS(rsp_forcefailover(sd, FFF_UNREACHABLE, UINT_MAX), ENOTCONN);
   FAILS(rsp_getpeername(sd, buffer, &size, NULL), ENOTCONN);
   FAILS(rsp_register(sd, HANDLE("misuse-other"), NULL, 1000, 0), EBADF);
   FAILS(rsp_sendmsg(sd, "x", 1, 0, 12345, 0, 0, 0, 0, 0), ENOTCONN);
   FAILS(rsp_sendmsg(sd, "x", 1, 0, -1, 0, 0, 0, 0, INT_MIN), ENOTCONN);
   FAILS(rsp_csp_setstatus(sd, 12345, "busy"), EINVAL);
   FAILS(rsp_write(sd, "x", 1), ENOTCONN); /* which session? */
   CHECK(rsp_has_cookie(sd) == 0);
   CHECK(rsp_listen(sd, INT_MIN) == 0 && rsp_listen(sd, INT_MAX) == 0); /* again: another backlog */
}

static void impossible_messages(int sd)
{
   static unsigned char huge[1 << 20];
   unsigned char        buffer[64];
   int                  flags;
   FAILS(rsp_sendmsg(sd, huge, sizeof(huge), 0, 0, 0, 0, 0, 0, 100), EMSGSIZE);
   FAILS(rsp_sendmsg(sd, huge, 1, 0, 0, htonl(11), 0, 0, 0, 0), EINVAL); /* ASAP's own PPID */
   FAILS(rsp_sendmsg(sd, huge, 0, 0, 0, 0, 0, 0, 0, 0), EINVAL);
   FAILS(rsp_send_cookie(sd, huge, 1, 0, 0), EBADF); /* clients give no cookies */
   FAILS(rsp_recvmsg(sd, buffer, 0, NULL, NULL, 0), EINVAL);
   FAILS(rsp_recvfullmsg(sd, NULL, 0, NULL, &flags, 0), EINVAL);
   /* All flags, streams that nobody has, times without sense: sent or refused. */
   const ssize_t sent = rsp_sendmsg(sd, "x", 1, UINT_MAX, -7, UINT32_MAX, UINT16_MAX, UINT32_MAX, 1, INT_MIN);
   CHECK(sent == 1 || sent == -1);
   FAILS(rsp_setsockopt(sd, SOL_RSERPOOL, RSERPOOL_CONNECT_TIMEOUT_MS, &(int){-1}, sizeof(int)), EINVAL);
   FAILS(rsp_setsockopt(sd, SOL_RSERPOOL, INT_MIN, &(int){1}, sizeof(int)), ENOPROTOOPT);
   FAILS(rsp_setsockopt(sd, INT_MIN, 1, &(int){1}, sizeof(int)), ENOPROTOOPT);
}

static void names_that_do_not_fit(int sd, int (*name)(int, unsigned char*, size_t*, uint32_t*))
{
   unsigned char buffer[8] = "";
   size_t        size      = 1;
   FAILS(name(sd, buffer, &size, NULL), ENOBUFS);
   size = 0;
   FAILS(name(sd, NULL, &size, NULL), ENOBUFS);
   size = SIZE_MAX;
   FAILS(name(sd, buffer, &size, NULL), EINVAL);
   size = sizeof(buffer);
   FAILS(name(sd, NULL, &size, NULL), EFAULT);
   FAILS(name(sd, buffer, NULL, NULL), EFAULT);
   CHECK(name(sd, buffer, &size, NULL) == 0 && size == 6 && memcmp(buffer, "misuse", 6) == 0);
}

static void ended_by_the_program(int client)
{
   char buffer[64];
   CHECK(rsp_sendmsg(client, NULL, 0, 0, 0, 0, 0, 0, 4 /* SCTP_ABORT */, 0) == 0);
   FAILS(rsp_sendmsg(client, "x", 1, 0, 0, 0, 0, 0, 0, 1000), EIO);
   FAILS(rsp_forcefailover(client, 0, 0), ENOTCONN); /* at once: it has ended */
   CHECK(rsp_recvfullmsg(client, buffer, sizeof(buffer), NULL, NULL, 1) <= 0);
   FAILS(rsp_connect(client, HANDLE("misuse"), 0), EISCONN);
}

static void wrong_kinds(void)
{
   const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
   for(int i = 0; i < 2; i++) {
      const struct scene scene = begin_session(types[i], "misuse");
      a_connected_socket_is_no_server(scene.client);
      a_server_is_no_client(scene.server);
      impossible_messages(scene.client);
      names_that_do_not_fit(scene.server, rsp_getsockname);
      names_that_do_not_fit(scene.client, rsp_getpeername);
      if(scene.accepted >= 0) {
         a_connected_socket_is_no_server(scene.accepted);
         FAILS(rsp_recvmsg(scene.server, &(char){0}, 1, NULL, NULL, 0), ENOTCONN);
      }
      else {
         FAILS(rsp_accept(scene.server, 0), ENOTCONN);
      }
      ended_by_the_program(scene.client);
      end_session(&scene);
   }
}

/* ---- Mapped descriptors, and such that were never ours ---- */

static void mapped(int sd)
{
   struct rserpool_session_parameters parameters = {0, 0, 0, 0, 0, 0};
   unsigned char                      buffer[64];
   size_t                             size = sizeof(buffer);
   FAILS(rsp_bind(sd, NULL, 0), EOPNOTSUPP);
   FAILS(rsp_listen(sd, 1), EOPNOTSUPP);
   FAILS(rsp_accept(sd, -1), EOPNOTSUPP);
   FAILS(rsp_connect(sd, HANDLE("misuse"), 0), EOPNOTSUPP);
   FAILS(rsp_register(sd, HANDLE("misuse"), NULL, 0, INT_MIN), EOPNOTSUPP);
   FAILS(rsp_deregister(sd, INT_MAX), EOPNOTSUPP);
   FAILS(rsp_forcefailover(sd, UINT_MAX, 0), EOPNOTSUPP);
   FAILS(rsp_has_cookie(sd), EOPNOTSUPP);
   FAILS(rsp_send_cookie(sd, buffer, 1, 0, 0), EOPNOTSUPP);
   FAILS(rsp_send_businesscard(sd, NULL, 0), EOPNOTSUPP);
   FAILS(rsp_getsockname(sd, buffer, &size, NULL), EOPNOTSUPP);
   FAILS(rsp_getpeername(sd, buffer, &size, NULL), EOPNOTSUPP);
   FAILS(rsp_update_session_parameters(sd, &parameters), EOPNOTSUPP);
   FAILS(rsp_csp_setstatus(sd, 0, "busy"), EOPNOTSUPP);
}

static void mapped_descriptors(void)
{
   int  ends[2];
   char byte = 0;
   REQUIRE(pipe(ends) == 0);
   FAILS(rsp_read(ends[0], &byte, 1), EBADF); /* not mapped */
   FAILS(rsp_close(ends[0]), EBADF);
   FAILS(rsp_mapsocket(ends[0], INT_MAX), EINVAL);
   FAILS(rsp_mapsocket(ends[0], ends[1]), EINVAL); /* somebody else's number */
   FAILS(rsp_mapsocket(INT_MIN, -1), EBADF);
   const int number = rsp_mapsocket(ends[0], -1);
   CHECK(number == ends[0]);
   FAILS(rsp_mapsocket(ends[0], ends[0]), EINVAL); /* twice */
   mapped(number);
   FAILS(rsp_recvmsg(number, &byte, 1, NULL, NULL, 1), EAGAIN);
   FAILS(rsp_setsockopt(number, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)), ENOTSOCK);
   CHECK(close(ends[0]) == 0); /* behind the library's back */
   FAILS(rsp_read(number, &byte, 1), EBADF);
   FAILS(rsp_close(number), EBADF); /* as close() says */
   FAILS(rsp_unmapsocket(number), EBADF);
   CHECK(close(ends[1]) == 0);
   FAILS(rsp_unmapsocket(INT_MIN), EBADF);
   FAILS(rsp_unmapsocket(INT_MAX), EBADF);
}

/* Only rsp_ functions may close, read and write an RSerPool descriptor. */
static void descriptors_used_behind_the_back_of_the_library(void)
{
   const struct scene scene = begin_session(SOCK_STREAM, "misuse");
   char               buffer[64];
   int                flags;
   struct pollfd      entry = {scene.accepted, POLLIN, 0};

   /* Read away what shows that something is there, and make it show what is not there. */
   CHECK(recv(scene.accepted, buffer, sizeof(buffer), MSG_DONTWAIT) >= -1);
   CHECK(receive(scene.accepted, buffer, sizeof(buffer), NULL, &flags) == 5);
   CHECK(send(scene.accepted, "x", 1, MSG_DONTWAIT) >= -1);
   FAILS(rsp_recvfullmsg(scene.accepted, buffer, sizeof(buffer), NULL, &flags, 20), EAGAIN);
   CHECK(rsp_poll(&entry, 1, 0) >= 0);
   CHECK(rsp_sendmsg(scene.client, "again", 5, 0, 0, 0, 0, 0, 0, 1000) == 5);
   CHECK(receive(scene.accepted, buffer, sizeof(buffer), NULL, &flags) == 5);

   /* Close it. */
   const int closed = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   CHECK(close(closed) == 0);
   entry.fd = closed;
   CHECK(rsp_poll(&entry, 1, 0) == 1 && (entry.revents & POLLNVAL));
   FAILS(rsp_recvmsg(closed, buffer, sizeof(buffer), NULL, NULL, 0), ENOTCONN);
   CHECK(rsp_listen(closed, 1) == 0); /* the library's own next descriptor may get that number */
   FAILS(rsp_recvmsg(closed, buffer, sizeof(buffer), NULL, NULL, 0), EAGAIN);
   CHECK(rsp_close(closed) == 0);
   FAILS(rsp_close(closed), EBADF);
   end_session(&scene);
}

/* ---- Odd addresses ---- */

/* The same bytes, one byte off. */
#define ODD(name, value)                           \
   char name##_room[sizeof(value) + 1];            \
   void* name = memcpy(name##_room + 1, &(value), sizeof(value))

static void structures_at_odd_addresses(void)
{
   const struct scene                 scene      = begin_session(SOCK_SEQPACKET, "misuse");
   struct TagItem                     tags_[]    = {{TAG_RspSession_ConnectTimeout, 100000}, {TAG_DONE, 0}};
   struct rserpool_session_parameters parameters_ = {0, 0, 0, 0, 0, 0};
   struct rsp_loadinfo                load_;
   struct rsp_sndrcvinfo              info_;
   struct rsp_info                    settings_;
   struct rsp_addrinfo*               list_ = NULL;
   struct pollfd                      entry_ = {scene.client, POLLOUT, 0};
   struct timeval                     time_  = {0, 1000};
   fd_set                             set_;
   int                                flags_ = 0;
   size_t                             size_  = 33;
   uint32_t                           id_    = 0;
   char                               buffer[64];

   memset(&load_, 0, sizeof(load_));
   memset(&info_, 0, sizeof(info_));
   memset(&settings_, 0, sizeof(settings_));
   load_.rli_policy = PPT_ROUNDROBIN;
   FD_ZERO(&set_);
   FD_SET(scene.client, &set_);
   ODD(tags, tags_);
   ODD(parameters, parameters_);
   ODD(load, load_);
   ODD(info, info_);
   ODD(settings, settings_);
   ODD(list, list_);
   ODD(entry, entry_);
   ODD(set, set_);
   ODD(limit, time_);
   ODD(flags, flags_);
   ODD(size, size_);
   ODD(id, id_);

   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   CHECK(rsp_register_tags(sd, HANDLE("misuse-odd"), load, 30000, 0, tags) == 0);
   CHECK(rsp_getsockname(sd, (unsigned char*)buffer, size, id) == 0);
   CHECK(rsp_update_session_parameters(sd, parameters) == 0);
   CHECK(rsp_close(sd) == 0);
   CHECK(rsp_recvmsg(scene.server, buffer, sizeof(buffer), info, flags, 10000) == 5);
   CHECK(rsp_getaddrinfo(HANDLE("misuse"), list, 0, 0) == 1);
   memcpy(&list_, list, sizeof(list_));
   rsp_freeaddrinfo(list_);
   CHECK(rsp_poll(entry, 1, 1000) == 1);
   memcpy(&entry_, entry, sizeof(entry_));
   CHECK(entry_.revents == POLLOUT);
   CHECK(rsp_select(scene.client + 1, NULL, set, NULL, limit) == 1);
   CHECK(rsp_select(scene.client + 1, set, set, set, limit) >= 0); /* one set for everything */
   rsp_initinfo(settings);
   CHECK(rsp_initarg(settings, registrar) == 1);
   CHECK(rsp_initialize(settings) == 0);
   rsp_freeinfo(settings);
   end_session(&scene);
}

static void tag_lists_without_end(void)
{
   const int      sd       = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   struct TagItem circle[] = {{TAG_IGNORE, 0}, {TAG_MORE, 0}};
   struct TagItem skip[]   = {{TAG_SKIP, ULONG_MAX}, {TAG_DONE, 0}};
   struct TagItem more[]   = {{TAG_MORE, 0}};
   circle[1].Data          = (tagdata_t)circle;
   FAILS(rsp_connect_tags(sd, HANDLE("misuse"), 0, circle), EINVAL);
   FAILS(rsp_register_tags(sd, HANDLE("misuse"), NULL, 1000, 0, skip), EINVAL);
   CHECK(rsp_connect_tags(sd, HANDLE("misuse-nobody"), 0, more) == 0); /* NULL: an empty list */
   CHECK(rsp_close(sd) == 0);
}

/* ---- Settings ---- */

static void settings_that_make_no_sense(void)
{
   static char               argument[100000] = "-registrar=";
   struct rsp_info           info;
   struct rsp_registrar_info node;
   struct sockaddr_in        addresses[2];

   memset(argument + 11, '1', sizeof(argument) - 12);
   rsp_initinfo(&info);
   FAILS(rsp_initarg(&info, argument), EINVAL);
   memcpy(argument, "-transport=", 11);
   FAILS(rsp_initarg(&info, argument), EINVAL);
   memcpy(argument, "-cspserver=", 11);
   FAILS(rsp_initarg(&info, argument), EINVAL);
   rsp_freeinfo(&info);
   rsp_freeinfo(&info);

   memset(&node, 0, sizeof(node));
   memset(addresses, 0, sizeof(addresses));
   rsp_initinfo(&info);
   info.ri_registrars = &node;
   FAILS(rsp_initialize(&info), EINVAL); /* no address */
   node.rri_addrs = 1;
   FAILS(rsp_initialize(&info), EFAULT);
   node.rri_addr = (struct sockaddr*)addresses;
   FAILS(rsp_initialize(&info), EAFNOSUPPORT);
   addresses[0].sin_family = addresses[1].sin_family = AF_INET;
   addresses[1].sin_port                             = htons(7);
   node.rri_addrs                                    = 2;
   FAILS(rsp_initialize(&info), EINVAL); /* two ports */
   node.rri_addrs = SIZE_MAX;
   FAILS(rsp_initialize(&info), EINVAL);
   node.rri_addrs = 1;
   node.rri_next  = &node;
   FAILS(rsp_initialize(&info), EINVAL); /* a circle */
   addresses[0].sin_family     = AF_UNIX;
   info.ri_registrars          = NULL;
   info.ri_registrar_announce  = (struct sockaddr*)addresses;
   FAILS(rsp_initialize(&info), EAFNOSUPPORT);
   info.ri_registrar_announce = NULL;
   info.ri_csp_server         = (struct sockaddr*)addresses;
   info.ri_csp_interval       = 1;
   FAILS(rsp_initialize(&info), EAFNOSUPPORT);
   FAILS(rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP), EACCES); /* none of it has started anything */
}

static void events_that_there_are_not(void)
{
   union rserpool_notification n;
   FILE*                       file = fopen("/dev/null", "w");
   REQUIRE(file != NULL);
   for(unsigned i = 0; i < 300; i++) {
      memset(&n, (int)i, sizeof(n));
      rsp_print_notification(&n, file);
      n.rn_header.rn_type = (uint16_t)(i % 5);
      rsp_print_notification(&n, file);
   }
   fclose(file);
   CHECK(rsp_getpolicybyname("") == PPT_UNDEFINED);
   CHECK(rsp_getpolicybyname("\xff\xfe") == PPT_UNDEFINED);
}

/* ---- Under calls that wait ---- */

struct call {
   const char* name;
   int (*function)(int sd);
   int           sd;
   volatile long thread;
   volatile int  result, error;
};

static int wait_in_accept(int sd) { return rsp_accept(sd, -1); }
static int wait_in_connect(int sd) { return rsp_connect(sd, HANDLE("misuse"), 0); }
static int wait_in_failover(int sd) { return rsp_forcefailover(sd, 0, 0); }
static int wait_in_register(int sd) { return rsp_register(sd, HANDLE("misuse"), NULL, 30000, 0); }
static int wait_in_getaddrinfo(int sd)
{
   struct rsp_addrinfo* list;
   (void)sd;
   return rsp_getaddrinfo(HANDLE("misuse"), &list, 0, 0);
}
static int wait_in_receive(int sd)
{
   char buffer[64];
   return (int)rsp_recvfullmsg(sd, buffer, sizeof(buffer), NULL, NULL, -1);
}
static int wait_in_receive_for_long(int sd)
{
   char buffer[64];
   return (int)rsp_recvmsg(sd, buffer, sizeof(buffer), NULL, NULL, INT_MAX);
}
static int wait_in_poll(int sd)
{
   struct pollfd entry = {sd, POLLIN, 0};
   return (rsp_poll(&entry, 1, INT_MAX) >= 0) ? -1 : -2;
}
static int wait_in_select(int sd)
{
   fd_set set;
   FD_ZERO(&set);
   FD_SET(sd, &set);
   return (rsp_select(sd + 1, &set, NULL, NULL, NULL) >= 0) ? -1 : -2;
}
static int wait_in_send(int sd)
{
   static char data[60000];
   while(rsp_sendmsg(sd, data, sizeof(data), 0, 0, 0, 0, 0, 0, INT_MAX) > 0) {
   }
   return -1;
}

static void* run_call(void* argument)
{
   struct call* call = argument;
   __atomic_store_n(&call->thread, syscall(SYS_gettid), __ATOMIC_SEQ_CST);
   errno        = 0;
   call->result = call->function(call->sd);
   call->error  = errno;
   return NULL;
}

/* Until the thread waits in the kernel, for the first time or a later one: every moment is a good one to disturb it. */
static void until_it_waits(const struct call* call)
{
   const struct timespec little = {0, 1000000};
   char                  path[64], line[512];
   for(int sleeping = 0; sleeping < 3;) {
      const long thread = __atomic_load_n(&call->thread, __ATOMIC_SEQ_CST);
      nanosleep(&little, NULL);
      if(thread == 0) {
         continue;
      }
      snprintf(path, sizeof(path), "/proc/self/task/%ld/stat", thread);
      FILE* file = fopen(path, "r");
      if(file == NULL) {
         return; /* it is over */
      }
      const char* state = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
      sleeping          = (state != NULL && state[2] == 'S') ? sleeping + 1 : 0;
      fclose(file);
   }
}

static void disturb(struct call* call, void (*disturbance)(int sd))
{
   pthread_t thread;
   call->thread = 0;
   REQUIRE(pthread_create(&thread, NULL, run_call, call) == 0);
   until_it_waits(call);
   disturbance(call->sd);
   pthread_join(thread, NULL); /* comes back, or the runner's time is over */
   /* Registrations and searches that come to nothing are 0. */
   const int may_succeed = call->function == wait_in_register || call->function == wait_in_connect || call->function == wait_in_failover;
   if(call->result >= 0 && !may_succeed) {
      fprintf(stderr, "%s returned %d (errno %d) under a disturbance\n", call->name, call->result, call->error);
      failures++;
   }
}

static void close_it(int sd)
{
   CHECK(sd < 0 || rsp_close(sd) == 0);
}

static void clean_up(int sd)
{
   (void)sd;
   rsp_cleanup();
}

/* Takes connections, and says nothing: a registrar that hangs. */
static int open_silent_registrar(char* argument, size_t size)
{
   struct sockaddr_in address;
   socklen_t          length = sizeof(address);
   const int          sd     = socket(AF_INET, SOCK_STREAM, 0);
   memset(&address, 0, sizeof(address));
   address.sin_family      = AF_INET;
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   REQUIRE(sd >= 0 && bind(sd, (struct sockaddr*)&address, sizeof(address)) == 0 && listen(sd, 64) == 0);
   REQUIRE(getsockname(sd, (struct sockaddr*)&address, &length) == 0);
   snprintf(argument, size, "-registrar=127.0.0.1:%u", ntohs(address.sin_port));
   return sd;
}

/* Calls that wait for a registrar. */
static void under_calls_to_the_registrar(void)
{
   struct call calls[] = {{"rsp_connect", wait_in_connect, 0, 0, 0, 0},
                          {"rsp_register", wait_in_register, 0, 0, 0, 0},
                          {"rsp_getaddrinfo", wait_in_getaddrinfo, 0, 0, 0, 0}};
   char        argument[64];
   const int   silent = open_silent_registrar(argument, sizeof(argument));
   for(unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
      initialize(argument);
      calls[i].sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
      disturb(&calls[i], clean_up);
      if(calls[i].function == wait_in_connect) { /* others do not wait for the socket */
         initialize(argument);
         calls[i].sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
         disturb(&calls[i], close_it);
         rsp_cleanup();
      }
   }
   close(silent);
}

/* Calls that wait for a peer. */
static void under_calls_to_a_peer(void (*disturbance)(int sd))
{
   struct call calls[] = {{"rsp_recvfullmsg", wait_in_receive, 0, 0, 0, 0},
                          {"rsp_recvmsg", wait_in_receive_for_long, 0, 0, 0, 0},
                          {"rsp_poll", wait_in_poll, 0, 0, 0, 0},
                          {"rsp_select", wait_in_select, 0, 0, 0, 0},
                          {"rsp_sendmsg", wait_in_send, 0, 0, 0, 0},
                          {"rsp_accept", wait_in_accept, 0, 0, 0, 0},
                          {"rsp_forcefailover", wait_in_failover, 0, 0, 0, 0}};
   for(unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
      initialize(registrar);
      struct scene scene = begin_session(SOCK_STREAM, "misuse");
      calls[i].sd        = (calls[i].function == wait_in_accept) ? scene.server : scene.client;
      if(calls[i].function == wait_in_failover) { /* to nobody: it pauses */
         CHECK(rsp_deregister(scene.server, 0) == 0);
      }
      disturb(&calls[i], disturbance);
      rsp_cleanup();
   }
}

int main(int argc, char** argv)
{
   REQUIRE(argc >= 2);
   snprintf(registrar, sizeof(registrar), "-registrar=%s", argv[1]);
   settings_that_make_no_sense();
   events_that_there_are_not();
   initialize(registrar);
   wrong_kinds();
   mapped_descriptors();
   descriptors_used_behind_the_back_of_the_library();
   structures_at_odd_addresses();
   tag_lists_without_end();
   rsp_cleanup();
   under_calls_to_the_registrar();
   under_calls_to_a_peer(close_it);
   under_calls_to_a_peer(clean_up);
   return finish("misuse");
}
