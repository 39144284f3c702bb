//! The tags of `rserpool-internals.h`.

// rsplib's names are part of the interface.
#![allow(non_upper_case_globals)]

use super::tag_item::{TAG_USER, tag_t};

/// rsp_register_tags(): the element's identifier; 0: choose one.
pub const TAG_PoolElement_Identifier: tag_t = TAG_USER + 1000;
/// rsp_connect_tags(): time for a connect to a pool element, in microseconds.
pub const TAG_RspSession_ConnectTimeout: tag_t = TAG_USER + 2000;
/// rsp_connect_tags(): pause before an empty pool is asked for again, in microseconds.
pub const TAG_RspSession_HandleResolutionRetryDelay: tag_t = TAG_USER + 2001;
/// Accepted and ignored: see rsp_info.
pub const TAG_RspLib_CacheElementTimeout: tag_t = TAG_USER + 4000;
/// Accepted and ignored: see rsp_info.
pub const TAG_RspLib_RegistrarAnnounceAddress: tag_t = TAG_USER + 4001;
/// Accepted and ignored: see rsp_info.
pub const TAG_RspLib_RegistrarAnnounceTimeout: tag_t = TAG_USER + 4002;
/// Accepted and ignored: see rsp_info.
pub const TAG_RspLib_RegistrarConnectMaxTrials: tag_t = TAG_USER + 4003;
/// Accepted and ignored: see rsp_info.
pub const TAG_RspLib_RegistrarConnectTimeout: tag_t = TAG_USER + 4004;
/// Accepted and ignored: see rsp_info.
pub const TAG_RspLib_RegistrarRequestMaxTrials: tag_t = TAG_USER + 4005;
/// Accepted and ignored: see rsp_info.
pub const TAG_RspLib_RegistrarRequestTimeout: tag_t = TAG_USER + 4006;
/// Accepted and ignored: see rsp_info.
pub const TAG_RspLib_RegistrarResponseTimeout: tag_t = TAG_USER + 4007;
