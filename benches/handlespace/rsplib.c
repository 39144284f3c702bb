/* rsplib's handlespace library behind a few functions, for the bench beside it: built by scripts/bench and opened at run time.
 *
 * Debian ships the library without headers. What is declared here are the functions that are called, with opaque types; memory
 * for objects of unknown size is larger than they are, and they are initialised by the library itself. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY(name) name##_SimpleRedBlackTree

typedef struct Handlespace Handlespace;
typedef struct Node        Node;

/* The settings of a policy: seven numbers, in this order. */
struct Settings {
   unsigned int type, weight, load, load_degradation, load_dpf, weight_dpf, distance;
};

void poolHandleNew(void *handle, const unsigned char *bytes, size_t length);
void poolPolicySettingsNew(struct Settings *settings);
void transportAddressBlockNew(void *block, int protocol, uint16_t port, uint16_t flags, const void *addresses,
                              size_t address_count, size_t most_addresses);

void LIBRARY(poolHandlespaceManagementNew)(Handlespace *, uint32_t home, void *pool_disposer, void *element_disposer,
                                           void *disposer_data);
void LIBRARY(poolHandlespaceManagementDelete)(Handlespace *);
size_t LIBRARY(poolHandlespaceManagementGetPoolElements)(const Handlespace *);
unsigned int LIBRARY(poolHandlespaceManagementRegisterPoolElement)(
   Handlespace *, const void *pool_handle, uint32_t home, uint32_t id, unsigned int life, const struct Settings *,
   const void *user_transport, const void *registrar_transport, int descriptor, uint32_t association,
   unsigned long long now, Node **registered);
unsigned int LIBRARY(poolHandlespaceManagementDeregisterPoolElement)(Handlespace *, const void *pool_handle, uint32_t id);
Node *LIBRARY(poolHandlespaceManagementFindPoolElement)(Handlespace *, const void *pool_handle, uint32_t id);
unsigned int LIBRARY(poolHandlespaceManagementHandleResolution)(Handlespace *, const void *pool_handle, Node **chosen,
                                                                size_t *chosen_count, size_t items, size_t increment);
void LIBRARY(poolHandlespaceNodeActivateTimer)(Handlespace *, Node *, unsigned int what, unsigned long long at);
void LIBRARY(poolHandlespaceNodeDeactivateTimer)(Handlespace *, Node *);

enum {
   ROOM_FOR_A_HANDLESPACE = 65536,
   ROOM_FOR_AN_OBJECT     = 256,
   KEEP_ALIVE             = 1001,
   HOME                   = 1,
   LIFE                   = 900000,
   DESCRIPTOR             = 3
};

/* An element to be registered, and a pool to be looked up. */
struct element {
   _Alignas(16) unsigned char handle[ROOM_FOR_AN_OBJECT];
   _Alignas(16) unsigned char user_transport[ROOM_FOR_AN_OBJECT];
   _Alignas(16) unsigned char registrar_transport[ROOM_FOR_AN_OBJECT];
   struct Settings settings;
   uint32_t        id, association;
};

void *rsplib_element(const unsigned char *handle, size_t length, uint32_t id, uint32_t address, uint32_t association)
{
   struct element    *element = aligned_alloc(16, sizeof(struct element));
   struct sockaddr_in4_in_6 {
      struct sockaddr_in in;
      unsigned char      rest[sizeof(struct sockaddr_in6) - sizeof(struct sockaddr_in)];
   } socket_address;
   if(element == NULL) {
      return NULL;
   }
   memset(element, 0, sizeof(*element));
   memset(&socket_address, 0, sizeof(socket_address));
   socket_address.in.sin_family      = AF_INET;
   socket_address.in.sin_addr.s_addr = htonl(address);
   poolHandleNew(element->handle, handle, length);
   transportAddressBlockNew(element->user_transport, IPPROTO_SCTP, 5000, 0, &socket_address, 1, 1);
   transportAddressBlockNew(element->registrar_transport, IPPROTO_SCTP, 5001, 0, &socket_address, 1, 1);
   poolPolicySettingsNew(&element->settings);
   element->id          = id;
   element->association = association;
   return element;
}

void rsplib_element_policy(struct element *element, const uint32_t values[7])
{
   memcpy(&element->settings, values, sizeof(element->settings));
}

void rsplib_element_free(struct element *element) { free(element); }

void *rsplib_new(void)
{
   Handlespace *handlespace = aligned_alloc(64, ROOM_FOR_A_HANDLESPACE);
   if(handlespace != NULL) {
      memset((void *)handlespace, 0, ROOM_FOR_A_HANDLESPACE);
      LIBRARY(poolHandlespaceManagementNew)(handlespace, HOME, NULL, NULL, NULL);
   }
   return handlespace;
}

void rsplib_free(Handlespace *handlespace)
{
   LIBRARY(poolHandlespaceManagementDelete)(handlespace);
   free(handlespace);
}

size_t rsplib_count(const Handlespace *handlespace)
{
   return LIBRARY(poolHandlespaceManagementGetPoolElements)(handlespace);
}

static void restart(Handlespace *handlespace, Node *node, uint64_t at)
{
   LIBRARY(poolHandlespaceNodeDeactivateTimer)(handlespace, node);
   LIBRARY(poolHandlespaceNodeActivateTimer)(handlespace, node, KEEP_ALIVE, at);
}

/* Also starts the keep-alive timer. 0: it is registered. */
unsigned int rsplib_register(Handlespace *handlespace, const struct element *element, uint64_t now, uint64_t keep_alive_at)
{
   Node              *node   = NULL;
   const unsigned int result = LIBRARY(poolHandlespaceManagementRegisterPoolElement)(
      handlespace, element->handle, HOME, element->id, LIFE, &element->settings, element->user_transport,
      element->registrar_transport, DESCRIPTOR, element->association, now, &node);
   if(node != NULL) {
      restart(handlespace, node, keep_alive_at);
   }
   return result;
}

unsigned int rsplib_deregister(Handlespace *handlespace, const struct element *element)
{
   return LIBRARY(poolHandlespaceManagementDeregisterPoolElement)(handlespace, element->handle, element->id);
}

void *rsplib_find(Handlespace *handlespace, const struct element *element)
{
   return LIBRARY(poolHandlespaceManagementFindPoolElement)(handlespace, element->handle, element->id);
}

void rsplib_restart_timer(Handlespace *handlespace, const struct element *element, uint64_t at)
{
   restart(handlespace, rsplib_find(handlespace, element), at);
}

/* How many were chosen, by the policy's own increment. */
size_t rsplib_resolve(Handlespace *handlespace, const struct element *element, void **chosen, size_t items)
{
   size_t count = items;
   LIBRARY(poolHandlespaceManagementHandleResolution)(handlespace, element->handle, (Node **)chosen, &count, items, 0);
   return count;
}
