/* Threads that do anything to anything: random calls on descriptors that they share, under signals and with forks, while the
   library is cleaned up and initialised again under them. No result is expected of any call, only that it comes.

   usage: abuse REGISTRAR [ROUNDS [SEED]]      ROUNDS: calls of each thread

   A call that does not come back within STUCK seconds ends the program with a list of what each thread is doing. */
#include "check.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/wait.h>

#define THREADS 8
#define SHARED  15
#define STUCK   60
/* Of the longest wait that is asked for, in milliseconds. */
#define LONG 30

struct worker {
   pthread_t             thread;
   unsigned              rounds, random;
   const char* volatile  doing; /* NULL: between two calls */
   volatile long         since; /* second */
   volatile unsigned     done;
};

static struct worker workers[THREADS];
static volatile int  shared[SHARED]; /* descriptors, or -1 */
static char**        arguments;
static unsigned      clean_ups, children, signals, sessions, messages, cookies, failovers, rarities;
static const char* const pools[] = {"abuse-a", "abuse-b", "nobody-is-here"};

static void count(unsigned* what, int yes)
{
   if(yes) {
      __atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
   }
}

static long seconds(void)
{
   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);
   return (long)now.tv_sec;
}

static unsigned pick(struct worker* w, unsigned below)
{
   w->random = w->random * 1664525u + 1013904223u;
   return (w->random >> 8) % below;
}

/* What the shared descriptors are meant for, so that most calls make sense: a third of them each. */
enum kind { SERVER, CLIENT, SESSION, ANY };

static unsigned place(struct worker* w, enum kind kind)
{
   return (kind == ANY) ? pick(w, SHARED) : kind * (SHARED / 3) + pick(w, SHARED / 3);
}

/* A descriptor of everybody's. It may be closed at any moment, and be anything else then. */
static int any(struct worker* w, enum kind kind)
{
   return shared[place(w, pick(w, 8) ? kind : ANY)];
}

/* Puts a new descriptor among the shared ones; what was there is closed. */
static void share(struct worker* w, int sd, enum kind kind)
{
   if(sd >= 0) {
      const int old = __atomic_exchange_n(&shared[place(w, kind)], sd, __ATOMIC_SEQ_CST);
      if(old >= 0) {
         rsp_close(old);
      }
   }
}

static int initialize(void)
{
   struct rsp_info info;
   char            argument[128];
   rsp_initinfo(&info);
   snprintf(argument, sizeof(argument), "-registrar=%s", arguments[1]);
   rsp_initarg(&info, argument);
   rsp_initarg(&info, "-asapannounce=off");
   rsp_initarg(&info, "-transport=sctp-udp");
   rsp_initarg(&info, "-loglevel=0");
   const int result = rsp_initialize(&info);
   rsp_freeinfo(&info);
   return result;
}

/* A child of fork() uses what it inherited, then a library of its own. */
static void fork_once(struct worker* w)
{
   const pid_t pid = fork();
   if(pid < 0) {
      return;
   }
   if(pid == 0) {
      char buffer[64];
      alarm(STUCK);
      signal(SIGALRM, SIG_DFL);
      /* EACCES: at that moment, another thread had cleaned up. */
      if(rsp_recvmsg(any(w, ANY), buffer, sizeof(buffer), NULL, NULL, 1) != -1 || (errno != EOWNERDEAD && errno != EACCES)) {
         _exit(2);
      }
      rsp_cleanup();
      if(initialize() != 0) {
         _exit(3);
      }
      const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
      if(sd < 0 || rsp_listen(sd, 1) < 0 || rsp_close(sd) < 0) {
         _exit(4);
      }
      rsp_cleanup();
      _exit(0);
   }
   int status = 0;
   while(waitpid(pid, &status, 0) < 0 && errno == EINTR) {
   }
   if(!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
      fprintf(stderr, "a child of fork() ended with status 0x%x\n", status);
      __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
   }
   count(&children, 1);
}

static void wait_for_some(struct worker* w, int with_select)
{
   struct pollfd  entries[6];
   struct timeval time = {0, (suseconds_t)pick(w, LONG) * 1000};
   fd_set         read, write;
   FD_ZERO(&read);
   FD_ZERO(&write);
   for(unsigned i = 0; i < 6; i++) {
      entries[i].fd     = any(w, ANY);
      entries[i].events = (short)(pick(w, 2) ? POLLIN : POLLIN | POLLOUT);
      if(entries[i].fd >= 0 && entries[i].fd < FD_SETSIZE) {
         FD_SET(entries[i].fd, pick(w, 2) ? &read : &write);
      }
   }
   if(with_select) {
      rsp_select(FD_SETSIZE, &read, &write, NULL, &time);
   }
   else {
      rsp_poll(entries, 6, (int)pick(w, LONG));
   }
}

static void map_a_pipe(void)
{
   int  ends[2], numbers[2];
   char byte = 0;
   if(pipe(ends) < 0) {
      return;
   }
   fcntl(ends[0], F_SETFL, O_NONBLOCK); /* another thread may read what this one waits for */
   for(int i = 0; i < 2; i++) {
      numbers[i] = rsp_mapsocket(ends[i], -1);
   }
   if(rsp_write(numbers[1], "x", 1) == 1) {
      CHECK(rsp_read(numbers[0], &byte, 1) <= 1);
   }
   for(int i = 0; i < 2; i++) {
      /* Another thread may have closed it, by a number that it knew from before: then it is not ours any more. */
      if(numbers[i] < 0 || rsp_unmapsocket(numbers[i]) == 0) {
         close(ends[i]);
      }
   }
}

static void receive_and_answer(struct worker* w, int sd, unsigned char* buffer, size_t size)
{
   struct rsp_sndrcvinfo       info;
   union rserpool_notification event;
   int                         flags = 0;
   memset(&info, 0, sizeof(info));
   const int     wait   = (int)pick(w, LONG);
   const ssize_t length = pick(w, 2) ? rsp_recvmsg(sd, buffer, 1 + pick(w, (unsigned)size), &info, &flags, wait)
                                     : rsp_recvfullmsg(sd, buffer, size, &info, &flags, wait);
   if(length <= 0) {
      return;
   }
   if(flags & MSG_RSERPOOL_NOTIFICATION) {
      memcpy(&event, buffer, sizeof(event));
      count(&sessions, event.rn_header.rn_type == RSERPOOL_SESSION_CHANGE && event.rn_session_change.rsc_state == RSERPOOL_SESSION_ADD);
      if(event.rn_header.rn_type == RSERPOOL_FAILOVER && event.rn_failover.rf_state == RSERPOOL_FAILOVER_NECESSARY && pick(w, 4)) {
         count(&failovers, rsp_forcefailover(sd, pick(w, 2) ? FFF_UNREACHABLE : FFF_NONE, 0) == 0);
      }
      return;
   }
   count((flags & MSG_RSERPOOL_COOKIE_ECHO) ? &cookies : &messages, 1);
   if(pick(w, 2)) {
      rsp_sendmsg(sd, buffer, (size_t)length, 0, info.rinfo_session, htonl(1), (uint16_t)pick(w, 4), 0, 0, wait);
   }
   else if(pick(w, 4) == 0) {
      rsp_send_cookie(sd, buffer, 1 + pick(w, 500), info.rinfo_session, wait);
   }
}

static void names_and_options(struct worker* w, int sd)
{
   struct rserpool_session_parameters parameters = {0, 0, 0, 0, 0, 0};
   unsigned char                      name[33];
   size_t                             size  = pick(w, sizeof(name));
   int                                value = (int)pick(w, 3) - 1;
   socklen_t                          length = sizeof(value);
   uint32_t                           id;
   switch(pick(w, 8)) {
      case 0: rsp_getsockname(sd, name, &size, &id); break;
      case 1: rsp_getpeername(sd, name, &size, NULL); break;
      case 2: rsp_getsockopt(sd, SOL_RSERPOOL, (int)pick(w, 6), &value, &length); break;
      case 3: rsp_setsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &value, length); break;
      case 4: rsp_setsockopt(sd, SOL_RSERPOOL, RSERPOOL_FAILOVER_RESEND, &value, length); break;
      case 5: rsp_has_cookie(sd); break;
      case 6: rsp_csp_setstatus(sd, (rserpool_session_t)pick(w, 9), "abused"); break;
      default:
         parameters.sp_rto_max = 1000 + pick(w, 1000);
         rsp_update_session_parameters(sd, &parameters);
         break;
   }
}

static void basic_mode(struct worker* w, const char* pool)
{
   struct rsp_addrinfo  element, *list = NULL;
   struct sockaddr_in   address;
   memset(&element, 0, sizeof(element));
   memset(&address, 0, sizeof(address));
   address.sin_family      = AF_INET;
   address.sin_port        = htons((uint16_t)(1 + pick(w, 65535)));
   address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
   element.ai_socktype     = SOCK_STREAM;
   element.ai_protocol     = IPPROTO_SCTP;
   element.ai_addrs        = 1;
   element.ai_addr         = (struct sockaddr*)&address;
   switch(pick(w, 8)) {
      case 0: rsp_pe_registration(HANDLE(pool), &element, NULL, 2000, 0); break;
      case 1: rsp_pe_deregistration(HANDLE(pool), pick(w, 4), 0); break;
      case 2: rsp_pe_failure(HANDLE(pool), pick(w, 4)); break;
      default:
         if(rsp_getaddrinfo(HANDLE(pool), &list, pick(w, 4), pick(w, 2) * 500) > 0) {
            rsp_freeaddrinfo(list);
         }
         break;
   }
}

static void do_what_is_rare(struct worker* w)
{
   const unsigned rare = __atomic_add_fetch(&rarities, 1, __ATOMIC_RELAXED);
   if(rare % 4 == 0) {
      fork_once(w);
   }
   else if(rare % 128 == 7) {
      rsp_cleanup();
      initialize();
      count(&clean_ups, 1);
   }
}

/* What a number below 100 stands for; the rest is what is rare. */
static const struct {
   unsigned    below;
   const char* name;
} calls[] = {{2, "rsp_socket"},      {3, "rsp_bind"},    {7, "rsp_listen"},        {14, "rsp_register"},
             {15, "rsp_deregister"}, {27, "rsp_connect"}, {30, "rsp_forcefailover"}, {50, "rsp_sendmsg"},
             {72, "rsp_recvmsg"},    {75, "rsp_write"},  {81, "rsp_accept"},        {85, "rsp_send_cookie"},
             {88, "rsp_poll"},       {91, "rsp_select"}, {93, "rsp_getaddrinfo"},   {97, "rsp_getsockname"},
             {98, "rsp_mapsocket"},  {99, "rsp_close"},  {100, "fork, rsp_cleanup"}};

static void act(struct worker* w, size_t call)
{
   static __thread unsigned char buffer[70000];
   struct TagItem tags[] = {{TAG_RspSession_ConnectTimeout, 200000}, {TAG_DONE, 0}};
   const char*    pool   = pools[pick(w, 8) ? pick(w, 2) : 2];
   const rserpool_session_t session = (rserpool_session_t)pick(w, 5);
   const int      server = any(w, SERVER), client = any(w, CLIENT);
   const int      sd     = any(w, ANY);
   int            made;
   switch(call) {
      case 0:
         if(pick(w, 2)) {
            share(w, rsp_socket(0, pick(w, 2) ? SOCK_SEQPACKET : SOCK_STREAM, IPPROTO_SCTP), SERVER);
         }
         else {
            share(w, rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP), CLIENT);
         }
         break;
      case 1: rsp_bind(server, NULL, 0); break;
      case 2: rsp_listen(server, (int)pick(w, 8)); break;
      case 3: rsp_register(server, HANDLE(pool), NULL, 1000 + pick(w, 9000), pick(w, 2) ? REGF_DONTWAIT : 0); break;
      case 4: rsp_deregister(server, pick(w, 2) ? DEREGF_DONTWAIT : 0); break;
      case 5: rsp_connect_tags(client, HANDLE(pool), pick(w, 2) * 1000, tags); break;
      case 6: rsp_forcefailover(client, pick(w, 8) ? FFF_NONE : FFF_UNREACHABLE, 0); break;
      case 7:
         rsp_sendmsg(pick(w, 2) ? client : sd, buffer, pick(w, 16) ? 1 + pick(w, 2000) : pick(w, sizeof(buffer)),
                     pick(w, 2) ? MSG_DONTWAIT : 0, session, htonl(pick(w, 12)), (uint16_t)pick(w, 4), pick(w, 3) * 10,
                     (uint16_t)(pick(w, 20) ? 0 : 1u << pick(w, 10)), (int)pick(w, LONG));
         break;
      case 8: receive_and_answer(w, sd, buffer, sizeof(buffer)); break;
      case 9:
         rsp_write(client, (const char*)buffer, 1 + pick(w, 99));
         rsp_read(sd, buffer, sizeof(buffer));
         break;
      case 10:
         made = rsp_accept(server, (int)pick(w, LONG));
         count(&sessions, made >= 0);
         share(w, made, SESSION);
         break;
      case 11: rsp_send_cookie(sd, buffer, 1 + pick(w, 500), session, (int)pick(w, LONG)); break;
      case 12: wait_for_some(w, 0); break;
      case 13: wait_for_some(w, 1); break;
      case 14: basic_mode(w, pool); break;
      case 15: names_and_options(w, sd); break;
      case 16: map_a_pipe(); break;
      case 17: rsp_close(sd); break;
      default: do_what_is_rare(w); break;
   }
}

static void* work(void* argument)
{
   struct worker* w = argument;
   for(w->done = 0; w->done < w->rounds; w->done++) {
      const unsigned number = pick(w, 100);
      size_t         call   = 0;
      while(number >= calls[call].below) {
         call++;
      }
      w->since = seconds();
      w->doing = calls[call].name;
      act(w, call);
      w->doing = NULL;
   }
   return NULL;
}

static void on_signal(int number)
{
   (void)number;
   count(&signals, 1);
}

/* Ends the program when a call is stuck. */
static void* watch(void* argument)
{
   const volatile int* over = argument;
   while(!*over) {
      const struct timespec pause = {0, 200000000};
      nanosleep(&pause, NULL);
      const long now = seconds();
      for(int i = 0; i < THREADS; i++) {
         if(workers[i].doing != NULL && now - workers[i].since > STUCK) {
            fprintf(stderr, "abuse: thread %d is stuck; round, call and seconds of each:\n", i);
            for(int j = 0; j < THREADS; j++) {
               const char* doing = workers[j].doing;
               fprintf(stderr, "  %d: %u of %u, %s, %ld s\n", j, workers[j].done, workers[j].rounds, doing ? doing : "-",
                       now - workers[j].since);
            }
            abort();
         }
      }
   }
   return NULL;
}

int main(int argc, char** argv)
{
   volatile int     over = 0;
   pthread_t        watcher;
   struct sigaction action;
   const unsigned   rounds = (argc > 2) ? (unsigned)strtoul(argv[2], NULL, 10) : 150;
   const unsigned   seed   = (argc > 3) ? (unsigned)strtoul(argv[3], NULL, 10) : 1;

   REQUIRE(argc >= 2);
   arguments = argv;
   REQUIRE(initialize() == 0);
   for(int i = 0; i < SHARED; i++) {
      shared[i] = -1;
   }
   memset(&action, 0, sizeof(action));
   action.sa_handler = on_signal; /* without SA_RESTART */
   sigaction(SIGALRM, &action, NULL);
   signal(SIGPIPE, SIG_IGN); /* the other end of a pipe may be closed by another thread */
   const struct itimerval often = {{0, 7000}, {0, 7000}};
   setitimer(ITIMER_REAL, &often, NULL);

   for(unsigned i = 0; i < THREADS; i++) {
      workers[i].rounds = rounds;
      workers[i].random = seed * 1000003u + i * 7919u;
      REQUIRE(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0);
   }
   REQUIRE(pthread_create(&watcher, NULL, watch, (void*)&over) == 0);
   for(int i = 0; i < THREADS; i++) {
      pthread_join(workers[i].thread, NULL);
   }
   over = 1;
   pthread_join(watcher, NULL);
   const struct itimerval never = {{0, 0}, {0, 0}};
   setitimer(ITIMER_REAL, &never, NULL);
   fprintf(stderr, "abuse: %u calls, %u forks, %u clean-ups, %u signals; %u sessions, %u messages, %u failovers, %u cookies\n",
           THREADS * rounds, children, clean_ups, signals, sessions, messages, failovers, cookies);
   CHECK(rounds < 1000 || (sessions > 0 && messages > 0)); /* else nothing of interest would have been abused */
   return finish("abuse");
}
