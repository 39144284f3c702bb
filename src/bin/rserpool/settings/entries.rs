//! Entries of the table that differ only in name, help and field.

macro_rules! core_duration {
    ($name:literal, $help:literal, $field:ident) => {
        Setting {
            name: $name,
            value: "DURATION",
            help: $help,
            takes: Takes::One,
            absent: "",
            values: |s| vec![show_duration(s.registrar.core.$field)],
            apply: |s, v, _| duration(v).map(|d| s.registrar.core.$field = d),
        }
    };
}

macro_rules! core_count {
    ($name:literal, $help:literal, $field:ident, $parse:ident) => {
        Setting {
            name: $name,
            value: "N",
            help: $help,
            takes: Takes::One,
            absent: "",
            values: |s| vec![s.registrar.core.$field.to_string()],
            apply: |s, v, _| $parse(v).map(|n| s.registrar.core.$field = n),
        }
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

/// Timers and thresholds of the SCTP associations with somebody.
macro_rules! sctp_duration {
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

macro_rules! sctp_count {
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
