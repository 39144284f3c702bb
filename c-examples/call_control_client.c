/*
 * A call control client: a pool user (PU) with hundreds of calls at a time, none of which it wants to lose.
 *
 *     call_control_client -registrar=127.0.0.1:3863 --calls=500 --duration=25000
 *
 * Every call is a session of its own with the pool. When a server dies, the library moves its sessions to other servers
 * and brings them the calls' state. All that is left to do here is to repeat the request that has no answer yet, if any:
 * see on_failover_complete().
 *
 * One thread serves all calls, with epoll: RSerPool descriptors are real ones. Only what may block, rsp_connect() and
 * rsp_forcefailover(), is done by a few "dialer" threads, so that one call never waits for another.
 *
 * It ends when --duration is over, or by SIGINT or SIGTERM: no new calls then, and those that are up are released.
 *
 * The last line of the output is for programs:
 *
 *     calls=<n> completed=<n> lost=<n> failovers=<n> worst_gap_ms=<n>
 *
 * where worst_gap_ms is the longest time between a request and its answer among requests that saw a failover. Exits with
 * 0 only if lost=0.
 */
#include "call_control.h"

#include <errno.h>
#include <pthread.h>
#include <rserpool/rserpool.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CALLS        4000 /* a pipe holds more jobs than that, so writing to it never blocks */
#define DIALERS          4
#define TICK_MS          10
#define RAMP_MS          1000 /* the first calls begin within this time */
#define PAUSE_MS         500  /* between two calls of a line, at most */
#define REDIAL_MS        250
#define RETRY_MS         2000 /* so long without an answer: repeat the request */
#define MOVED_QUIET_MS   300  /* so long without another call moved: say how many there were */
#define EVENTS_IN_ONE_GO 64

enum phase {
   IDLE,       /* no call now */
   DIALING,    /* a dialer connects */
   SETTING_UP, /* SETUP sent */
   UP,         /* both talk */
   RELEASING   /* RELEASE sent */
};

/* A telephone line: has one call after the other. */
struct line {
   int        sd;
   enum phase phase;
   int        at_dialer; /* a dialer has the descriptor: hands off */
   uint32_t   call_id;
   uint32_t   sequence; /* of the last request */
   uint32_t   updates;  /* that the server must know of, once the last request is answered */
   uint32_t   request;  /* enum cc_type; 0: all is answered */
   int        failed_over;
   uint64_t   first_sent_ms, last_sent_ms;
   uint64_t   next_call_ms, next_update_ms, release_ms;
};

/* What a dialer is asked to do, and its answer. Written and read in one piece, as pipes do with so little. */
struct job {
   uint32_t line;
   int32_t  sd; /* to fail over; -1: connect anew. In the answer: the descriptor, or -1 */
   int32_t  error;
};

static struct options {
   const char* pool;
   const char* name;
   size_t      calls;
   uint64_t    duration_ms, hold_ms, update_ms, patience_ms, progress_ms;
   int         automatic; /* failover by the library */
} options = {CC_DEFAULT_POOL, "client", 500, 25000, 8000, 1000, 20000, 2000, 1};

static struct line* lines;
static int          epoll_fd;
static int          to_dialers[2], from_dialers[2];
static uint32_t     last_call_id;

static unsigned long calls, completed, lost, failovers;
static uint64_t      worst_gap_ms, worst_setup_ms;
static unsigned long moved_burst;
static uint64_t      moved_last_ms;

static volatile sig_atomic_t asked_to_end;

static uint64_t random_state = 88172645463325252u;

static uint64_t random_below(uint64_t limit)
{
   random_state ^= random_state << 13;
   random_state ^= random_state >> 7;
   random_state ^= random_state << 17;
   return (limit == 0) ? 0 : random_state % limit;
}

/* Milliseconds from then to now; a request sent after `now_ms` was read is 0 old. */
static uint64_t since(uint64_t then_ms, uint64_t now_ms)
{
   return (now_ms > then_ms) ? now_ms - then_ms : 0;
}

/* ---- Dialers: all that may block ---- */

static int connect_to_pool(void)
{
   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   if(sd < 0) {
      return -1;
   }
   /* The library may fail over by itself, or leave it to us (then see on_failover_necessary()). */
   if(rsp_setsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &options.automatic, sizeof(options.automatic)) < 0 ||
      rsp_connect(sd, (const unsigned char*)options.pool, strlen(options.pool), 0) < 0) {
      const int error = errno;
      rsp_close(sd);
      errno = error;
      return -1;
   }
   return sd;
}

static void* dialer(void* unused)
{
   struct job job;
   (void)unused;
   while(read(to_dialers[0], &job, sizeof(job)) == (ssize_t)sizeof(job)) {
      job.error = 0;
      if(job.sd < 0) {
         job.sd = connect_to_pool();
         if(job.sd < 0) {
            job.error = errno;
         }
      }
      /* Returns when the session has another server, or when it is worth trying again. */
      else if(rsp_forcefailover(job.sd, FFF_UNREACHABLE, 0) < 0) {
         job.error = errno;
      }
      if(write(from_dialers[1], &job, sizeof(job)) != (ssize_t)sizeof(job)) {
         break;
      }
   }
   return NULL;
}

static void give_to_dialer(struct line* line)
{
   const struct job job = {(uint32_t)(line - lines), line->sd, 0};
   line->at_dialer      = 1;
   if(write(to_dialers[1], &job, sizeof(job)) != (ssize_t)sizeof(job)) {
      perror("write to dialer");
      exit(1);
   }
}

/* ---- Calls ---- */

static void watch(struct line* line)
{
   struct epoll_event event;
   memset(&event, 0, sizeof(event));
   event.events   = EPOLLIN;
   event.data.u32 = (uint32_t)(line - lines);
   if(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, line->sd, &event) < 0) {
      perror("epoll_ctl");
      exit(1);
   }
}

static void unwatch(const struct line* line)
{
   epoll_ctl(epoll_fd, EPOLL_CTL_DEL, line->sd, NULL);
}

static void hang_up(struct line* line)
{
   if(line->sd >= 0) {
      unwatch(line);
      rsp_close(line->sd);
      line->sd = -1;
   }
   line->phase        = IDLE;
   line->request      = 0;
   line->next_call_ms = cc_now_ms() + random_below(PAUSE_MS);
}

static void lose(struct line* line, const char* why)
{
   lost++;
   cc_line(options.name);
   printf("LOST call %u: %s\n", line->call_id, why);
   hang_up(line);
}

static void send_again(struct line* line)
{
   unsigned char           bytes[CC_MESSAGE_LENGTH];
   const struct cc_message message = {line->request, line->sequence, {line->call_id, CC_IDLE, line->sequence, line->updates}};
   cc_encode_message(bytes, &message);
   line->last_sent_ms = cc_now_ms();
   /* When this fails, the session is about to fail over (EIO), or its queue is full (EAGAIN). Either way, the request goes
      out again later: after the failover, or after RETRY_MS. */
   (void)rsp_sendmsg(line->sd, bytes, sizeof(bytes), 0, 0, htonl(CC_PPID), 0, 0, 0, 0);
}

static void request(struct line* line, enum cc_type type)
{
   line->request       = type;
   line->sequence     += 1;
   line->updates      += (type == CC_UPDATE) ? 1 : 0;
   line->failed_over   = 0;
   line->first_sent_ms = cc_now_ms();
   send_again(line);
}

static void begin_call(struct line* line, uint64_t now_ms)
{
   calls++;
   line->call_id       = ++last_call_id;
   line->sequence      = 0;
   line->updates       = 0;
   line->sd            = -1;
   line->phase         = DIALING;
   line->first_sent_ms = now_ms;
   line->next_call_ms  = now_ms;
   give_to_dialer(line);
}

static void answered(struct line* line, uint64_t now_ms)
{
   if(line->failed_over) {
      const uint64_t gap_ms = since(line->first_sent_ms, now_ms);
      worst_gap_ms          = (gap_ms > worst_gap_ms) ? gap_ms : worst_gap_ms;
   }
   line->request        = 0;
   line->next_update_ms = now_ms + options.update_ms / 2 + random_below(options.update_ms);
}

static void on_answer(struct line* line, const struct cc_message* answer)
{
   const uint64_t now_ms = cc_now_ms();
   if(answer->call.call_id != line->call_id) {
      lose(line, "a server took it for another call");
   }
   else if(answer->type == CC_REJECTED) {
      lose(line, "a server does not know it");
   }
   else if(line->request == 0 || answer->sequence != line->sequence) {
      /* The answer to a request that was repeated, and has been answered already. */
   }
   else if(answer->call.updates != line->updates) {
      lose(line, "a server has an old state of it");
   }
   else if(line->phase == SETTING_UP && answer->type == CC_ANSWERED) {
      if(since(line->first_sent_ms, now_ms) > worst_setup_ms && !line->failed_over) {
         worst_setup_ms = since(line->first_sent_ms, now_ms);
      }
      answered(line, now_ms);
      line->phase      = UP;
      line->release_ms = now_ms + options.hold_ms / 2 + random_below(options.hold_ms);
   }
   else if(line->phase == SETTING_UP && answer->type == CC_RINGING) {
      line->last_sent_ms = now_ms; /* it rings: more patience */
   }
   else if(line->phase == UP && answer->type == CC_UPDATED) {
      answered(line, now_ms);
   }
   else if(line->phase == RELEASING && answer->type == CC_RELEASED) {
      answered(line, now_ms);
      completed++;
      hang_up(line);
   }
   else {
      lose(line, "a server sent an answer that does not fit its state");
   }
}

/* ---- Failover ---- */

static void on_failover_necessary(struct line* line)
{
   line->failed_over = 1;
   if(!options.automatic && !line->at_dialer) {
      unwatch(line);
      give_to_dialer(line);
   }
}

static void on_failover_complete(struct line* line)
{
   failovers++;
   moved_burst++;
   moved_last_ms     = cc_now_ms();
   line->failed_over = 1;
   if(line->request != 0) {
      send_again(line); /* the new server knows by the sequence number whether the old one has done it already */
   }
}

static void on_notification(struct line* line, const unsigned char* buffer, size_t length)
{
   union rserpool_notification notification;
   memset(&notification, 0, sizeof(notification));
   memcpy(&notification, buffer, (length < sizeof(notification)) ? length : sizeof(notification));
   if(notification.rn_header.rn_type == RSERPOOL_FAILOVER) {
      if(notification.rn_failover.rf_state == RSERPOOL_FAILOVER_COMPLETE) {
         on_failover_complete(line);
      }
      else {
         on_failover_necessary(line);
      }
   }
}

/* Takes one event from a call's socket; returns 0 when there is no more. */
static int receive(struct line* line)
{
   unsigned char         buffer[1024];
   struct rsp_sndrcvinfo info;
   int                   flags  = 0;
   const ssize_t         length = rsp_recvfullmsg(line->sd, buffer, sizeof(buffer), &info, &flags, 0);

   if(length < 0) {
      if(errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
         lose(line, strerror(errno));
      }
      return 0;
   }
   if(flags & MSG_RSERPOOL_NOTIFICATION) {
      on_notification(line, buffer, (size_t)length);
   }
   else if(length == 0) {
      on_failover_necessary(line); /* the server closed the session */
      return 0;
   }
   else if(!(flags & MSG_RSERPOOL_COOKIE_ECHO)) {
      struct cc_message answer;
      if(cc_decode_message(&answer, buffer, (size_t)length) == 0) {
         on_answer(line, &answer);
      }
   }
   return line->sd >= 0 && !line->at_dialer;
}

static void on_dialer_answer(void)
{
   struct job job;
   if(read(from_dialers[0], &job, sizeof(job)) != (ssize_t)sizeof(job)) {
      perror("read from dialer");
      exit(1);
   }
   struct line* line = &lines[job.line];
   line->at_dialer   = 0;
   if(line->phase == DIALING) {
      if(job.sd < 0) {
         line->next_call_ms = cc_now_ms() + REDIAL_MS; /* see on_tick() */
         return;
      }
      const uint64_t dialed_ms = line->first_sent_ms;
      line->sd                 = job.sd;
      line->phase              = SETTING_UP;
      watch(line);
      request(line, CC_SETUP);
      line->first_sent_ms = dialed_ms;
   }
   else if(job.error == EIO && (line->request == 0 || since(line->first_sent_ms, cc_now_ms()) <= options.patience_ms)) {
      give_to_dialer(line); /* that server was not there either: another one */
   }
   else if(job.error != 0) {
      lose(line, strerror(job.error));
   }
   else {
      watch(line); /* RSERPOOL_FAILOVER_COMPLETE waits there */
   }
}

/* ---- Time ---- */

static void on_tick(struct line* line, uint64_t now_ms, int closing_time)
{
   if(line->phase == IDLE) {
      if(!closing_time && now_ms >= line->next_call_ms) {
         begin_call(line, now_ms);
      }
   }
   else if(line->at_dialer) {
      /* Wait for it. */
   }
   else if(line->phase == DIALING) {
      if(since(line->first_sent_ms, now_ms) > options.patience_ms) {
         lose(line, "cannot reach any server");
      }
      else if(now_ms >= line->next_call_ms) {
         give_to_dialer(line);
      }
   }
   else if(line->request != 0) {
      if(since(line->first_sent_ms, now_ms) > options.patience_ms) {
         lose(line, "no answer");
      }
      else if(since(line->last_sent_ms, now_ms) > RETRY_MS) {
         send_again(line);
      }
   }
   else if(now_ms >= line->release_ms || closing_time) {
      line->phase = RELEASING;
      request(line, CC_RELEASE);
   }
   else if(now_ms >= line->next_update_ms) {
      request(line, CC_UPDATE);
   }
}

static void report(uint64_t now_ms)
{
   size_t   up = 0, waiting = 0;
   uint64_t longest_ms = 0;
   for(size_t i = 0; i < options.calls; i++) {
      up += (lines[i].phase == UP || lines[i].phase == RELEASING) ? 1 : 0;
      if(lines[i].request != 0) {
         const uint64_t age_ms = since(lines[i].first_sent_ms, now_ms);
         waiting++;
         longest_ms = (age_ms > longest_ms) ? age_ms : longest_ms;
      }
   }
   cc_line(options.name);
   printf("%zu calls up; so far %lu begun, %lu completed, %lu lost, %lu failovers; %zu wait for an answer, %llu ms at most\n",
          up, calls, completed, lost, failovers, waiting, (unsigned long long)longest_ms);
}

static void report_moved(uint64_t now_ms)
{
   if(moved_burst > 0 && since(moved_last_ms, now_ms) >= MOVED_QUIET_MS) {
      cc_line(options.name);
      printf("%lu call%s moved to another server; longest wait for an answer so far %llu ms\n", moved_burst,
             (moved_burst == 1) ? "" : "s", (unsigned long long)worst_gap_ms);
      moved_burst = 0;
   }
}

static size_t tick_all(uint64_t now_ms, int closing_time)
{
   size_t busy = 0;
   for(size_t i = 0; i < options.calls; i++) {
      on_tick(&lines[i], now_ms, closing_time);
      busy += (lines[i].phase != IDLE) ? 1 : 0;
   }
   report_moved(now_ms);
   return busy;
}

static void run(void)
{
   const uint64_t     start_ms    = cc_now_ms();
   uint64_t           progress_ms = start_ms + options.progress_ms, tick_ms = 0;
   struct epoll_event events[EVENTS_IN_ONE_GO];

   for(size_t i = 0; i < options.calls; i++) {
      lines[i].sd           = -1;
      lines[i].next_call_ms = start_ms + random_below(RAMP_MS);
   }
   for(;;) {
      const int count = epoll_wait(epoll_fd, events, EVENTS_IN_ONE_GO, TICK_MS);
      if(count < 0 && errno != EINTR) {
         perror("epoll_wait");
         exit(1);
      }
      for(int i = 0; i < count; i++) {
         if(events[i].data.u32 == UINT32_MAX) {
            on_dialer_answer();
            continue;
         }
         struct line* line = &lines[events[i].data.u32];
         while(line->sd >= 0 && !line->at_dialer && receive(line)) {
         }
      }
      const uint64_t now_ms       = cc_now_ms();
      const int      closing_time = asked_to_end || now_ms - start_ms >= options.duration_ms;
      if(now_ms - tick_ms >= TICK_MS) {
         tick_ms = now_ms;
         if(tick_all(now_ms, closing_time) == 0 && closing_time) {
            return;
         }
      }
      if(now_ms >= progress_ms) {
         progress_ms = now_ms + options.progress_ms;
         report(now_ms);
      }
   }
}

/* ---- Start ---- */

static int usage(const char* program)
{
   fprintf(stderr,
           "usage: %s [-registrar=ADDRESS:PORT] [--pool=HANDLE] [--name=NAME] [--failover=auto|classic]\n"
           "          [--calls=N (at a time, up to %d)] [--duration=MS] [--hold-ms=N] [--update-ms=N]\n"
           "          [--patience-ms=N] [--progress-ms=N]\n"
           "  and everything else that rsp_initarg() understands, like -transport=auto|sctp|sctp-udp\n",
           program, MAX_CALLS);
   return 2;
}

static int parse_number(const char* argument, const char* name, uint64_t* number)
{
   const char* value = cc_option(argument, name);
   char*       end;
   if(value == NULL || *value < '0' || *value > '9') {
      return 0;
   }
   *number = strtoull(value, &end, 10);
   return *end == '\0';
}

static int parse_arguments(struct rsp_info* info, int argc, char** argv)
{
   for(int i = 1; i < argc; i++) {
      const char* argument = argv[i];
      const char* value;
      uint64_t    number;
      /* rsp_initarg() eats the arguments of the library; take them with two dashes, too. */
      if(rsp_initarg(info, (strncmp(argument, "--", 2) == 0) ? argument + 1 : argument) == 1) {
         continue;
      }
      if((value = cc_option(argument, "--pool")) != NULL) {
         options.pool = value;
      }
      else if((value = cc_option(argument, "--name")) != NULL) {
         options.name = value;
      }
      else if(strcmp(argument, "--failover=auto") == 0) {
         options.automatic = 1;
      }
      else if(strcmp(argument, "--failover=classic") == 0) {
         options.automatic = 0;
      }
      else if(parse_number(argument, "--calls", &number) && number >= 1 && number <= MAX_CALLS) {
         options.calls = (size_t)number;
      }
      else if(!parse_number(argument, "--duration", &options.duration_ms) &&
              !parse_number(argument, "--hold-ms", &options.hold_ms) &&
              !parse_number(argument, "--update-ms", &options.update_ms) &&
              !parse_number(argument, "--patience-ms", &options.patience_ms) &&
              !parse_number(argument, "--progress-ms", &options.progress_ms)) {
         return -1;
      }
   }
   return 0;
}

/* Every session has a descriptor or two: ask for as many as we may have. */
static void raise_descriptor_limit(void)
{
   struct rlimit limit;
   if(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
      limit.rlim_cur = limit.rlim_max;
      setrlimit(RLIMIT_NOFILE, &limit);
   }
}

static void end_soon(int signal_number)
{
   (void)signal_number;
   asked_to_end = 1;
}

/* Calls up are released in order, also when somebody presses Ctrl-C. */
static void end_in_order_by_signals(void)
{
   struct sigaction action;
   memset(&action, 0, sizeof(action));
   action.sa_handler = end_soon;
   sigaction(SIGINT, &action, NULL);
   sigaction(SIGTERM, &action, NULL);
}

static int start_dialers(void)
{
   struct epoll_event event;
   pthread_t          thread;
   if(pipe(to_dialers) < 0 || pipe(from_dialers) < 0 || (epoll_fd = epoll_create1(EPOLL_CLOEXEC)) < 0) {
      perror("pipe or epoll_create1");
      return -1;
   }
   for(int i = 0; i < DIALERS; i++) {
      if(pthread_create(&thread, NULL, dialer, NULL) != 0 || pthread_detach(thread) != 0) {
         perror("pthread_create");
         return -1;
      }
   }
   memset(&event, 0, sizeof(event));
   event.events   = EPOLLIN;
   event.data.u32 = UINT32_MAX;
   return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, from_dialers[0], &event);
}

int main(int argc, char** argv)
{
   struct rsp_info info;

   setvbuf(stdout, NULL, _IOLBF, 0);
   rsp_initinfo(&info);
   if(parse_arguments(&info, argc, argv) != 0) {
      return usage(argv[0]);
   }
   random_state ^= (uint64_t)getpid() << 32 | (cc_now_ms() & 0xffffffffu);
   last_call_id  = (uint32_t)random_below(1000) * 1000000;
   raise_descriptor_limit();
   lines = calloc(options.calls, sizeof(*lines));
   /* Signals are for this thread: in a dialer they would end what it waits for. */
   sigset_t signals;
   sigemptyset(&signals);
   sigaddset(&signals, SIGINT);
   sigaddset(&signals, SIGTERM);
   pthread_sigmask(SIG_BLOCK, &signals, NULL);
   if(lines == NULL || start_dialers() != 0) {
      perror("start");
      return 1;
   }
   end_in_order_by_signals();
   pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
   if(rsp_initialize(&info) < 0) {
      perror("rsp_initialize");
      return 1;
   }
   rsp_freeinfo(&info);

   run();

   rsp_cleanup();
   free(lines);
   cc_line(options.name);
   printf("done; longest set-up of a call without a failover: %llu ms\n", (unsigned long long)worst_setup_ms);
   lost = calls - completed; /* whatever is not completed is lost */
   printf("calls=%lu completed=%lu lost=%lu failovers=%lu worst_gap_ms=%llu\n", calls, completed, lost, failovers,
          (unsigned long long)worst_gap_ms);
   return (lost == 0) ? 0 : 1;
}
