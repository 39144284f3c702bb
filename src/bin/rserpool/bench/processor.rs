//! How much processor time another process has used.

use crate::failure::Failure;
use std::time::Duration;

/// Fields of /proc/PID/stat behind the name, before the one with the time in user mode.
const FIELDS_BEFORE_TIMES: usize = 11;

/// A process.
pub struct Processor {
    path: String,
    ticks_per_second: u64,
}

impl Processor {
    /// The process with this number.
    pub fn new(pid: u32) -> Result<Processor, Failure> {
        // Linux tells user space a hundredth of a second whatever the kernel's own clock is.
        let processor = Processor { path: format!("/proc/{pid}/stat"), ticks_per_second: 100 };
        processor.time()?;
        Ok(processor)
    }

    /// Time in user and kernel mode of all its threads.
    pub fn time(&self) -> Result<Duration, Failure> {
        let failed = |why: String| Failure::Failed(format!("cannot read {}: {why}", self.path));
        let stat = std::fs::read_to_string(&self.path).map_err(|error| failed(error.to_string()))?;
        let behind_name = stat.rsplit(')').next().unwrap_or("");
        let mut times = behind_name.split_whitespace().skip(FIELDS_BEFORE_TIMES).map(str::parse::<u64>);
        match (times.next(), times.next()) {
            (Some(Ok(user)), Some(Ok(kernel))) => {
                Ok(Duration::from_secs_f64((user + kernel) as f64 / self.ticks_per_second as f64))
            }
            _ => Err(failed("no processor times".to_owned())),
        }
    }
}
