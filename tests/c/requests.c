/* Errors that need others: a registrar that refuses or does not answer, a peer that does not read, a thread that cleans up. */
#include "every_function.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

static struct sockaddr_in  element_address;
static struct rsp_addrinfo element;

/* A free UDP port of the loopback address. */
static unsigned free_port(void)
{
   struct sockaddr_in address;
   socklen_t          length = sizeof(address);
   const int          sd     = socket(AF_INET, SOCK_DGRAM, 0);
   memset(&address, 0, sizeof(address));
   address.sin_family      = AF_INET;
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   REQUIRE(sd >= 0 && bind(sd, (struct sockaddr*)&address, sizeof(address)) == 0);
   REQUIRE(getsockname(sd, (struct sockaddr*)&address, &length) == 0);
   close(sd);
   return ntohs(address.sin_port);
}

static void start_with(const char* registrar, unsigned request_timeout_ms)
{
   struct rsp_info info;
   char            argument[128];
   rsp_initinfo(&info);
   snprintf(argument, sizeof(argument), "-registrar=%s", registrar);
   REQUIRE(rsp_initarg(&info, argument) == 1);
   REQUIRE(rsp_initarg(&info, "-asapannounce=off") == 1);
   REQUIRE(rsp_initarg(&info, "-transport=sctp-udp") == 1);
   info.ri_registrar_request_timeout = request_timeout_ms;
   if(request_timeout_ms >= 60000) {
      info.ri_registrar_response_timeout = request_timeout_ms; /* no call is to end by itself */
   }
   REQUIRE(rsp_initialize(&info) == 0);
   rsp_freeinfo(&info);
}

/* Runs `run` in a child process. Returns when the child says that it is ready. */
static pid_t start_child(void (*run)(int ready, const char* argument), const char* argument)
{
   int       ready[2];
   char      byte;
   REQUIRE(pipe(ready) == 0);
   const pid_t pid = fork();
   REQUIRE(pid >= 0);
   if(pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL); /* whatever becomes of us */
      run(ready[1], argument);
      pause();
      _exit(0);
   }
   close(ready[1]);
   REQUIRE(read(ready[0], &byte, 1) == 1);
   close(ready[0]);
   return pid;
}

static void end_child(pid_t pid)
{
   CHECK(kill(pid, SIGKILL) == 0);
   CHECK(waitpid(pid, NULL, 0) == pid);
}

/* SCTP accepts associations there, and nobody ever answers: a registrar that hangs. */
static void be_silent(int ready, const char* port)
{
   struct sockaddr_in address;
   start_with("127.0.0.1:1", 0);
   memset(&address, 0, sizeof(address));
   address.sin_family      = AF_INET;
   address.sin_port        = htons((uint16_t)atoi(port));
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(rsp_bind(sd, (struct sockaddr*)&address, 1) == 0 && rsp_listen(sd, 4) == 0);
   REQUIRE(write(ready, "", 1) == 1);
}

/* The call fails by this errno now and then, by others meanwhile. */
#define FAILS_SOME_TIME_AS(call, wanted, expected)                        \
   do {                                                                   \
      long long result = 0;                                               \
      errno            = 0;                                               \
      for(int tries = 0; tries < 1000 && errno != (expected); tries++) {  \
         errno  = 0;                                                      \
         result = (long long)(call);                                     \
      }                                                                   \
      judge(PLACE(__LINE__), #call, result, (wanted), errno, (expected)); \
   } while(0)

static void nobody_answers(void)
{
   struct rsp_addrinfo* list;
   /* The library leaves a registrar that does not answer, and looks for another one for a while: the call fails by that. */
   FAILS_SOME_TIME_AS(rsp_getaddrinfo(HANDLE("pool"), &list, 0, 0), REAI_SYSTEM, ETIMEDOUT);
   FAILS_SOME_TIME_AS(rsp_getaddrinfo_tags(HANDLE("pool"), &list, 0, 0, NULL), REAI_SYSTEM, ETIMEDOUT);
   FAILS_SOME_TIME_AS(rsp_pe_registration(HANDLE("pool"), &element, NULL, 60000, 0), 0x1008, ETIMEDOUT);
   FAILS_SOME_TIME_AS(rsp_pe_registration_tags(HANDLE("pool"), &element, NULL, 60000, 0, NULL), 0x1008, ETIMEDOUT);
   FAILS_SOME_TIME_AS(rsp_pe_deregistration(HANDLE("pool"), 0x101, 0), 0x1008, ETIMEDOUT);
   FAILS_SOME_TIME_AS(rsp_pe_deregistration_tags(HANDLE("pool"), 0x102, 0, NULL), 0x1008, ETIMEDOUT);
}

static void on_signal(int number)
{
   (void)number;
}

static void send_signals(int every_ms)
{
   const struct itimerval interval = {{0, every_ms * 1000}, {0, every_ms * 1000}};
   struct sigaction       action;
   memset(&action, 0, sizeof(action));
   action.sa_handler = on_signal;
   REQUIRE(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &interval, NULL) == 0);
}

/* What tests/c/signals.c does not interrupt. */
static void signals_end_calls(void)
{
   struct rsp_addrinfo* list;
   const int            server = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   const int            client = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   send_signals(20);
   FAILS(rsp_register_tags(server, HANDLE("pool"), NULL, 30000, 0, NULL), EINTR);
   FAILS(rsp_accept_tags(server, -1, NULL), EINTR);
   FAILS(rsp_connect_tags(client, HANDLE("pool"), 0, NULL), EINTR);
   FAILS(rsp_forcefailover_tags(client, FFF_NONE, 0, NULL), EINTR);
   FAILS(rsp_select(0, NULL, NULL, NULL, NULL), EINTR);
   FAILS_AS(rsp_getaddrinfo_tags(HANDLE("pool"), &list, 0, 0, NULL), REAI_SYSTEM, EINTR);
   FAILS_AS(rsp_pe_registration_tags(HANDLE("pool"), &element, NULL, 60000, 0, NULL), 0x1006, EINTR);
   FAILS_AS(rsp_pe_deregistration(HANDLE("pool"), 0x103, 0), 0x1006, EINTR);
   FAILS_AS(rsp_pe_deregistration_tags(HANDLE("pool"), 0x104, 0, NULL), 0x1006, EINTR);
   FAILS(rsp_deregister(server, 0), EINTR);
   FAILS(rsp_register(server, HANDLE("pool"), NULL, 30000, 0), EINTR);
   FAILS(rsp_deregister_tags(server, 0, NULL), EINTR);
   send_signals(0);
   CHECK(rsp_close(client) == 0);
   CHECK(rsp_close(server) == 0);
}

/* Calls that wait while another thread cleans up. */
static int waiting_client, waiting_server, another_client, waiting_sender;

static void* wait_in(void* what)
{
   struct rsp_addrinfo* list;
   struct rsp_addrinfo  own = element;
   char                 buffer[64];
   switch((int)(intptr_t)what) {
      case 0:
         FAILS(rsp_connect(waiting_client, HANDLE("pool"), 0), ECANCELED);
         break;
      case 1:
         FAILS(rsp_forcefailover(waiting_client, FFF_NONE, 0), ECANCELED);
         break;
      case 2:
         FAILS(rsp_forcefailover_tags(waiting_client, FFF_NONE, 0, NULL), ECANCELED);
         break;
      case 3:
         FAILS(rsp_recvmsg(waiting_client, buffer, sizeof(buffer), NULL, NULL, 60000), ECANCELED);
         break;
      case 4:
         FAILS(rsp_recvfullmsg(waiting_client, buffer, sizeof(buffer), NULL, NULL, -1), ECANCELED);
         break;
      case 5:
         FAILS(rsp_sendmsg(waiting_client, "x", 1, 0, 0, 0, 0, 0, 0, 60000), ECANCELED);
         break;
      case 6:
         FAILS(rsp_accept(waiting_server, -1), ECANCELED);
         break;
      case 7:
         FAILS(rsp_accept_tags(waiting_server, -1, NULL), ECANCELED);
         break;
      case 8:
         FAILS_AS(rsp_getaddrinfo(HANDLE("pool"), &list, 0, 0), REAI_SYSTEM, ECANCELED);
         break;
      case 9:
         FAILS_AS(rsp_getaddrinfo_tags(HANDLE("pool"), &list, 0, 0, NULL), REAI_SYSTEM, ECANCELED);
         break;
      case 10:
         FAILS_AS(rsp_pe_registration(HANDLE("pool"), &own, NULL, 60000, 0), 0x1006, ECANCELED);
         break;
      case 11:
         FAILS_AS(rsp_pe_registration_tags(HANDLE("pool"), &own, NULL, 60000, 0, NULL), 0x1006, ECANCELED);
         break;
      case 12:
         FAILS_AS(rsp_pe_deregistration(HANDLE("pool"), 0x105, 0), 0x1006, ECANCELED);
         break;
      case 13:
         FAILS_AS(rsp_pe_deregistration_tags(HANDLE("pool"), 0x106, 0, NULL), 0x1006, ECANCELED);
         break;
      case 14:
         FAILS(rsp_sendto_pool(waiting_sender, "x", 1, HANDLE("pool"), 0, 0, NULL, 0, -1), ECANCELED);
         break;
      default:
         FAILS(rsp_connect_tags(another_client, HANDLE("pool"), 0, NULL), ECANCELED);
   }
   return NULL;
}

/* Whether all threads of the process but this one sleep. */
static int all_wait(int threads)
{
   int            asleep = 0, all = 0;
   char           path[300], text[256];
   struct dirent* entry;
   DIR*           tasks = opendir("/proc/self/task");
   REQUIRE(tasks != NULL);
   while((entry = readdir(tasks)) != NULL) {
      snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
      FILE* file = (entry->d_name[0] == '.') ? NULL : fopen(path, "r");
      if(file == NULL) {
         continue;
      }
      if(fgets(text, sizeof(text), file) != NULL && strrchr(text, ')') != NULL) {
         all++;
         asleep += (strrchr(text, ')')[2] == 'S');
      }
      fclose(file);
   }
   closedir(tasks);
   return all > threads && asleep >= all - 1;
}

static void cleanup_ends_calls(void)
{
   enum { CALLS = 16 };
   pthread_t threads[CALLS];
   waiting_client     = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   waiting_server     = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   another_client     = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   waiting_sender     = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   const int on       = 1;
   REQUIRE(rsp_listen(waiting_server, 4) == 0);
   /* A session that fails over by itself: what is sent on it waits for its first element. */
   CHECK(rsp_setsockopt(waiting_client, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &on, sizeof(on)) == 0);
   for(int i = 0; i < CALLS; i++) {
      REQUIRE(pthread_create(&threads[i], NULL, wait_in, (void*)(intptr_t)i) == 0);
      for(int looks = 0; !all_wait(i + 1) && looks < 2000; looks++) {
         sched_yield();
      }
   }
   rsp_cleanup();
   for(int i = 0; i < CALLS; i++) {
      CHECK(pthread_join(threads[i], NULL) == 0);
   }
}

/* Registers an element, which then is nobody else's. */
static void register_element(int ready, const char* registrar)
{
   start_with(registrar, 0);
   element.ai_pe_id = 0x201;
   REQUIRE(rsp_pe_registration(HANDLE("others"), &element, NULL, 60000, 0) == 0);
   REQUIRE(write(ready, "", 1) == 1);
}

static void the_registrar_refuses(void)
{
   struct rsp_addrinfo* list;
   struct rsp_loadinfo  random;
   memset(&random, 0, sizeof(random));
   random.rli_policy = PPT_RANDOM;
   element.ai_pe_id  = 0x202;
   FAILS_AS(rsp_pe_registration(HANDLE("others"), &element, &random, 60000, 0), 0x0005, EPERM);
   FAILS_AS(rsp_pe_registration_tags(HANDLE("others"), &element, &random, 60000, 0, NULL), 0x0005, EPERM);
   FAILS_AS(rsp_pe_deregistration(HANDLE("others"), 0x201, 0), 0x000a, EPERM);
   FAILS_AS(rsp_pe_deregistration_tags(HANDLE("others"), 0x201, 0, NULL), 0x000a, EPERM);
   FAILS_AS(rsp_getaddrinfo(HANDLE("nobody's"), &list, 0, 0), REAI_NONAME, ENOENT);
   FAILS_AS(rsp_getaddrinfo_tags(HANDLE("nobody's"), &list, 0, 0, NULL), REAI_NONAME, ENOENT);
   /* An element that is not there. */
   const int sender    = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   element.ai_protocol = IPPROTO_SCTP;
   CHECK(rsp_pe_registration(HANDLE("dead"), &element, NULL, 60000, 0) == 0);
   FAILS(rsp_sendto_pool(sender, "x", 1, HANDLE("dead"), 0, 0, NULL, 0, 60000), EIO);
   CHECK(rsp_close(sender) == 0);
   element.ai_protocol = IPPROTO_TCP;
   /* The test has the registrar take a few resolutions a second. */
   FAILS_SOME_TIME_AS(rsp_getaddrinfo(HANDLE("nobody's"), &list, 0, 0), REAI_SYSTEM, EPERM);
   FAILS_SOME_TIME_AS(rsp_getaddrinfo_tags(HANDLE("nobody's"), &list, 0, 0, NULL), REAI_SYSTEM, EPERM);
}

/* Another process with a server, and with a session with ours. */
static void be_a_peer(int ready, const char* registrar)
{
   start_with(registrar, 0);
   const int server = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   REQUIRE(rsp_register(server, HANDLE("theirs"), NULL, 30000, 0) == 0);
   REQUIRE(write(ready, "", 1) == 1);
   /* Ours comes when it is there. */
   const int client = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   const int on     = 1;
   REQUIRE(rsp_setsockopt(client, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &on, sizeof(on)) == 0);
   REQUIRE(rsp_connect(client, HANDLE("ours"), 0) == 0);
}

static struct rlimit usual_descriptors;

/* No descriptor can be made from now on. */
static void use_up_descriptors(void)
{
   struct rlimit limited;
   REQUIRE(getrlimit(RLIMIT_NOFILE, &usual_descriptors) == 0);
   const int lowest = dup(0);
   REQUIRE(lowest >= 0 && close(lowest) == 0);
   limited          = usual_descriptors;
   limited.rlim_cur = (rlim_t)lowest;
   REQUIRE(setrlimit(RLIMIT_NOFILE, &limited) == 0);
}

static void give_back_descriptors(void)
{
   REQUIRE(setrlimit(RLIMIT_NOFILE, &usual_descriptors) == 0);
}

/* A session that waits, and no descriptor for it: it goes on waiting, and the descriptor stays readable, as with accept(2). */
static void accept_without_descriptors(int server)
{
   struct pollfd entry = {server, POLLIN, 0};
   REQUIRE(poll(&entry, 1, 30000) == 1);
   use_up_descriptors();
   FAILS(rsp_accept(server, 0), EMFILE);
   CHECK(poll(&entry, 1, 0) == 1);
   FAILS(rsp_accept_tags(server, 0, NULL), EMFILE);
   CHECK(poll(&entry, 1, 0) == 1);
   give_back_descriptors();
}

static unsigned char much[60000];

/* Full for the first time, and no descriptor to show that: it is shown as soon as there is one. */
static void fill_without_descriptors(int session)
{
   struct pollfd entry = {session, POLLOUT, 0};
   use_up_descriptors();
   FAILS_AT_LAST(rsp_send_cookie(session, much, sizeof(much), 0, 0), EAGAIN);
   give_back_descriptors();
   FAILS(rsp_send_cookie(session, much, sizeof(much), 0, 0), EAGAIN);
   CHECK(poll(&entry, 1, 0) == 0);
}

/* A peer that has stopped acknowledges nothing: queues fill up. */
static void the_peer_does_not_read(const char* registrar)
{
   const pid_t peer   = start_child(be_a_peer, registrar);
   start_with(registrar, 0);
   const int client = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   const int server = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   REQUIRE(rsp_register(server, HANDLE("ours"), NULL, 30000, 0) == 0);
   if(can_limit_descriptors()) {
      accept_without_descriptors(server);
   }
   const int session = rsp_accept(server, can_limit_descriptors() ? 0 : 30000);
   REQUIRE(session >= 0 && rsp_connect(client, HANDLE("theirs"), 0) == 0);

   CHECK(kill(peer, SIGSTOP) == 0);
   if(can_limit_descriptors()) {
      fill_without_descriptors(session);
   }
   FAILS_AT_LAST(rsp_sendmsg(client, much, sizeof(much), 0, 0, 0, 0, 0, 0, 0), EAGAIN);
   FAILS(rsp_send(client, much, sizeof(much), 0), EAGAIN);
   FAILS(rsp_write(client, (const char*)much, sizeof(much)), EAGAIN);
   FAILS_AT_LAST(rsp_send_cookie(session, much, sizeof(much), 0, 0), EAGAIN);
   send_signals(20);
   FAILS(rsp_send_cookie(session, much, sizeof(much), 0, 60000), EINTR);
   send_signals(0);
   end_child(peer);
   char buffer[64];
   int  flags;
   REQUIRE(rsp_recvfullmsg(session, buffer, sizeof(buffer), NULL, &flags, 60000) == 0); /* it has ended */
   FAILS(rsp_send_cookie(session, much, sizeof(much), 0, 0), EIO);
   CHECK(rsp_close(session) == 0 && rsp_close(server) == 0 && rsp_close(client) == 0);
   rsp_cleanup();
}

int main(int argc, char** argv)
{
   char port[16], silent[64];
   REQUIRE(argc >= 2);
   element_address.sin_family      = AF_INET;
   element_address.sin_port        = htons(9);
   element_address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   element.ai_socktype             = SOCK_STREAM;
   element.ai_protocol             = IPPROTO_TCP;
   element.ai_addrs                = 1;
   element.ai_addr                 = (struct sockaddr*)&element_address;

   FAILS(rsp_close(0), EACCES); /* opens what FAILS writes to, before descriptors are short */
   the_peer_does_not_read(argv[1]);
   const pid_t other = start_child(register_element, argv[1]);
   start_with(argv[1], 0);
   the_registrar_refuses();
   rsp_cleanup();
   end_child(other);

   snprintf(port, sizeof(port), "%u", free_port());
   snprintf(silent, sizeof(silent), "127.0.0.1:%s", port);
   const pid_t registrar = start_child(be_silent, port);
   start_with(silent, 300);
   nobody_answers();
   rsp_cleanup();
   start_with(silent, 60000);
   signals_end_calls();
   cleanup_ends_calls();
   end_child(registrar);
   return finish("requests");
}
