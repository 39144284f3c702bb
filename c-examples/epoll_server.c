/*
 * An echo server around one epoll: one thread, many sessions, each with its own descriptor and state.
 *
 *     epoll_server -registrar=127.0.0.1:3863
 *
 * RSerPool descriptors are real ones, so epoll takes them beside any other, here one for signals. No call waits: a client that
 * does not read its answers stops being read, until epoll says that there is room again, and holds up nobody else.
 * (call_control_server.c shows the other style, one descriptor for all sessions; libevent_client.c an event loop of a library.)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <rserpool/rserpool.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_MESSAGE         65536 /* a client that sends more is thrown out */
#define EVENTS_IN_ONE_GO    64
#define MESSAGES_IN_ONE_GO  16 /* of one session, then others have their turn */
#define ACCEPTS_IN_ONE_GO   64

struct session {
   int             sd;
   uint32_t        echoes; /* the session's state: it goes with the client to another server */
   /* An answer that there was no room for; NULL: none. */
   unsigned char*  unsent;
   size_t          unsent_length;
   uint32_t        unsent_ppid;
   uint16_t        unsent_stream;
   struct session* next;
   struct session* previous;
};

static const char*     pool = "EchoPool";
static struct session* sessions;
static unsigned long   sessions_now, sessions_moved, echoes_sent;
static int             epoll;
/* What epoll gives back for the two descriptors that are no session's. */
static char            listening, signals;

static int watch(int operation, int descriptor, uint32_t events, void* what)
{
   struct epoll_event event;
   memset(&event, 0, sizeof(event));
   event.events   = events;
   event.data.ptr = what;
   return epoll_ctl(epoll, operation, descriptor, &event);
}

/* ---- Sessions ---- */

static void begin_session(int sd)
{
   struct session* session = calloc(1, sizeof(*session));
   if(session == NULL || watch(EPOLL_CTL_ADD, sd, EPOLLIN, session) < 0) {
      perror("no room for another session");
      free(session);
      rsp_close(sd); /* the client tries another server */
      return;
   }
   session->sd   = sd;
   session->next = sessions;
   if(sessions != NULL) {
      sessions->previous = session;
   }
   sessions = session;
   sessions_now++;
}

static void end_session(struct session* session)
{
   watch(EPOLL_CTL_DEL, session->sd, 0, NULL);
   rsp_close(session->sd);
   if(session->next != NULL) {
      session->next->previous = session->previous;
   }
   if(session->previous != NULL) {
      session->previous->next = session->next;
   }
   else {
      sessions = session->next;
   }
   sessions_now--;
   free(session->unsent);
   free(session);
}

/* Returns 1 when the answer is sent, 0 when there is no room for it, -1 when the session is of no use any more. */
static int send_answer(struct session* session, const void* data, size_t length, uint32_t ppid, uint16_t stream)
{
   /* First the state, then the answer: whoever has the answer also has the state that goes with it. */
   const uint32_t cookie = htonl(session->echoes);
   if(rsp_send_cookie(session->sd, (const unsigned char*)&cookie, sizeof(cookie), 0, 0) >= 0 &&
      rsp_sendmsg(session->sd, data, length, 0, 0, ppid, stream, 0, 0, 0) >= 0) {
      echoes_sent++;
      return 1;
   }
   return (errno == EAGAIN) ? 0 : -1;
}

/* Keeps an answer until there is room. Meanwhile the session is not read. */
static int postpone(struct session* session, const void* data, size_t length, const struct rsp_sndrcvinfo* info)
{
   session->unsent = malloc(length);
   if(session->unsent == NULL || watch(EPOLL_CTL_MOD, session->sd, EPOLLOUT, session) < 0) {
      return -1;
   }
   memcpy(session->unsent, data, length);
   session->unsent_length = length;
   session->unsent_ppid   = info->rinfo_ppid;
   session->unsent_stream = info->rinfo_stream;
   return 0;
}

static int answer(struct session* session, const void* data, size_t length, const struct rsp_sndrcvinfo* info)
{
   session->echoes++;
   const int sent = send_answer(session, data, length, info->rinfo_ppid, info->rinfo_stream);
   return (sent == 0) ? postpone(session, data, length, info) : sent;
}

/* The client was another server's, which failed: here is what that one knew. */
static void restore(struct session* session, const void* cookie, size_t length)
{
   uint32_t echoes;
   if(length == sizeof(echoes)) {
      memcpy(&echoes, cookie, sizeof(echoes));
      session->echoes = ntohl(echoes);
      sessions_moved++;
      printf("session %d comes from another server after %u echoes\n", session->sd, session->echoes);
   }
}

/* Takes one message. Returns 1, or 0 when there is none or nothing more may be taken now, or -1 at the session's end. */
static int take_message(struct session* session)
{
   static unsigned char  buffer[MAX_MESSAGE];
   struct rsp_sndrcvinfo info;
   int                   flags  = 0;
   const ssize_t         length = rsp_recvfullmsg(session->sd, buffer, sizeof(buffer), &info, &flags, 0);
   if(length < 0) {
      return (errno == EAGAIN || errno == EINTR) ? 0 : -1;
   }
   if(length == 0 || (flags & MSG_EOR) == 0) {
      return -1; /* the client has left, or sends too much at once */
   }
   if(flags & MSG_RSERPOOL_COOKIE_ECHO) {
      restore(session, buffer, (size_t)length);
      return 1;
   }
   return answer(session, buffer, (size_t)length, &info);
}

static void on_session(struct session* session)
{
   int more = 1;
   if(session->unsent != NULL) {
      more = send_answer(session, session->unsent, session->unsent_length, session->unsent_ppid, session->unsent_stream);
      if(more == 1) {
         free(session->unsent);
         session->unsent = NULL;
         more            = (watch(EPOLL_CTL_MOD, session->sd, EPOLLIN, session) < 0) ? -1 : 1;
      }
   }
   for(int i = 0; i < MESSAGES_IN_ONE_GO && more == 1; i++) {
      more = take_message(session);
   }
   if(more < 0) {
      end_session(session);
   }
}

static void on_new_sessions(int sd)
{
   for(int i = 0; i < ACCEPTS_IN_ONE_GO; i++) {
      const int session = rsp_accept(sd, 0);
      if(session >= 0) {
         begin_session(session);
      }
      else if(errno == EAGAIN || errno == EINTR) {
         return;
      }
      else {
         perror("rsp_accept"); /* this one is lost, as when there is no descriptor left; the others are not */
         return;
      }
   }
}

/* ---- The server ---- */

static int serve(int sd)
{
   struct epoll_event events[EVENTS_IN_ONE_GO];
   for(;;) {
      const int count = epoll_wait(epoll, events, EVENTS_IN_ONE_GO, -1);
      if(count < 0 && errno != EINTR) {
         perror("epoll_wait");
         return 1;
      }
      for(int i = 0; i < count; i++) {
         if(events[i].data.ptr == &signals) {
            return 0;
         }
         if(events[i].data.ptr == &listening) {
            on_new_sessions(sd);
         }
         else {
            on_session(events[i].data.ptr);
         }
      }
   }
}

/* SIGTERM and SIGINT become readable on a descriptor. */
static int open_signals(void)
{
   sigset_t set;
   sigemptyset(&set);
   sigaddset(&set, SIGTERM);
   sigaddset(&set, SIGINT);
   if(sigprocmask(SIG_BLOCK, &set, NULL) < 0) {
      return -1;
   }
   return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_pool_element(void)
{
   const int sd = rsp_socket(0, SOCK_STREAM, IPPROTO_SCTP);
   if(sd < 0 || rsp_listen(sd, 128) < 0 ||
      rsp_register(sd, (const unsigned char*)pool, strlen(pool), NULL /* round robin */, 30000, 0) < 0) {
      fprintf(stderr, "cannot offer the service: %s\n", rsp_last_error());
      return -1;
   }
   return sd;
}

int main(int argc, char** argv)
{
   struct rsp_info info;

   setvbuf(stdout, NULL, _IOLBF, 0);
   rsp_initinfo(&info);
   for(int i = 1; i < argc; i++) {
      if(rsp_initarg(&info, argv[i]) == 1) {
         continue;
      }
      if(strncmp(argv[i], "--pool=", 7) != 0) {
         fprintf(stderr, "usage: %s [-registrar=ADDRESS:PORT] [--pool=HANDLE]\n", argv[0]);
         return 2;
      }
      pool = argv[i] + 7;
   }
   /* Signals first: the library's threads inherit the mask. */
   const int signal_fd = open_signals();
   epoll               = epoll_create1(EPOLL_CLOEXEC);
   if(signal_fd < 0 || epoll < 0) {
      perror("no descriptors");
      return 1;
   }
   if(rsp_initialize(&info) < 0) {
      perror("rsp_initialize");
      return 1;
   }
   rsp_freeinfo(&info);

   const int sd     = open_pool_element();
   int       result = 1;
   if(sd >= 0 && watch(EPOLL_CTL_ADD, sd, EPOLLIN, &listening) == 0 &&
      watch(EPOLL_CTL_ADD, signal_fd, EPOLLIN, &signals) == 0) {
      printf("serving pool \"%s\"; Ctrl-C stops\n", pool);
      result = serve(sd);
      /* Not even here: a registrar that does not answer keeps no client waiting. */
      rsp_deregister(sd, DEREGF_DONTWAIT);
      printf("stopped: %lu sessions here, which go to other servers, %lu taken over, %lu echoes\n", sessions_now,
             sessions_moved, echoes_sent);
   }
   while(sessions != NULL) {
      end_session(sessions);
   }
   rsp_cleanup(); /* closes sd, too */
   close(epoll);
   close(signal_fd);
   return result;
}
