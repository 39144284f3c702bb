//! The safe Rust API with the semantics of the rsp_* functions.
