/* Compiles as C99, C11 and C++17 without a warning, and names everything that the headers define. */
#include <rserpool/rserpool.h>
#include <rserpool/rserpool-internals.h>
#include <rserpool/tagitem.h>
#include <errno.h>

int use_everything(int sd, const unsigned char* handle, size_t size);

int use_everything(int sd, const unsigned char* handle, size_t size)
{
   struct rsp_info                    info;
   struct rsp_loadinfo                load = {PPT_LEASTUSED_DEGRADATION_DPF, 0, 0, PPV_MIN_LOAD, PPV_MAX_LOAD, 0};
   struct rsp_sndrcvinfo              rinfo;
   struct rserpool_session_parameters parameters = {0, 0, 0, 0, 0, 0};
   struct rsp_addrinfo*               list       = NULL;
   union rserpool_notification        notification;
   struct TagItem                     tags[2] = {{TAG_PoolElement_Identifier, 7}, {TAG_DONE, 0}};
   struct pollfd                      polled  = {0, POLLIN, 0};
   struct timeval                     timeout = {0, 0};
   fd_set                             set;
   char                               buffer[64];
   size_t                             length     = sizeof(buffer);
   uint32_t                           identifier = 0;
   struct rsp_poolinfo*               pool       = NULL;
   int                                flags      = MSG_RSERPOOL_NOTIFICATION | MSG_RSERPOOL_COOKIE_ECHO;
   rserpool_session_t                 session    = 0;
   socklen_t                          optlen     = sizeof(flags);

   FD_ZERO(&set);
   rsp_initinfo(&info);
   rsp_initarg(&info, "-registrar=127.0.0.1:3863");
   rsp_initialize(&info);
   rsp_freeinfo(&info);
   rsp_socket(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP);
   rsp_update_session_parameters(sd, &parameters);
   rsp_bind(sd, NULL, 0);
   rsp_listen(sd, 10);
   rsp_register(sd, handle, size, &load, 30000, REGF_DONTWAIT | REGF_CONTROLCHANNEL | REGF_DAEMONMODE);
   rsp_register_tags(sd, handle, size, &load, 30000, 0, tags);
   rsp_deregister(sd, DEREGF_DONTWAIT);
   rsp_deregister_tags(sd, 0, NULL);
   rsp_accept(sd, 0);
   rsp_accept_tags(sd, 0, NULL);
   rsp_connect(sd, handle, size, 0);
   rsp_connect_tags(sd, handle, size, 0, NULL);
   rsp_has_cookie(sd);
   rsp_forcefailover(sd, FFF_NONE | FFF_UNREACHABLE, 0);
   rsp_forcefailover_tags(sd, 0, 0, NULL);
   rsp_sendmsg(sd, buffer, 1, 0, session, 0, 0, 0, 0, 0);
   rsp_send_cookie(sd, handle, size, session, 0);
   rsp_recvmsg(sd, buffer, sizeof(buffer), &rinfo, &flags, 0);
   rsp_recvfullmsg(sd, buffer, sizeof(buffer), &rinfo, &flags, 0);
   rsp_read(sd, buffer, sizeof(buffer));
   rsp_recv(sd, buffer, sizeof(buffer), 0);
   rsp_write(sd, buffer, 1);
   rsp_send(sd, buffer, 1, 0);
   rsp_poll(&polled, 1, 0);
   rsp_select(sd + 1, &set, &set, &set, &timeout);
   rsp_getsockname(sd, (unsigned char*)buffer, &length, &identifier);
   rsp_getpeername(sd, (unsigned char*)buffer, &length, &identifier);
   rsp_getsockopt(sd, SOL_RSERPOOL, RSERPOOL_AUTO_FAILOVER, &flags, &optlen);
   rsp_setsockopt(sd, SOL_RSERPOOL, RSERPOOL_FAILOVER_RESEND, &flags, optlen);
   rsp_mapsocket(0, -1);
   rsp_unmapsocket(0);
   notification.rn_header.rn_type = RSERPOOL_FAILOVER;
   notification.rn_failover.rf_state = RSERPOOL_FAILOVER_COMPLETE;
   rsp_print_notification(&notification, stdout);
   rsp_sendto_pool(sd, buffer, 1, handle, size, identifier, RSP_SEND_TO_ALL | RSP_SEND_TO_SELF, &rinfo, 0, 0);
   rsp_getpoolinfo(handle, size, &pool, 0, 0);
   rsp_send_businesscard(sd, &identifier, 1);
   rsp_getpoolchange(rsp_subscribe_pool(handle, size), &pool, 0);
   rsp_freepoolinfo(pool);
   rsp_csp_setstatus(sd, session, rsp_last_error());
   rsp_socket_internal(AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, -1);
   rsp_getaddrinfo(handle, size, &list, RSPGETADDRS_DEFAULT, 0);
   rsp_getaddrinfo_tags(handle, size, &list, RSPGETADDRS_MAX, 0, NULL);
   rsp_pe_registration(handle, size, list, &load, 1000, 0);
   rsp_pe_registration_tags(handle, size, list, &load, 1000, 0, NULL);
   rsp_pe_deregistration(handle, size, identifier, 0);
   rsp_pe_deregistration_tags(handle, size, identifier, 0, NULL);
   rsp_pe_failure(handle, size, identifier);
   rsp_pe_failure_tags(handle, size, identifier, NULL);
   rsp_freeaddrinfo(list);
   rsp_close(sd);
   rsp_cleanup();
   return PPT_IS_ADAPTIVE(rsp_getpolicybyname("LeastUsed")) && rsp_getpolicybytype(PPT_RANDOM) != NULL &&
          rsp_strerror(EAGAIN) != NULL &&
          CID_OBJECT(CID_COMPOUND(CID_GROUP_POOLUSER, 5)) == 5 && CID_GROUP(CID_COMPOUND(CID_GROUP_POOLUSER, 5)) == 3;
}
