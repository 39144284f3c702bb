//! The `rserpool` program: registrar and tools, one subcommand a file.
fn main() {}
