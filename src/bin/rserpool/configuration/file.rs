//! The configuration file, whatever it turns out to be: nothing here waits for a writer, or reads without end.

use super::{Choice, Mistakes, toml};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The longest file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// What a file says.
pub fn choices(path: &Path) -> Result<Vec<Choice>, Mistakes> {
    let name = path.display().to_string();
    let bytes = read(path).map_err(|why| Mistakes::one(format!("{name}: {why}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let position = toml::position(&name.as_str().into(), &good, good.len());
        Mistakes::one(format!("{position}: this is no text in UTF-8"))
    })?;
    toml::choices(&name.as_str().into(), text)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: io::Error| format!("the configuration file cannot be read: {error}");
    // Without O_NONBLOCK, a FIFO without a writer holds the open up.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    if metadata.is_dir() {
        return Err("the configuration file is a directory".to_owned());
    }
    if !metadata.is_file() {
        return Err("the configuration file is no ordinary file".to_owned());
    }
    take(&file).map_err(cannot)?.ok_or_else(|| {
        format!("the configuration file has {} bytes, and {MAX_BYTES} are the most", metadata.len().max(MAX_BYTES + 1))
    })
}

/// What is in it; none: it is too long, whatever its length was said to be.
fn take(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= MAX_BYTES).then_some(bytes))
}
