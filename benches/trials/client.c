/*
 * The client of scripts/session-trials: many sessions in one poll thread, each with numbered requests that the pool echoes.
 *
 *     client [-registrar=ADDRESS:PORT]... [--sessions=N] [--interval-ms=N]
 *
 * Failovers are the library's business (RSERPOOL_AUTO_FAILOVER, RSERPOOL_FAILOVER_RESEND), and there are no timers but the time at
 * which the next request is due. A request is asked again in one case: a later one of its session was answered before it. Then no
 * answer can come any more, as messages do not overtake each other: its server had acknowledged it and then failed.
 * The end of the input ends the requests; the program ends when all are answered, or after PATIENCE_MS.
 *
 * Each line of the output begins with its kind:
 *     ready                      all sessions have been asked for
 *     gap SESSION AGE AGO        microseconds: the oldest answer of a row of late ones, and how long ago that came
 *     call NAME WALL CPU WAITS   microseconds: a call that took longer than MAX_CALL_US, the thread's processor time in it, and how
 *                                often the thread slept in it
 *     late TIME                  microseconds: poll() returned so much later than it was told to
 *     wrong ...                  what must not be
 *     end NAME=VALUE...          the last line
 */
#define _GNU_SOURCE /* RUSAGE_THREAD */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <rserpool/rserpool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PPID               0x4543484fu
#define POOL               "EchoPool"
#define MAX_SESSIONS       1000
#define MAX_UNANSWERED     1024 /* requests of a session; a power of two */
#define MESSAGES_IN_ONE_GO 16
#define LATE_US            100000 /* an answer later than that is a gap */
#define MAX_CALL_US        10000
#define PATIENCE_MS        60000
#define NEVER              UINT64_MAX

struct request {
   uint32_t session;
   uint32_t number;
   uint32_t place; /* in the order in which all was sent in this session */
   char     padding[148];
};

struct session {
   int      sd;
   uint32_t oldest, next;             /* requests without an answer are among these */
   uint64_t asked_us[MAX_UNANSWERED]; /* when, first; 0: answered */
   uint32_t place[MAX_UNANSWERED];    /* where it was sent last */
   uint8_t  again[MAX_UNANSWERED];    /* is to be asked again */
   uint32_t to_ask_again;
   uint32_t places;                   /* used so far */
   uint32_t answered_place;           /* the last one that this server has answered */
   uint64_t due_us;                   /* the next request; NEVER: there is none */
   uint64_t gap_us, gap_end_us;       /* the oldest of the late answers in a row; 0: none */
   int      blocked;                  /* the last send found no room */
};

static struct session sessions[MAX_SESSIONS];
static struct pollfd  polled[MAX_SESSIONS + 1];
static unsigned       number_of_sessions = 200;
static uint64_t       interval_us        = 100000;
static int            ending;

static struct {
   unsigned long requests, answers, unanswered, again, twice, failovers, send_failed, calls, long_calls, long_cpu_calls;
   uint64_t      longest_call_us, longest_cpu_us, late_us;
   const char*   longest_name;
   const char*   longest_cpu_name;
} total;

/* ---- Time, and calls that are measured ---- */

static uint64_t clock_us(clockid_t clock)
{
   struct timespec now;
   clock_gettime(clock, &now);
   return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static uint64_t now_us(void)
{
   return clock_us(CLOCK_MONOTONIC);
}

static long sleeps(void)
{
   struct rusage usage;
   getrusage(RUSAGE_THREAD, &usage);
   return usage.ru_nvcsw;
}

struct call {
   uint64_t wall_us, cpu_us;
   long     sleeps;
};

static struct call begin_call(void)
{
   const struct call call = {now_us(), clock_us(CLOCK_THREAD_CPUTIME_ID), sleeps()};
   return call;
}

/* Leaves errno as it is. */
static void end_call(const char* name, const struct call* begin)
{
   const int      error = errno;
   const uint64_t cpu   = clock_us(CLOCK_THREAD_CPUTIME_ID) - begin->cpu_us;
   const uint64_t wall  = now_us() - begin->wall_us;
   total.calls++;
   if(wall > total.longest_call_us) {
      total.longest_call_us = wall;
      total.longest_name    = name;
   }
   if(cpu > total.longest_cpu_us) {
      total.longest_cpu_us   = cpu;
      total.longest_cpu_name = name;
   }
   if(wall > MAX_CALL_US) {
      total.long_calls++;
      total.long_cpu_calls += (cpu > MAX_CALL_US);
      printf("call %s %llu %llu %ld\n", name, (unsigned long long)wall, (unsigned long long)cpu, sleeps() - begin->sleeps);
   }
   errno = error;
}

/* A call of the library, with its time. */
#define MEASURED(result, name, expression)       \
   do {                                          \
      const struct call measured = begin_call(); \
      result                     = (expression); \
      end_call(name, &measured);                 \
   } while(0)

/* ---- A session ---- */

static unsigned slot(uint32_t number)
{
   return number & (MAX_UNANSWERED - 1);
}

/* Returns 1, or 0 when there is no room. */
static int send_request(struct session* session, uint32_t number)
{
   struct request request;
   ssize_t        sent;
   memset(&request, 0, sizeof(request));
   request.session = (uint32_t)(session - sessions);
   request.number  = number;
   request.place   = session->places + 1;
   MEASURED(sent, "rsp_sendmsg",
            rsp_sendmsg(session->sd, &request, sizeof(request), 0, 0, htonl(PPID), 0, 0, 0, 0));
   if(sent < 0 && errno != EAGAIN && errno != EINTR) {
      printf("wrong session %u: rsp_sendmsg: %s\n", request.session, rsp_last_error());
   }
   session->blocked = (sent < 0);
   if(sent >= 0) {
      session->place[slot(number)] = ++session->places;
   }
   return sent >= 0;
}

/* Ends when there is no room. */
static void ask_again(struct session* session)
{
   for(uint32_t number = session->oldest; number != session->next && session->to_ask_again > 0; number++) {
      if(session->again[slot(number)]) {
         if(!send_request(session, number)) {
            return;
         }
         session->again[slot(number)] = 0;
         session->to_ask_again--;
         total.again++;
      }
   }
}

static void ask(struct session* session, uint64_t now)
{
   ask_again(session);
   while(now >= session->due_us && session->to_ask_again == 0 && session->next - session->oldest < MAX_UNANSWERED) {
      /* What cannot be sent now is late as well: its time is when it was due. */
      session->asked_us[slot(session->next)] = session->due_us;
      if(!send_request(session, session->next)) {
         return;
      }
      session->next++;
      session->due_us = ending ? NEVER : session->due_us + interval_us;
      total.requests++;
   }
}

/* Late answers in a row count as one gap, which the first answer in time ends. */
static void note_age(struct session* session, uint64_t age, uint64_t now)
{
   if(age > LATE_US && age > session->gap_us) {
      session->gap_us     = age;
      session->gap_end_us = now;
   }
   else if(age <= LATE_US && session->gap_us > 0) {
      printf("gap %u %llu %llu\n", (unsigned)(session - sessions), (unsigned long long)session->gap_us,
             (unsigned long long)(now - session->gap_end_us));
      session->gap_us = 0;
   }
}

/* No answer can come any more to what was sent before something that is answered. */
static void find_unanswerable(struct session* session, uint32_t place)
{
   for(uint32_t number = session->oldest; number != session->next; number++) {
      const unsigned at = slot(number);
      if(session->asked_us[at] != 0 && !session->again[at] && session->place[at] < place) {
         session->again[at] = 1;
         session->to_ask_again++;
      }
   }
}

static void on_answer(struct session* session, const struct request* answer, uint64_t now)
{
   const unsigned at = slot(answer->number);
   if(answer->session != (uint32_t)(session - sessions) || answer->place > session->places) {
      printf("wrong session %u: an answer to what was not asked\n", (unsigned)(session - sessions));
      return;
   }
   if(answer->place <= session->answered_place) {
      printf("wrong session %u: %u is answered again, or after a later one\n", answer->session, answer->number);
   }
   session->answered_place = answer->place;
   find_unanswerable(session, answer->place);
   if(answer->number - session->oldest >= session->next - session->oldest || session->asked_us[at] == 0) {
      total.twice++; /* the first of two servers has answered, too */
      return;
   }
   total.answers++;
   note_age(session, now - session->asked_us[at], now);
   session->asked_us[at] = 0;
   session->to_ask_again -= session->again[at];
   session->again[at] = 0;
   while(session->oldest != session->next && session->asked_us[slot(session->oldest)] == 0) {
      session->oldest++;
   }
}

static void on_notification(struct session* session, const union rserpool_notification* notification)
{
   switch(notification->rn_header.rn_type) {
      case RSERPOOL_FAILOVER:
         if(notification->rn_failover.rf_state == RSERPOOL_FAILOVER_COMPLETE) {
            total.failovers++;
            session->answered_place = 0;
            if(ending) {
               session->due_us = now_us(); /* whatever the server took with it is noticed behind one more */
            }
         }
         break;
      case RSERPOOL_SEND_FAILED:
         total.send_failed++;
         printf("wrong session %u: messages were given up\n", (unsigned)(session - sessions));
         break;
   }
}

static void receive(struct session* session)
{
   union {
      struct request              answer;
      union rserpool_notification notification;
      char                        bytes[2048];
   } buffer;
   for(int i = 0; i < MESSAGES_IN_ONE_GO; i++) {
      int     flags = 0;
      ssize_t length;
      MEASURED(length, "rsp_recvfullmsg", rsp_recvfullmsg(session->sd, &buffer, sizeof(buffer), NULL, &flags, 0));
      if(length < 0) {
         if(errno != EAGAIN && errno != EINTR) {
            printf("wrong session %u: rsp_recvfullmsg: %s\n", (unsigned)(session - sessions), rsp_last_error());
         }
         return;
      }
      if(flags & MSG_RSERPOOL_NOTIFICATION) {
         on_notification(session, &buffer.notification);
      }
      else if(length == (ssize_t)sizeof(buffer.answer)) {
         on_answer(session, &buffer.answer, now_us());
      }
      else {
         printf("wrong session %u: %zd bytes\n", (unsigned)(session - sessions), length);
      }
   }
}

static void open_session(struct session* session)
{
   const int on = 1;
   int       result;
   MEASURED(session->sd, "rsp_socket", rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP));
   if(session->sd < 0 || fcntl(session->sd, F_SETFL, O_NONBLOCK) < 0 ||
      rsp_setsockopt(session->sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &on, sizeof(on)) < 0 ||
      rsp_setsockopt(session->sd, SOL_RSERPOOL, RSERPOOL_FAILOVER_RESEND, &on, sizeof(on)) < 0) {
      perror("no socket");
      exit(1);
   }
   MEASURED(result, "rsp_connect", rsp_connect(session->sd, (const unsigned char*)POOL, strlen(POOL), 0));
   if(result < 0 && errno != EINPROGRESS) {
      perror("rsp_connect");
      exit(1);
   }
}

/* ---- The loop ---- */

/* The time of the next request of all that need not wait for room. */
static uint64_t next_due(void)
{
   uint64_t next = NEVER;
   for(unsigned i = 0; i < number_of_sessions; i++) {
      if(!sessions[i].blocked && sessions[i].due_us < next) {
         next = sessions[i].due_us;
      }
   }
   return next;
}

static unsigned long unanswered(void)
{
   unsigned long count = 0;
   for(unsigned i = 0; i < number_of_sessions; i++) {
      for(uint32_t number = sessions[i].oldest; number != sessions[i].next; number++) {
         count += (sessions[i].asked_us[slot(number)] != 0);
      }
   }
   return count;
}

/* One more request each, behind which what an earlier server has taken with it is noticed. */
static void begin_end(void)
{
   ending                        = 1;
   polled[number_of_sessions].fd = -1;
   for(unsigned i = 0; i < number_of_sessions; i++) {
      sessions[i].due_us = now_us();
   }
}

static void wait_for_events(void)
{
   const uint64_t before  = now_us();
   const uint64_t due     = next_due();
   const int      timeout = (due == NEVER) ? 1000 : (due <= before) ? 0 : (int)((due - before + 999) / 1000);
   for(unsigned i = 0; i < number_of_sessions; i++) {
      polled[i].fd     = sessions[i].sd;
      polled[i].events = sessions[i].blocked ? POLLIN | POLLOUT : POLLIN;
   }
   polled[number_of_sessions].events = POLLIN;
   const int ready = poll(polled, number_of_sessions + 1, timeout);
   if(ready == 0) {
      const uint64_t late = now_us() - before - (uint64_t)timeout * 1000;
      if(late > LATE_US / 2) {
         printf("late %llu\n", (unsigned long long)late);
      }
      total.late_us = (late > total.late_us) ? late : total.late_us;
   }
}

static void run(void)
{
   uint64_t end_us = NEVER;
   while(now_us() < end_us && !(ending && unanswered() == 0)) {
      wait_for_events();
      for(unsigned i = 0; i < number_of_sessions; i++) {
         struct session* session = &sessions[i];
         if(polled[i].revents & ~POLLOUT) {
            receive(session);
         }
         if(!session->blocked || (polled[i].revents & POLLOUT)) {
            ask(session, now_us());
         }
      }
      if(!ending && polled[number_of_sessions].revents != 0) {
         begin_end();
         end_us = now_us() + PATIENCE_MS * 1000ull;
      }
   }
}

static void report(void)
{
   for(unsigned i = 0; i < number_of_sessions; i++) {
      const struct session* session = &sessions[i];
      int                   state   = -1;
      socklen_t             length  = sizeof(state);
      if(session->oldest != session->next) {
         rsp_getsockopt(session->sd, SOL_RSERPOOL, RSERPOOL_SESSION_ERROR, &state, &length);
         printf("wrong session %u: no answer to %u of %u for %llu us; the session: %s%s\n", i, session->oldest,
                session->next, (unsigned long long)(now_us() - session->asked_us[slot(session->oldest)]),
                strerror(state), session->blocked ? ", not writable" : "");
      }
   }
   printf("end requests=%lu answers=%lu unanswered=%lu again=%lu twice=%lu failovers=%lu send_failed=%lu calls=%lu"
          " long_calls=%lu long_cpu_calls=%lu longest_us=%llu longest=%s longest_cpu_us=%llu longest_cpu=%s late_us=%llu\n",
          total.requests, total.answers, unanswered(), total.again, total.twice, total.failovers, total.send_failed,
          total.calls, total.long_calls, total.long_cpu_calls, (unsigned long long)total.longest_call_us,
          total.longest_name, (unsigned long long)total.longest_cpu_us, total.longest_cpu_name,
          (unsigned long long)total.late_us);
}

int main(int argc, char** argv)
{
   struct rsp_info info;
   setvbuf(stdout, NULL, _IOLBF, 0);
   rsp_initinfo(&info);
   for(int i = 1; i < argc; i++) {
      if(strncmp(argv[i], "--sessions=", 11) == 0) {
         number_of_sessions = (unsigned)atoi(argv[i] + 11);
      }
      else if(strncmp(argv[i], "--interval-ms=", 14) == 0) {
         interval_us = (uint64_t)atoi(argv[i] + 14) * 1000;
      }
      else if(rsp_initarg(&info, argv[i]) != 1) {
         fprintf(stderr, "unknown argument %s\n", argv[i]);
         return 2;
      }
   }
   if(number_of_sessions < 1 || number_of_sessions > MAX_SESSIONS || interval_us == 0) {
      fprintf(stderr, "1 to %u sessions, an interval of at least 1 ms\n", MAX_SESSIONS);
      return 2;
   }
   if(rsp_initialize(&info) < 0) {
      perror("rsp_initialize");
      return 1;
   }
   rsp_freeinfo(&info);
   const uint64_t begin = now_us();
   for(unsigned i = 0; i < number_of_sessions; i++) {
      open_session(&sessions[i]);
      /* Not all at the same moment. */
      sessions[i].due_us = begin + interval_us * i / number_of_sessions;
   }
   puts("ready");
   run();
   report();
   for(unsigned i = 0; i < number_of_sessions; i++) {
      rsp_close(sessions[i].sd);
   }
   rsp_cleanup();
   return 0;
}
