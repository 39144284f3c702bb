/*
 * A tiny call control protocol, shared by call_control_server.c and call_control_client.c.
 *
 *     client                         server
 *       | ---- SETUP (sequence 1) ----> |      a new call
 *       | <--- RINGING ---------------- |
 *       | <--- ANSWERED --------------- |      the call is up
 *       | ---- UPDATE (2, 3, ...) ----> |      "still there?", and a change of the call's state
 *       | <--- UPDATED ---------------- |
 *       | ---- RELEASE ---------------> |
 *       | <--- RELEASED --------------- |
 *
 * Two rules make it survive the death of a server:
 *
 *  1. Before the server answers a request, it sends the call's new state to the client as a cookie. The client's
 *     library keeps the cookie and hands it to the next server after a failover: servers share nothing.
 *  2. Requests carry a sequence number, and the state holds the last one that was worked on. After a failover the client
 *     simply repeats the request that has no answer yet. The new server knows by the number whether it is done already:
 *     then it only repeats the answer.
 */
#ifndef CALL_CONTROL_H
#define CALL_CONTROL_H

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CC_DEFAULT_POOL "CallControlPool"

/* Payload protocol identifier of our messages. Any number but 11, which is ASAP's. */
#define CC_PPID 0x43414c4cu

enum cc_type {
   CC_SETUP = 1,
   CC_RINGING,
   CC_ANSWERED,
   CC_UPDATE,
   CC_UPDATED,
   CC_RELEASE,
   CC_RELEASED,
   CC_REJECTED /* the server knows no such call, or the request does not fit its state */
};

enum cc_state { CC_IDLE = 0, CC_STATE_RINGING, CC_STATE_UP, CC_STATE_RELEASED };

/* All that a server needs to know about a call. It travels in cookies, and in each answer, so that the client can check
   that nothing got lost. A real call would have its parties and media here. */
struct cc_call_state {
   uint32_t call_id;
   uint32_t state;    /* enum cc_state */
   uint32_t sequence; /* of the last request worked on */
   uint32_t updates;  /* number of UPDATEs worked on */
};

struct cc_message {
   uint32_t             type; /* enum cc_type */
   uint32_t             sequence;
   struct cc_call_state call;
};

#define CC_COOKIE_MAGIC   0x43435331u /* "CCS1": tells our cookies, and their version, from anything else */
#define CC_COOKIE_LENGTH  20
#define CC_MESSAGE_LENGTH 24

/* ---- Encoding: 32-bit numbers in network byte order ---- */

static inline void cc_put(unsigned char* at, uint32_t value)
{
   value = htonl(value);
   memcpy(at, &value, 4);
}

static inline uint32_t cc_get(const unsigned char* at)
{
   uint32_t value;
   memcpy(&value, at, 4);
   return ntohl(value);
}

static inline void cc_encode_state(unsigned char* at, const struct cc_call_state* call)
{
   cc_put(at, call->call_id);
   cc_put(at + 4, call->state);
   cc_put(at + 8, call->sequence);
   cc_put(at + 12, call->updates);
}

static inline void cc_decode_state(struct cc_call_state* call, const unsigned char* at)
{
   call->call_id  = cc_get(at);
   call->state    = cc_get(at + 4);
   call->sequence = cc_get(at + 8);
   call->updates  = cc_get(at + 12);
}

static inline void cc_encode_message(unsigned char* at, const struct cc_message* message)
{
   cc_put(at, message->type);
   cc_put(at + 4, message->sequence);
   cc_encode_state(at + 8, &message->call);
}

/* Returns 0, or -1 when this is no message of ours. What comes from the network is never trusted. */
static inline int cc_decode_message(struct cc_message* message, const unsigned char* at, size_t length)
{
   if(length != CC_MESSAGE_LENGTH) {
      return -1;
   }
   message->type     = cc_get(at);
   message->sequence = cc_get(at + 4);
   cc_decode_state(&message->call, at + 8);
   return (message->type >= CC_SETUP && message->type <= CC_REJECTED) ? 0 : -1;
}

static inline void cc_encode_cookie(unsigned char* at, const struct cc_call_state* call)
{
   cc_put(at, CC_COOKIE_MAGIC);
   cc_encode_state(at + 4, call);
}

/* Returns 0, or -1 when this is no cookie of ours. A service on an open network would sign its cookies: they come back
   through the client, who could have changed them. */
static inline int cc_decode_cookie(struct cc_call_state* call, const unsigned char* at, size_t length)
{
   if(length != CC_COOKIE_LENGTH || cc_get(at) != CC_COOKIE_MAGIC) {
      return -1;
   }
   cc_decode_state(call, at + 4);
   return (call->state >= CC_STATE_RINGING && call->state <= CC_STATE_RELEASED) ? 0 : -1;
}

/* ---- Helpers of both programs ---- */

/* Milliseconds on a clock that never jumps. */
static inline uint64_t cc_now_ms(void)
{
   struct timespec now;
   clock_gettime(CLOCK_MONOTONIC, &now);
   return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Begins a line of the timeline, like "16:20:01.123 server-1   ". */
static inline void cc_line(const char* name)
{
   struct timespec now;
   struct tm       local;
   clock_gettime(CLOCK_REALTIME, &now);
   localtime_r(&now.tv_sec, &local);
   printf("%02d:%02d:%02d.%03ld %-10s ", local.tm_hour, local.tm_min, local.tm_sec, now.tv_nsec / 1000000, name);
}

/* When `argument` is "NAME=VALUE" with this NAME (like "--pool"): VALUE, else NULL. */
static inline const char* cc_option(const char* argument, const char* name)
{
   const size_t length = strlen(name);
   return (strncmp(argument, name, length) == 0 && argument[length] == '=') ? argument + length + 1 : NULL;
}

#endif
