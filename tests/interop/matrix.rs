//! The table of results.

use crate::captures;
use std::path::Path;

pub struct Table {
    rows: Vec<(String, Result<String, String>)>,
}

/// Puts together what the guest said about each cell and what its capture shows.
pub fn judge(cells: &[String], output: &str, directory: &Path) -> Table {
    let only = std::env::var("INTEROP_CELLS").unwrap_or_default();
    let rows = cells
        .iter()
        .filter(|cell| cell.contains(&only))
        .map(|cell| (cell.clone(), verdict(cell, output, directory)))
        .collect();
    Table { rows }
}

fn verdict(cell: &str, output: &str, directory: &Path) -> Result<String, String> {
    let line = format!("test {cell} ... ");
    let said = output.lines().find_map(|l| l.trim_end().strip_prefix(&line));
    match said {
        Some("ok") => {}
        Some(other) => return Err(other.to_owned()),
        None => return Err("did not come to an end".to_owned()),
    }
    let file = directory.join(cell.replace("::", "-"));
    let expectations = std::fs::read_to_string(file.with_extension("expect"))
        .map_err(|error| format!("it left no expectations: {error}"))?;
    captures::check(&file.with_extension("pcapng"), &expectations)
}

impl Table {
    pub fn passed(&self) -> bool {
        !self.rows.is_empty() && self.rows.iter().all(|(_, result)| result.is_ok())
    }

    pub fn text(&self) -> String {
        let width = self.rows.iter().map(|(cell, _)| cell.len()).max().unwrap_or(0);
        let line = |(cell, result): &(String, Result<String, String>)| match result {
            Ok(what) => format!("{cell:<width$}  ok    {what}\n"),
            Err(why) => format!("{cell:<width$}  FAIL  {why}\n"),
        };
        self.rows.iter().map(line).collect()
    }
}
