//! Slower cores: a sender runs in a group of processes to which the kernel gives so much of the processors and no more
//! (cgroup v1 or v2), while the relay has all of them. The group also counts the processor time of all its processes.

use anyhow::{Context, Result};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// What is left of a core. A sender gets that of as many cores as it can keep busy: smtp-source, which has one thread, of
/// one; ours of all, as on a machine whose cores are slower.
const SHARE: f64 = 0.4;
/// How often the kernel gives a share anew, in microseconds: seldom enough to be given whole, often enough that no relay
/// sees the pauses between.
const PERIOD: u64 = 20_000;
const ROOT: &str = "/sys/fs/cgroup";
/// No such process, as Linux numbers it.
const GONE: i32 = 3;

/// How fast the cores of a sender are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    Whole,
    Slow,
}

/// A group of processes. Those that are left when it is dropped go back to where all others are.
pub(crate) struct Group {
    /// One for each of the kernel's hierarchies that counts or limits.
    folders: Vec<PathBuf>,
    is_unified: bool,
}

impl Group {
    /// Makes an empty one for a sender that can keep so many cores busy.
    pub(crate) fn make(cores: Cores, busy: usize) -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("nurtured-bench-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let is_unified = Path::new(ROOT).join("cgroup.controllers").exists();
        let hierarchies: &[&str] = if is_unified { &[""] } else { &["cpu", "cpuacct"] };
        let folders = hierarchies.iter().map(|hierarchy| Path::new(ROOT).join(hierarchy).join(&name)).collect();
        let group = Self { folders, is_unified };
        if is_unified {
            fs::write(Path::new(ROOT).join("cgroup.subtree_control"), "+cpu").context("could not ask for the processor")?;
        }
        for folder in &group.folders {
            // Two hierarchies may be one, under both names.
            fs::create_dir_all(folder).with_context(|| format!("could not make {}", folder.display()))?;
        }
        if cores == Cores::Slow {
            let quota = format!("{:.0}", SHARE * f64::from(u32::try_from(busy)?) * f64::from(u32::try_from(PERIOD)?));
            let settings = if is_unified {
                vec![("cpu.max", format!("{quota} {PERIOD}"))]
            } else {
                vec![("cpu.cfs_period_us", PERIOD.to_string()), ("cpu.cfs_quota_us", quota)]
            };
            for (file, value) in settings {
                fs::write(group.folders[0].join(file), value).with_context(|| format!("could not write {file}"))?;
            }
        }
        Ok(group)
    }

    /// Takes a process in, with all its threads; what it starts later is in as well. One that has ended is no loss.
    pub(crate) fn take_in(&self, process: u32) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| send(process, folder))
    }

    /// Processor seconds of everything that was ever in it, while it was.
    pub(crate) fn processor_seconds(&self) -> Result<f64> {
        let microseconds = if self.is_unified {
            let stat = fs::read_to_string(self.folders[0].join("cpu.stat"))?;
            let usage = stat.lines().find_map(|line| line.strip_prefix("usage_usec "));
            usage.context("cpu.stat without usage_usec")?.parse::<f64>()?
        } else {
            fs::read_to_string(self.folders[1].join("cpuacct.usage"))?.trim().parse::<f64>()? / 1e3
        };
        Ok(microseconds / 1e6)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for folder in &self.folders {
            // What forks meanwhile is found at the next look; what cannot be cleared away is left to whoever runs this.
            while let Some(process) = fs::read_to_string(folder.join("cgroup.procs")).ok().and_then(|all| first(&all)) {
                if send(process, folder.parent().unwrap_or(folder)).is_err() {
                    break;
                }
            }
            let _ = fs::remove_dir(folder);
        }
    }
}

fn first(processes: &str) -> Option<u32> {
    processes.lines().next()?.parse().ok()
}

fn send(process: u32, folder: &Path) -> io::Result<()> {
    match fs::write(folder.join("cgroup.procs"), process.to_string()) {
        Err(error) if error.raw_os_error() == Some(GONE) => Ok(()),
        sent => sent,
    }
}

/// A process and its children, as a database server has them.
pub(crate) fn with_children(parent: u32) -> Result<Vec<u32>> {
    let mut found = vec![parent];
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // The fourth field, behind the name in brackets, is the parent. A process may end between the two looks.
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse().ok()) == Some(parent) {
            found.push(process);
        }
    }
    Ok(found)
}

/// Whether senders can be put in groups here; if not, that is said loudly.
pub(crate) fn are_to_be_had() -> bool {
    match Group::make(Cores::Slow, 1) {
        Ok(_) => true,
        Err(error) => {
            eprintln!("{error:#}");
            crate::missing("a group of processes with a quota (cgroup, as root)", "slower cores, and all processor time,");
            false
        }
    }
}
