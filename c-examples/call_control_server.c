/*
 * A call control server: a pool element (PE) that keeps no call to itself.
 *
 * Start as many as you like, on as many hosts as you like, all with the same pool name:
 *
 *     call_control_server -registrar=127.0.0.1:3863 --name=server-1
 *
 * Kill one with SIGKILL: its calls go on at the others. SIGTERM or SIGINT lets it go in peace: it leaves the pool, serves
 * the calls that it has for a while, and hands over what is left.
 *
 * What to look at, in this order: main() for the life of a pool element, handle_event() for what arrives on a
 * one-to-many RSerPool socket, answer() and restore() for the two halves of surviving.
 */
#include "call_control.h"

#include <errno.h>
#include <poll.h>
#include <rserpool/rserpool.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUCKETS             4096
#define TAKEOVER_QUIET_MS   300  /* so long without another call taken over: say how many there were */
#define SEND_TIMEOUT_MS     1000 /* a client that does not read may hold us up for so long, then it is on its own */
#define EVENTS_IN_ONE_GO    256  /* then see to timers and signals */

struct call {
   struct cc_call_state state;
   rserpool_session_t   session;
   uint64_t             answer_at_ms; /* when it has rung long enough */
   struct call*         next;         /* in its bucket */
   struct call*         next_ringing;
};

static struct options {
   const char*  pool;
   const char*  name;
   const char*  policy;
   uint64_t     ring_ms;
   uint64_t     drain_ms;
} options = {CC_DEFAULT_POOL, NULL, "RoundRobin", 200, 3000};

static struct call*  buckets[BUCKETS];
static struct call*  ringing_first; /* all calls ring for the same time, so the list is in order of answer_at_ms */
static struct call** ringing_end = &ringing_first;
static size_t        calls_here;

static unsigned long calls_set_up, calls_released, calls_restored;
static unsigned long takeover_burst;
static uint64_t      takeover_last_ms;

/* ---- The calls, by session ---- */

static struct call** find(rserpool_session_t session)
{
   struct call** at = &buckets[(uint32_t)session % BUCKETS];
   while(*at != NULL && (*at)->session != session) {
      at = &(*at)->next;
   }
   return at;
}

static struct call* add(rserpool_session_t session, const struct cc_call_state* state)
{
   struct call* call = calloc(1, sizeof(*call));
   if(call == NULL) {
      return NULL;
   }
   call->session = session;
   call->state   = *state;
   *find(session) = call;
   calls_here++;
   return call;
}

static void ring(struct call* call, uint64_t now_ms)
{
   call->answer_at_ms = now_ms + options.ring_ms;
   call->next_ringing = NULL;
   *ringing_end       = call;
   ringing_end        = &call->next_ringing;
}

static void stop_ringing(const struct call* call)
{
   struct call** at = &ringing_first;
   while(*at != NULL && *at != call) {
      at = &(*at)->next_ringing;
   }
   if(*at != NULL) {
      *at = call->next_ringing;
      if(*at == NULL) {
         ringing_end = at;
      }
   }
}

static void forget(rserpool_session_t session)
{
   struct call** at   = find(session);
   struct call*  call = *at;
   if(call != NULL) {
      if(call->state.state == CC_STATE_RINGING) {
         stop_ringing(call);
      }
      *at = call->next;
      free(call);
      calls_here--;
   }
}

/* ---- Answers ---- */

static void send_message(int sd, rserpool_session_t session, uint32_t type, const struct cc_call_state* state)
{
   unsigned char           bytes[CC_MESSAGE_LENGTH];
   const struct cc_message message = {type, state->sequence, *state};
   cc_encode_message(bytes, &message);
   if(rsp_sendmsg(sd, bytes, sizeof(bytes), 0, session, htonl(CC_PPID), 0, 0, 0, SEND_TIMEOUT_MS) < 0) {
      /* The client repeats its request, here or at the next server. */
      cc_line(options.name);
      printf("call %u: cannot answer: %s\n", state->call_id, strerror(errno));
   }
}

/* First the state into the client's hands, then the answer: whoever has the answer also has the state that goes with it. */
static void answer(int sd, const struct call* call, uint32_t type)
{
   unsigned char cookie[CC_COOKIE_LENGTH];
   cc_encode_cookie(cookie, &call->state);
   if(rsp_send_cookie(sd, cookie, sizeof(cookie), call->session, SEND_TIMEOUT_MS) < 0) {
      cc_line(options.name);
      printf("call %u: cannot send its cookie: %s\n", call->state.call_id, strerror(errno));
      return;
   }
   send_message(sd, call->session, type, &call->state);
}

/* A request that was worked on already, perhaps by a server that is no more: only its answer got lost. */
static void answer_again(int sd, const struct call* call)
{
   switch(call->state.state) {
      case CC_STATE_RINGING:
         answer(sd, call, CC_RINGING);
         break;
      case CC_STATE_UP:
         answer(sd, call, (call->state.updates == 0) ? CC_ANSWERED : CC_UPDATED);
         break;
      default:
         answer(sd, call, CC_RELEASED);
         break;
   }
}

static void answer_ringing_calls(int sd, uint64_t now_ms)
{
   while(ringing_first != NULL && ringing_first->answer_at_ms <= now_ms) {
      struct call* call = ringing_first;
      stop_ringing(call);
      call->state.state = CC_STATE_UP;
      answer(sd, call, CC_ANSWERED);
   }
}

/* ---- What clients send ---- */

static void handle_request(int sd, rserpool_session_t session, const struct cc_message* request)
{
   struct call* call = *find(session);

   if(call != NULL && request->sequence == call->state.sequence) {
      answer_again(sd, call);
      return;
   }
   if(call == NULL && request->type == CC_SETUP && request->sequence == 1) {
      const struct cc_call_state state = {request->call.call_id, CC_STATE_RINGING, request->sequence, 0};
      call = add(session, &state);
      if(call != NULL) {
         calls_set_up++;
         ring(call, cc_now_ms());
         answer(sd, call, CC_RINGING);
         return;
      }
   }
   else if(call != NULL && call->state.state == CC_STATE_UP && request->sequence == call->state.sequence + 1 &&
           (request->type == CC_UPDATE || request->type == CC_RELEASE)) {
      call->state.sequence = request->sequence;
      if(request->type == CC_UPDATE) {
         call->state.updates++;
         answer(sd, call, CC_UPDATED);
      }
      else {
         call->state.state = CC_STATE_RELEASED;
         calls_released++;
         answer(sd, call, CC_RELEASED); /* the client closes the session; then we forget the call */
      }
      return;
   }
   cc_line(options.name);
   printf("call %u: refused request %u of type %u\n", request->call.call_id, request->sequence, request->type);
   const struct cc_call_state nothing = {request->call.call_id, CC_IDLE, request->sequence, 0};
   send_message(sd, session, CC_REJECTED, (call != NULL) ? &call->state : &nothing);
}

/* A client whose server is gone brings us its call's state. */
static void restore(rserpool_session_t session, const unsigned char* cookie, size_t length)
{
   struct cc_call_state state;
   if(cc_decode_cookie(&state, cookie, length) != 0) {
      cc_line(options.name);
      printf("session %d: ignored a cookie that is not ours\n", session);
      return;
   }
   forget(session); /* what the cookie says is newer */
   struct call* call = add(session, &state);
   if(call != NULL) {
      if(state.state == CC_STATE_RINGING) {
         ring(call, cc_now_ms());
      }
      calls_restored++;
      takeover_burst++;
      takeover_last_ms = cc_now_ms();
   }
}

/* Takes one event from the socket. Returns 1, or 0 when there is none, or -1 when the socket is unusable. */
static int handle_event(int sd)
{
   unsigned char         buffer[1024];
   struct rsp_sndrcvinfo info;
   int                   flags = 0;
   const ssize_t         length = rsp_recvfullmsg(sd, buffer, sizeof(buffer), &info, &flags, 0);

   if(length < 0) {
      if(errno == EAGAIN || errno == EWOULDBLOCK) {
         return 0;
      }
      if(errno == EINTR || errno == ENOMEM /* longer than anything of ours: dropped */) {
         return 1;
      }
      cc_line(options.name);
      printf("cannot receive: %s\n", strerror(errno));
      return -1;
   }
   if(flags & MSG_RSERPOOL_NOTIFICATION) {
      union rserpool_notification notification;
      if((size_t)length >= sizeof(notification.rn_header)) {
         memset(&notification, 0, sizeof(notification));
         memcpy(&notification, buffer, ((size_t)length < sizeof(notification)) ? (size_t)length : sizeof(notification));
         if(notification.rn_header.rn_type == RSERPOOL_SESSION_CHANGE &&
            notification.rn_session_change.rsc_state == RSERPOOL_SESSION_REMOVE) {
            forget(notification.rn_session_change.rsc_session);
         }
      }
   }
   else if(flags & MSG_RSERPOOL_COOKIE_ECHO) {
      restore(info.rinfo_session, buffer, (size_t)length);
   }
   else if(length > 0) {
      struct cc_message request;
      if(cc_decode_message(&request, buffer, (size_t)length) == 0) {
         handle_request(sd, info.rinfo_session, &request);
      }
   }
   return 1;
}

/* ---- The life of a pool element ---- */

static void report_takeover(uint64_t now_ms, int at_once)
{
   if(takeover_burst > 0 && (at_once || now_ms - takeover_last_ms >= TAKEOVER_QUIET_MS)) {
      cc_line(options.name);
      printf("took over %lu call%s; %zu here now\n", takeover_burst, (takeover_burst == 1) ? "" : "s", calls_here);
      takeover_burst = 0;
   }
}

static int wait_ms(uint64_t now_ms, uint64_t drain_until_ms)
{
   uint64_t until = now_ms + 1000;
   if(ringing_first != NULL && ringing_first->answer_at_ms < until) {
      until = ringing_first->answer_at_ms;
   }
   if(takeover_burst > 0 && takeover_last_ms + TAKEOVER_QUIET_MS < until) {
      until = takeover_last_ms + TAKEOVER_QUIET_MS;
   }
   if(drain_until_ms != 0 && drain_until_ms < until) {
      until = drain_until_ms;
   }
   return (until > now_ms) ? (int)(until - now_ms) : 0;
}

/* Leaves the pool: nobody new is sent here. The calls that are here stay for now. */
static uint64_t begin_drain(int sd)
{
   cc_line(options.name);
   printf("asked to stop: leaving the pool, %zu calls here\n", calls_here);
   if(rsp_deregister(sd, 0) < 0) {
      cc_line(options.name);
      printf("cannot de-register: %s; the registrar will notice\n", strerror(errno));
   }
   return cc_now_ms() + options.drain_ms;
}

static int serve(int sd, int signal_fd)
{
   /* An RSerPool descriptor is a real one: poll(), select(), epoll and event loops take it beside any other. */
   struct pollfd fds[2]         = {{sd, POLLIN, 0}, {signal_fd, POLLIN, 0}};
   uint64_t      drain_until_ms = 0; /* 0: not draining */

   for(;;) {
      if(poll(fds, 2, wait_ms(cc_now_ms(), drain_until_ms)) < 0 && errno != EINTR) {
         perror("poll");
         return 1;
      }
      if(fds[1].revents & POLLIN) {
         struct signalfd_siginfo info;
         if(read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info) && drain_until_ms == 0) {
            drain_until_ms = begin_drain(sd);
         }
      }
      int more = 1;
      for(int i = 0; i < EVENTS_IN_ONE_GO && more == 1; i++) {
         more = handle_event(sd);
      }
      if(more < 0) {
         return 1;
      }
      const uint64_t now_ms = cc_now_ms();
      answer_ringing_calls(sd, now_ms);
      report_takeover(now_ms, 0);
      if(drain_until_ms != 0 && (calls_here == 0 || now_ms >= drain_until_ms)) {
         report_takeover(now_ms, 1);
         return 0;
      }
   }
}

static int usage(const char* program)
{
   fprintf(stderr,
           "usage: %s [-registrar=ADDRESS:PORT] [--pool=HANDLE] [--name=NAME] [--policy=NAME]\n"
           "          [--ring-ms=N] [--drain-ms=N]\n"
           "  and everything else that rsp_initarg() understands, like -transport=auto|sctp|sctp-udp\n",
           program);
   return 2;
}

static int parse_arguments(struct rsp_info* info, int argc, char** argv)
{
   for(int i = 1; i < argc; i++) {
      const char* argument = argv[i];
      const char* value;
      /* rsp_initarg() eats the arguments of the library; take them with two dashes, too. */
      if(rsp_initarg(info, (strncmp(argument, "--", 2) == 0) ? argument + 1 : argument) == 1) {
         continue;
      }
      if((value = cc_option(argument, "--pool")) != NULL) {
         options.pool = value;
      }
      else if((value = cc_option(argument, "--name")) != NULL || (value = cc_option(argument, "--id")) != NULL) {
         options.name = value;
      }
      else if((value = cc_option(argument, "--policy")) != NULL) {
         options.policy = value;
      }
      else if((value = cc_option(argument, "--ring-ms")) != NULL) {
         options.ring_ms = strtoull(value, NULL, 10);
      }
      else if((value = cc_option(argument, "--drain-ms")) != NULL) {
         options.drain_ms = strtoull(value, NULL, 10);
      }
      else {
         return -1;
      }
   }
   return 0;
}

/* SIGTERM and SIGINT become readable on a descriptor, so that one poll() waits for everything. */
static int open_signals(void)
{
   sigset_t signals;
   sigemptyset(&signals);
   sigaddset(&signals, SIGTERM);
   sigaddset(&signals, SIGINT);
   if(pthread_sigmask(SIG_BLOCK, &signals, NULL) != 0) {
      return -1;
   }
   return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int open_pool_element(void)
{
   struct rsp_loadinfo load;
   memset(&load, 0, sizeof(load));
   load.rli_policy = rsp_getpolicybyname(options.policy);
   load.rli_weight = 1;
   if(load.rli_policy == PPT_UNDEFINED) {
      fprintf(stderr, "unknown policy \"%s\"; try RoundRobin or LeastUsed\n", options.policy);
      return -1;
   }

   /* One socket for all sessions ("one-to-many"); its messages tell their session. */
   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   if(sd < 0) {
      perror("rsp_socket");
      return -1;
   }
   /* No rsp_bind(): any address, any free port. Clients learn it from the registrar. */
   if(rsp_listen(sd, 128) < 0) {
      perror("rsp_listen");
      rsp_close(sd);
      return -1;
   }
   if(rsp_register(sd, (const unsigned char*)options.pool, strlen(options.pool), &load, 30000, 0) < 0) {
      perror("rsp_register");
      rsp_close(sd);
      return -1;
   }
   return sd;
}

int main(int argc, char** argv)
{
   struct rsp_info info;
   char            default_name[32];

   setvbuf(stdout, NULL, _IOLBF, 0);
   rsp_initinfo(&info);
   if(parse_arguments(&info, argc, argv) != 0) {
      return usage(argv[0]);
   }
   if(options.name == NULL) {
      snprintf(default_name, sizeof(default_name), "server-%ld", (long)getpid());
      options.name = default_name;
   }

   /* Signals first: the library's threads inherit the mask, so no signal is delivered to them. */
   const int signal_fd = open_signals();
   if(signal_fd < 0) {
      perror("signalfd");
      return 1;
   }
   if(rsp_initialize(&info) < 0) {
      perror("rsp_initialize");
      return 1;
   }
   rsp_freeinfo(&info);

   const int sd = open_pool_element();
   if(sd < 0) {
      rsp_cleanup();
      return 1;
   }
   unsigned char handle[64];
   size_t        handle_size = sizeof(handle);
   uint32_t      identifier  = 0;
   if(rsp_getsockname(sd, handle, &handle_size, &identifier) < 0) {
      perror("rsp_getsockname");
   }
   cc_line(options.name);
   printf("in pool \"%s\" as PE 0x%08x, policy %s, process %ld\n", options.pool, identifier, options.policy,
          (long)getpid());

   const int    result    = serve(sd, signal_fd);
   const size_t left_over = calls_here;

   /* Closing ends the sessions that are left. Their clients go to another server and take the calls' state with them. */
   rsp_close(sd);
   rsp_cleanup();
   cc_line(options.name);
   printf("stopped: %lu calls set up, %lu taken over, %lu released, %zu handed over\n", calls_set_up, calls_restored,
          calls_released, left_over);
   close(signal_fd);
   return result;
}
