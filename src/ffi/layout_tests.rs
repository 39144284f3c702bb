//! Sizes and offsets against those of rsplib on x86-64, in `tests/c/abi-x86_64.tsv`.

use super::tag_item::TagItem;
use super::types::*;
use std::collections::BTreeMap;

const TABLE: &str = include_str!("../../tests/c/abi-x86_64.tsv");

/// Size and alignment, and each field's offset and size.
struct Layout(BTreeMap<&'static str, (usize, usize)>, usize, usize);

macro_rules! layouts {
    ($($c_name:literal $name:ty { $($field:ident: $type:ty),* $(,)? })*) => {
        BTreeMap::from([$((
            $c_name,
            Layout(
                BTreeMap::from([$((stringify!($field), (std::mem::offset_of!($name, $field), size_of::<$type>()))),*]),
                size_of::<$name>(),
                align_of::<$name>(),
            ),
        )),*])
    };
}

fn layouts() -> BTreeMap<&'static str, Layout> {
    type Pointer = *const u8;
    layouts! {
        "struct rsp_registrar_info" rsp_registrar_info { rri_next: Pointer, rri_addr: Pointer, rri_addrs: usize }
        "struct rsp_info" rsp_info {
            ri_version: u32, ri_revision: u32, ri_build_date: Pointer, ri_build_time: Pointer, ri_registrars: Pointer,
            ri_disable_autoconfig: i32, ri_registrar_announce: Pointer, ri_registrar_announce_timeout: u32,
            ri_registrar_connect_timeout: u32, ri_registrar_connect_max_trials: u32, ri_registrar_request_timeout: u32,
            ri_registrar_response_timeout: u32, ri_registrar_request_max_trials: u32, ri_csp_identifier: u64,
            ri_csp_server: Pointer, ri_csp_interval: u32,
        }
        "struct rsp_loadinfo" rsp_loadinfo {
            rli_policy: u32, rli_weight: u32, rli_weight_dpf: u32, rli_load: u32, rli_load_degradation: u32,
            rli_load_dpf: u32,
        }
        "struct rsp_addrinfo" rsp_addrinfo {
            ai_family: i32, ai_socktype: i32, ai_protocol: i32, ai_addrlen: usize, ai_addrs: usize, ai_addr: Pointer,
            ai_next: Pointer, ai_pe_id: u32,
        }
        "struct rsp_sndrcvinfo" rsp_sndrcvinfo {
            rinfo_session: i32, rinfo_ppid: u32, rinfo_pe_id: u32, rinfo_timetolive: u32, rinfo_stream: u16,
        }
        "struct rserpool_failover" rserpool_failover {
            rf_type: u16, rf_flags: u16, rf_length: u32, rf_state: u32, rf_session: i32, rf_has_cookie: u8,
        }
        "struct rserpool_session_change" rserpool_session_change { rsc_state: u32, rsc_session: i32 }
        "struct rserpool_shutdown_event" rserpool_shutdown_event { rse_session: i32 }
        "union rserpool_notification" rserpool_notification {}
        "struct rserpool_session_parameters" rserpool_session_parameters {
            sp_rto_initial: u32, sp_rto_min: u32, sp_rto_max: u32, sp_assoc_max_rxt: u32, sp_path_max_rxt: u32,
            sp_hbinterval: u32,
        }
        "struct TagItem" TagItem { Tag: u32, Data: u64 }
        "rserpool_session_t" rserpool_session_t {}
    }
}

#[test]
#[cfg(all(target_arch = "x86_64", target_pointer_width = "64"))]
fn every_structure_has_the_layout_of_rsplib() {
    let layouts = layouts();
    let (mut checked, mut rows) = (0, 0);
    for row in TABLE.lines().map(|line| line.split('\t').collect::<Vec<_>>()) {
        rows += 1;
        match row[..] {
            [name, "size", size, "align", align] => {
                let layout = &layouts[name];
                assert_eq!((layout.1.to_string(), layout.2.to_string()), (size.into(), align.into()), "{name}");
                checked += 1;
            }
            [name, field, offset, size] => {
                let (at, len) = layouts[name].0[field];
                assert_eq!((at.to_string(), len.to_string()), (offset.into(), size.into()), "{name}.{field}");
                checked += 1;
            }
            // The constants at the end, which the C test checks.
            _ => {}
        }
    }
    assert!(checked >= 60 && checked + 3 >= rows, "only {checked} of {rows} rows checked");
}

#[test]
fn the_union_is_as_large_as_the_api_says() {
    assert_eq!(size_of::<rserpool_notification>(), crate::api::NOTIFICATION_SIZE);
}
