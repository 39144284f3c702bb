//! The setting for rules of access.

use super::{Setting, Takes};
use crate::policy;
use std::sync::Arc;

/// No file.
const NONE: &str = "none";

pub const POLICY: Setting = Setting {
    name: "access-policy",
    value: "FILE",
    help: "rules that say who may do what; without, everybody may do everything",
    takes: Takes::One,
    absent: NONE,
    values: |s| s.registrar.core.access.iter().map(|policy| policy.name().to_owned()).collect(),
    apply: |s, v, _| {
        s.registrar.core.access = if v == NONE { None } else { Some(Arc::new(policy::read(v)?)) };
        Ok(())
    },
};
