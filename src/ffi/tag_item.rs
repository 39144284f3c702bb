//! `tagitem.h`: lists of numbered options.

// rsplib's names are part of the interface.
#![allow(non_camel_case_types, non_snake_case)]

use std::ffi::{c_uint, c_ulong};

/// Number of an option.
pub type tag_t = c_uint;
/// Value of an option: a number, or a pointer.
pub type tagdata_t = c_ulong;

/// Ends a list.
pub const TAG_DONE: tag_t = 0;
/// Ends a list.
pub const TAG_END: tag_t = 0;
/// Is ignored.
pub const TAG_IGNORE: tag_t = 1;
/// Data points to another list, with which the list goes on.
pub const TAG_MORE: tag_t = 2;
/// Skips the next Data items.
pub const TAG_SKIP: tag_t = 3;
/// The first number that means something.
pub const TAG_USER: tag_t = 1_000_000;

/// One option. Lists of them are arrays that end with TAG_DONE.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct TagItem {
    /// Which option.
    pub Tag: tag_t,
    /// Its value.
    pub Data: tagdata_t,
}
