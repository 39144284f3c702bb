//! Entries of the table that differ only in name, help and field.

/// Timers: of the core, or of the SCTP associations with somebody.
macro_rules! duration_of {
    ($name:literal, $help:literal, $whose:ident, $field:ident) => {
        Setting {
            name: $name,
            value: "DURATION",
            help: $help,
            takes: Takes::One,
            absent: "",
            values: |s| vec![show_duration(s.registrar.$whose.$field)],
            apply: |s, v, _| duration(v).map(|d| s.registrar.$whose.$field = d),
        }
    };
}

/// Limits and thresholds, of the same.
macro_rules! count_of {
    ($name:literal, $help:literal, $whose:ident, $field:ident, $parse:ident) => {
        Setting {
            name: $name,
            value: "N",
            help: $help,
            takes: Takes::One,
            absent: "",
            values: |s| vec![s.registrar.$whose.$field.to_string()],
            apply: |s, v, _| $parse(v).map(|n| s.registrar.$whose.$field = n),
        }
    };
}

macro_rules! core_duration {
    ($name:literal, $help:literal, $field:ident) => {
        duration_of!($name, $help, core, $field)
    };
}

macro_rules! core_count {
    ($name:literal, $help:literal, $field:ident, $parse:ident) => {
        count_of!($name, $help, core, $field, $parse)
    };
}

macro_rules! core_switch {
    ($name:literal, $help:literal, $field:ident) => {
        Setting {
            name: $name,
            value: "on|off",
            help: $help,
            takes: Takes::One,
            absent: "",
            values: |s| vec![on_or_off(s.registrar.core.$field)],
            apply: |s, v, _| switch(v).map(|on| s.registrar.core.$field = on),
        }
    };
}
