//! The resources that a process uses, as Linux reports them under /proc (proc(5)).

use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// `USER_HZ`, the unit in which Linux reports processor time.
const TICKS_A_SECOND: f64 = 100.0;

/// User and system time of a process so far, in seconds.
pub(crate) fn processor_seconds(process: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // After the name in brackets, which may hold anything: state is field 3, utime 14, stime 15.
    let (_, fields) = stat.rsplit_once(')').context("/proc/PID/stat without a name")?;
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<f64>() / TICKS_A_SECOND)
}

/// The peak memory of a process, in megabytes.
pub(crate) fn most_memory(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    Ok(field(&status, "VmHWM:")? / 1024.0)
}

/// The present memory of a process, in megabytes.
pub(crate) fn memory(process: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    Ok(field(&status, "VmRSS:")? / 1024.0)
}

/// How often each thread of a process has gone to sleep voluntarily: it was woken as often, or once less.
pub(crate) fn sleeps(process: u32) -> Result<BTreeMap<String, f64>> {
    let mut sleeps = BTreeMap::new();
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let thread = thread?;
        // A thread may end between the two reads.
        let Ok(status) = std::fs::read_to_string(thread.path().join("status")) else { continue };
        sleeps.insert(thread.file_name().to_string_lossy().into_owned(), field(&status, "voluntary_ctxt_switches:")?);
    }
    Ok(sleeps)
}

/// The number after a name, without its unit.
fn field(status: &str, name: &str) -> Result<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let value = line.with_context(|| format!("/proc/PID/status without {name}"))?;
    Ok(value.trim().trim_end_matches("kB").trim().parse()?)
}
