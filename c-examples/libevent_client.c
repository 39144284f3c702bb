/*
 * An echo client with many sessions at a time in libevent's loop (https://libevent.org).
 *
 *     libevent_client -registrar=127.0.0.1:3863 --sessions=20 --requests=1000
 *
 * Each session sends a request, waits for the answer, sends the next. The library moves sessions to other servers by itself
 * (RSERPOOL_AUTO_FAILOVER); the program repeats the request that has no answer yet, and knows answers that come twice by their
 * numbers. libevent only watches the descriptors; reading and writing them is for rsp_ functions.
 *
 * Any other loop (libuv's uv_poll_t, GLib's g_unix_fd_add, ...) takes the descriptors in the same way.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <rserpool/rserpool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define PPID              0x4543484fu /* any number but 11, which is ASAP's */
#define MAX_SESSIONS      1000
#define REQUEST_TIMEOUT_S 30   /* no failover takes that long: something is broken */
#define REPORT_EVERY      1000 /* answers */

struct session {
   int           sd;
   unsigned      number;
   unsigned long request;  /* number of the request that has no answer yet */
   long long     sent_ms;  /* when it was sent for the first time */
   struct event* readable; /* while the session lives */
   struct event* writable; /* while there was no room for the request */
   struct event* too_late;
};

static const char*        pool = "EchoPool";
static unsigned long      wanted_sessions = 10, wanted_requests = 100; /* of each session; 0: until Ctrl-C */
static struct event_base* base;
static struct session     sessions[MAX_SESSIONS];
static unsigned long      working, answers, repeated, twice, failovers;
static long long          longest_ms;
static int                stopping, failed;

static long long now_ms(void)
{
   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);
   return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void give_up(const struct session* session, const char* why)
{
   fprintf(stderr, "session %u, request %lu: %s\n", session->number, session->request, why);
   failed = 1;
   event_base_loopbreak(base);
}

/* ---- Requests ---- */

static int text_of_request(const struct session* session, char* text, size_t size)
{
   return snprintf(text, size, "session %u request %lu", session->number, session->request);
}

static void send_request(struct session* session)
{
   char      text[64];
   const int length = text_of_request(session, text, sizeof(text));
   if(rsp_sendmsg(session->sd, text, (size_t)length, 0, 0, htonl(PPID), 0, 0, 0, 0) >= 0 || errno == EIO) {
      return; /* EIO: the session is about to be moved, and then the request is repeated */
   }
   if(errno == EAGAIN) {
      event_add(session->writable, NULL);
      return;
   }
   give_up(session, rsp_last_error());
}

static void next_request(struct session* session)
{
   const struct timeval limit = {REQUEST_TIMEOUT_S, 0};
   if(stopping || (wanted_requests != 0 && session->request == wanted_requests)) {
      event_del(session->readable);
      event_del(session->too_late);
      if(--working == 0) {
         event_base_loopbreak(base);
      }
      return;
   }
   session->request++;
   session->sent_ms = now_ms();
   event_add(session->too_late, &limit);
   send_request(session);
}

static void on_writable(evutil_socket_t sd, short events, void* argument)
{
   (void)sd;
   (void)events;
   send_request(argument);
}

static void on_too_late(evutil_socket_t sd, short events, void* argument)
{
   (void)sd;
   (void)events;
   give_up(argument, "no answer");
}

/* ---- What comes ---- */

static void on_answer(struct session* session, const char* answer, size_t length)
{
   char         expected[64];
   const size_t expected_length = (size_t)text_of_request(session, expected, sizeof(expected));
   if(length != expected_length || memcmp(answer, expected, length) != 0) {
      twice++; /* the answer to an earlier request, which was repeated */
      return;
   }
   const long long took_ms = now_ms() - session->sent_ms;
   longest_ms              = (took_ms > longest_ms) ? took_ms : longest_ms;
   if(++answers % REPORT_EVERY == 0) {
      printf("answers %lu failovers %lu\n", answers, failovers);
   }
   next_request(session);
}

static void on_notification(struct session* session, const union rserpool_notification* notification)
{
   if(notification->rn_header.rn_type == RSERPOOL_FAILOVER &&
      notification->rn_failover.rf_state == RSERPOOL_FAILOVER_COMPLETE) {
      failovers++;
      repeated++;
      send_request(session);
   }
}

static void on_readable(evutil_socket_t sd, short events, void* argument)
{
   struct session* session = argument;
   union {
      char                        bytes[4096];
      union rserpool_notification notification;
   } buffer;
   (void)events;
   /* One message: libevent calls again while there are more, and others have their turn in between. */
   int           flags  = 0;
   const ssize_t length = rsp_recvfullmsg(sd, &buffer, sizeof(buffer), NULL, &flags, 0);
   if(length < 0) {
      if(errno != EAGAIN && errno != EINTR) {
         give_up(session, rsp_last_error());
      }
   }
   else if(flags & MSG_RSERPOOL_NOTIFICATION) {
      on_notification(session, &buffer.notification);
   }
   else if(length > 0) {
      on_answer(session, buffer.bytes, (size_t)length);
   }
}

static void on_signal(evutil_socket_t number, short events, void* argument)
{
   (void)number;
   (void)events;
   (void)argument;
   stopping = 1; /* each session ends with the answer that it waits for */
}

/* ---- Begin and end ---- */

static int begin_session(struct session* session, unsigned number)
{
   const int on    = 1;
   session->number = number;
   session->sd     = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   /* rsp_connect() waits until there is a server: a program whose loop may not wait calls it in a thread. */
   if(session->sd < 0 || rsp_setsockopt(session->sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &on, sizeof(on)) < 0 ||
      rsp_connect(session->sd, (const unsigned char*)pool, strlen(pool), 0) < 0) {
      fprintf(stderr, "cannot connect to pool \"%s\": %s\n", pool, rsp_last_error());
      return -1;
   }
   session->readable = event_new(base, session->sd, EV_READ | EV_PERSIST, on_readable, session);
   session->writable = event_new(base, session->sd, EV_WRITE, on_writable, session);
   session->too_late = evtimer_new(base, on_too_late, session);
   if(session->readable == NULL || session->writable == NULL || session->too_late == NULL ||
      event_add(session->readable, NULL) < 0) {
      fprintf(stderr, "libevent refuses a descriptor\n");
      return -1;
   }
   working++;
   next_request(session);
   return 0;
}

static void end_session(struct session* session)
{
   if(session->too_late != NULL) {
      event_free(session->readable);
      event_free(session->writable);
      event_free(session->too_late);
      rsp_close(session->sd); /* after its events: libevent must not watch a closed descriptor */
   }
}

static int run(void)
{
   struct event* interrupted = evsignal_new(base, SIGINT, on_signal, NULL);
   struct event* terminated  = evsignal_new(base, SIGTERM, on_signal, NULL);
   if(interrupted == NULL || terminated == NULL || event_add(interrupted, NULL) < 0 || event_add(terminated, NULL) < 0) {
      fprintf(stderr, "libevent refuses signals\n");
      return 1;
   }
   for(unsigned i = 0; i < wanted_sessions && !failed; i++) {
      failed = begin_session(&sessions[i], i + 1) < 0;
   }
   if(!failed && working > 0) {
      event_base_dispatch(base);
   }
   for(unsigned i = 0; i < wanted_sessions; i++) {
      end_session(&sessions[i]);
   }
   event_free(interrupted);
   event_free(terminated);
   printf("%s: sessions %lu answers %lu failovers %lu repeated %lu twice %lu longest %lld ms\n", failed ? "failed" : "done",
          wanted_sessions, answers, failovers, repeated, twice, longest_ms);
   return failed;
}

static int parse(struct rsp_info* info, int argc, char** argv)
{
   for(int i = 1; i < argc; i++) {
      if(rsp_initarg(info, argv[i]) == 1) {
         continue;
      }
      if(strncmp(argv[i], "--pool=", 7) == 0) {
         pool = argv[i] + 7;
      }
      else if(sscanf(argv[i], "--sessions=%lu", &wanted_sessions) != 1 &&
              sscanf(argv[i], "--requests=%lu", &wanted_requests) != 1) {
         return -1;
      }
   }
   return (wanted_sessions >= 1 && wanted_sessions <= MAX_SESSIONS) ? 0 : -1;
}

int main(int argc, char** argv)
{
   struct rsp_info info;

   setvbuf(stdout, NULL, _IOLBF, 0);
   rsp_initinfo(&info);
   if(parse(&info, argc, argv) < 0) {
      fprintf(stderr,
              "usage: %s [-registrar=ADDRESS:PORT] [--pool=HANDLE] [--sessions=1..%d] [--requests=N, 0: until Ctrl-C]\n",
              argv[0], MAX_SESSIONS);
      return 2;
   }
   if(rsp_initialize(&info) < 0) {
      perror("rsp_initialize");
      return 1;
   }
   rsp_freeinfo(&info);
   base = event_base_new();
   if(base == NULL) {
      fprintf(stderr, "libevent does not start\n");
      rsp_cleanup();
      return 1;
   }
   const int result = run();
   event_base_free(base);
   rsp_cleanup();
   return result;
}
