/*
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Generated from src/ffi/ by scripts/headers
 */

#ifndef RSERPOOLINTERNALS_H
#define RSERPOOLINTERNALS_H


#include "rserpool.h"
#include "tagitem.h"

/**
 * rsp_register_tags(): the element's identifier; 0: choose one.
 */
#define TAG_PoolElement_Identifier (TAG_USER + 1000)

/**
 * rsp_connect_tags(): time for a connect to a pool element, in microseconds.
 */
#define TAG_RspSession_ConnectTimeout (TAG_USER + 2000)

/**
 * rsp_connect_tags(): pause before an empty pool is asked for again, in microseconds.
 */
#define TAG_RspSession_HandleResolutionRetryDelay (TAG_USER + 2001)

/**
 * Accepted and ignored: see rsp_info.
 */
#define TAG_RspLib_CacheElementTimeout (TAG_USER + 4000)

/**
 * Accepted and ignored: see rsp_info.
 */
#define TAG_RspLib_RegistrarAnnounceAddress (TAG_USER + 4001)

/**
 * Accepted and ignored: see rsp_info.
 */
#define TAG_RspLib_RegistrarAnnounceTimeout (TAG_USER + 4002)

/**
 * Accepted and ignored: see rsp_info.
 */
#define TAG_RspLib_RegistrarConnectMaxTrials (TAG_USER + 4003)

/**
 * Accepted and ignored: see rsp_info.
 */
#define TAG_RspLib_RegistrarConnectTimeout (TAG_USER + 4004)

/**
 * Accepted and ignored: see rsp_info.
 */
#define TAG_RspLib_RegistrarRequestMaxTrials (TAG_USER + 4005)

/**
 * Accepted and ignored: see rsp_info.
 */
#define TAG_RspLib_RegistrarRequestTimeout (TAG_USER + 4006)

/**
 * Accepted and ignored: see rsp_info.
 */
#define TAG_RspLib_RegistrarResponseTimeout (TAG_USER + 4007)

#ifdef __cplusplus
extern "C" {
#endif /* __cplusplus */

/**
 * As rsp_pe_failure(). No tags are known.
 */
unsigned int rsp_pe_failure_tags(const uint8_t *poolHandle,
                                 size_t poolHandleSize,
                                 uint32_t identifier,
                                 struct TagItem *tags);

/**
 * As rsp_getaddrinfo(). No tags are known.
 */
int rsp_getaddrinfo_tags(const uint8_t *poolHandle,
                         size_t poolHandleSize,
                         struct rsp_addrinfo **rserpoolAddrInfo,
                         size_t items,
                         unsigned int staleCacheValue,
                         struct TagItem *tags);

/**
 * As rsp_connect(), with TAG_RspSession_ConnectTimeout and TAG_RspSession_HandleResolutionRetryDelay. EINVAL, also: the tag
 * list does not end.
 */
int rsp_connect_tags(int sd,
                     const uint8_t *poolHandle,
                     size_t poolHandleSize,
                     unsigned int staleCacheValue,
                     struct TagItem *tags);

/**
 * As rsp_forcefailover(). No tags are known.
 */
int rsp_forcefailover_tags(int sd, unsigned int flags, unsigned int staleCacheValue, struct TagItem *tags);

/**
 * As rsp_socket(), for programs that name this internal function of rsplib's library. `customFD` < 0: a descriptor of the
 * library's choice. rsplib takes a system's SCTP socket there and makes it the RSerPool socket; here RSerPool sockets have
 * their associations elsewhere, so none can be taken.
 *
 * Returns:
 * The descriptor, or -1.
 *
 * Errors:
 * As rsp_socket(). EOPNOTSUPP: `customFD` >= 0.
 */
int rsp_socket_internal(int domain,
                        int type,
                        int protocol,
                        int customFD);

/**
 * As rsp_pe_registration(). No tags are known.
 */
unsigned int rsp_pe_registration_tags(const uint8_t *poolHandle,
                                      size_t poolHandleSize,
                                      struct rsp_addrinfo *rspAddrInfo,
                                      const struct rsp_loadinfo *rspLoadInfo,
                                      unsigned int registrationLife,
                                      int flags,
                                      struct TagItem *tags);

/**
 * As rsp_pe_deregistration(). No tags are known.
 */
unsigned int rsp_pe_deregistration_tags(const uint8_t *poolHandle,
                                        size_t poolHandleSize,
                                        uint32_t identifier,
                                        int flags,
                                        struct TagItem *tags);

/**
 * As rsp_register(), with TAG_PoolElement_Identifier. EINVAL, also: the tag list does not end.
 */
int rsp_register_tags(int sd,
                      const uint8_t *poolHandle,
                      size_t poolHandleSize,
                      const struct rsp_loadinfo *loadinfo,
                      unsigned int reregistrationInterval,
                      int flags,
                      struct TagItem *tags);

/**
 * As rsp_deregister(). No tags are known.
 */
int rsp_deregister_tags(int sd, int flags, struct TagItem *tags);

/**
 * As rsp_accept(). No tags are known.
 */
int rsp_accept_tags(int sd, int timeout, struct TagItem *tags);

#ifdef __cplusplus
}  // extern "C"
#endif /* __cplusplus */

#endif  /* RSERPOOLINTERNALS_H */
