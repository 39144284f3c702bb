/* pthread_cancel() on threads that wait in the library. */
#include "check.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>

static int   sd;
static sem_t about_to_wait;

static void* receive_it(void* unused)
{
   char buffer[2048];
   int  flags;
   sem_post(&about_to_wait);
   FAILS(rsp_recvfullmsg(sd, buffer, sizeof(buffer), NULL, &flags, -1), EBADF);
   pthread_testcancel();
   return unused;
}

static void* take_sessions(void* unused)
{
   sem_post(&about_to_wait);
   FAILS(rsp_accept(sd, -1), EBADF);
   pthread_testcancel();
   return unused;
}

static void* poll_it(void* unused)
{
   struct pollfd entry = {sd, POLLIN, 0};
   sem_post(&about_to_wait);
   const int ready = rsp_poll(&entry, 1, -1);
   CHECK(ready == 1);
   pthread_testcancel();
   return unused;
}

/* The library is no place to be cancelled in: the call goes on, and the thread ends behind it. */
static void a_cancelled_thread_ends_behind_the_call(int type, void* (*wait)(void*))
{
   pthread_t thread;
   void*     result = NULL;
   sd               = rsp_socket(0, type, IPPROTO_SCTP);
   REQUIRE(sd >= 0 && rsp_listen(sd, 4) == 0);
   REQUIRE(pthread_create(&thread, NULL, wait, NULL) == 0);
   REQUIRE(sem_wait(&about_to_wait) == 0);
   CHECK(pthread_cancel(thread) == 0);
   CHECK(rsp_close(sd) == 0);
   CHECK(pthread_join(thread, &result) == 0);
   CHECK(result == PTHREAD_CANCELED);
}

int main(int argc, char** argv)
{
   start(argc, argv);
   REQUIRE(sem_init(&about_to_wait, 0, 0) == 0);
   a_cancelled_thread_ends_behind_the_call(SOCK_SEQPACKET, receive_it);
   a_cancelled_thread_ends_behind_the_call(SOCK_STREAM, take_sessions);
   a_cancelled_thread_ends_behind_the_call(SOCK_SEQPACKET, poll_it);
   return finish("cancelled");
}
