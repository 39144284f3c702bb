//! The table that a measurement prints.

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A line of the table.
pub fn row(what: &str, value: &str) {
    println!("  {what:<58} {value:>16}");
}
