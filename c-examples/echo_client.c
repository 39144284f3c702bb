/*
 * An echo client: sends each line of its input to the pool, and prints what comes back.
 *
 *     echo_client -registrar=127.0.0.1:3863
 *
 * Shows the classic way of failover: the library says that it is necessary, the program calls rsp_forcefailover(), and
 * then sends again what has no answer. (call_control_client.c has the library do it.)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <rserpool/rserpool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PPID            0x4543484fu /* any number but 11, which is ASAP's */
#define SEND_TIMEOUT_MS 5000

static const char* pool = "EchoPool";
static char        line[4096]; /* what was sent last */
static size_t      line_length;
static int         unanswered;

/* The pool may be empty for a while, or the next server dead as well: then the library says "necessary" again. */
static void fail_over(int sd)
{
   fprintf(stderr, "(the server is gone: looking for another one)\n");
   while(rsp_forcefailover(sd, FFF_UNREACHABLE, 0) < 0 && errno == EIO) {
   }
}

static void send_line(int sd)
{
   unanswered = 1;
   if(rsp_sendmsg(sd, line, line_length, 0, 0, htonl(PPID), 0, 0, 0, SEND_TIMEOUT_MS) < 0 && errno != EIO) {
      perror("rsp_sendmsg"); /* EIO: a failover is necessary, and a notification says so */
   }
}

static void on_notification(int sd, const union rserpool_notification* notification)
{
   fprintf(stderr, "(");
   rsp_print_notification(notification, stderr);
   fprintf(stderr, ")\n");
   if(notification->rn_header.rn_type != RSERPOOL_FAILOVER) {
      return;
   }
   if(notification->rn_failover.rf_state == RSERPOOL_FAILOVER_NECESSARY) {
      fail_over(sd);
   }
   else if(unanswered) {
      send_line(sd);
   }
}

/* Returns 0, or -1 when the session is over for good. */
static int receive(int sd)
{
   /* A union, so that a notification is where the compiler wants it. */
   union {
      char                        bytes[65536];
      union rserpool_notification notification;
   } buffer;
   int           flags  = 0;
   const ssize_t length = rsp_recvfullmsg(sd, &buffer, sizeof(buffer), NULL, &flags, 0);
   if(length < 0) {
      if(errno == EAGAIN || errno == EINTR) {
         return 0;
      }
      perror("rsp_recvfullmsg");
      return -1;
   }
   if(flags & MSG_RSERPOOL_NOTIFICATION) {
      on_notification(sd, &buffer.notification);
   }
   else if(length == 0) {
      fail_over(sd); /* the server closed the session */
   }
   else {
      unanswered = 0;
      fwrite(buffer.bytes, 1, (size_t)length, stdout);
      fflush(stdout);
   }
   return 0;
}

static int echo(int sd)
{
   /* RSerPool descriptors are real ones: poll() takes both. At the end of input, wait for the last answer. */
   struct pollfd fds[2] = {{sd, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
   while(fds[1].fd >= 0 || unanswered) {
      struct pollfd* input = &fds[1];
      /* One line at a time: the next one is read when the last one is answered. */
      if(poll(fds, unanswered ? 1 : 2, -1) < 0) {
         if(errno == EINTR) {
            continue;
         }
         perror("poll");
         return 1;
      }
      if((fds[0].revents & POLLIN) && receive(sd) < 0) {
         return 1;
      }
      if(!unanswered && (input->revents & (POLLIN | POLLHUP))) {
         if(fgets(line, sizeof(line), stdin) == NULL) {
            input->fd = -1;
            continue;
         }
         line_length = strlen(line);
         send_line(sd);
      }
      input->revents = 0;
   }
   return 0;
}

int main(int argc, char** argv)
{
   struct rsp_info info;

   /* poll() cannot see what stdio has read ahead: let it read ahead nothing. */
   setvbuf(stdin, NULL, _IONBF, 0);
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
   if(rsp_initialize(&info) < 0) {
      perror("rsp_initialize");
      return 1;
   }
   rsp_freeinfo(&info);

   const int sd = rsp_socket(0, SOCK_SEQPACKET, IPPROTO_SCTP);
   if(sd < 0 || rsp_connect(sd, (const unsigned char*)pool, strlen(pool), 0) < 0) {
      perror("cannot connect to the pool");
      rsp_cleanup();
      return 1;
   }
   const int result = echo(sd);
   rsp_close(sd);
   rsp_cleanup();
   return result;
}
