//! What the operating system knows of the server: its time and its memory.
//!
//! Promises: the process counts with all that it has started (nginx's workers, a cluster's).
//! Does not: see kernel threads, or the kernel's memory for sockets.

use std::{fs, io::ErrorKind, ops::Sub, path::Path};

/// Linux tells times in hundredths of a second, whatever its own clock does (`USER_HZ`).
const TICK_US: f64 = 10_000.0;

/// A process with its descendants.
#[derive(Debug, Clone, Copy)]
pub struct Process(u32);

/// CPU time in microseconds.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub struct Cpu {
    pub user: f64,
    pub system: f64,
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { user: self.user - earlier.user, system: self.system - earlier.system }
    }
}

impl Cpu {
    pub fn total(self) -> f64 {
        self.user + self.system
    }

    /// What one of so many took; `None` where there was none.
    pub fn each(self, count: u64) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let divisor = count as f64;
        (count > 0).then(|| Self { user: self.user / divisor, system: self.system / divisor })
    }
}

struct Stat {
    pid: u32,
    parent: u32,
    cpu: Cpu,
}

impl Process {
    /// The process with this number, which has to be there and to be readable.
    pub fn open(pid: u32) -> Result<Self, String> {
        let this = Self(pid);
        this.pss()?;
        Ok(this)
    }

    /// The one that runs this.
    pub fn own() -> Self {
        Self(std::process::id())
    }

    /// What it has used since its start; `None` once it has ended.
    pub fn cpu(self) -> Option<Cpu> {
        let add = |sum: Cpu, more: Cpu| Cpu {
            user: sum.user + more.user,
            system: sum.system + more.system,
        };
        self.family().into_iter().map(|stat| stat.cpu).reduce(add)
    }

    /// Its proportional set size in bytes: shared pages count by their share.
    pub fn pss(self) -> Result<u64, String> {
        let family = self.family();
        if family.is_empty() {
            return Err(format!("there is no process {}", self.0));
        }
        family.iter().map(|stat| pss(stat.pid)).sum()
    }

    fn family(self) -> Vec<Stat> {
        let folders = fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut others: Vec<Stat> = folders.filter_map(|folder| stat(&folder.path())).collect();
        let own = others.iter().position(|stat| stat.pid == self.0);
        let mut family: Vec<Stat> = own.map(|own| others.swap_remove(own)).into_iter().collect();
        let mut looked_at = 0;
        while let Some(parent) = family.get(looked_at).map(|stat| stat.pid) {
            family.extend(others.extract_if(.., |stat| stat.parent == parent));
            looked_at += 1;
        }
        family
    }
}

fn stat(folder: &Path) -> Option<Stat> {
    let pid = folder.file_name()?.to_str()?.parse().ok()?;
    let text = fs::read_to_string(folder.join("stat")).ok()?;
    // After the name, which may contain anything, also parentheses and spaces.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    // One that has ended and is still to be buried has no memory.
    if fields.first() == Some(&"Z") {
        return None;
    }
    let ticks = |field: usize| Some(fields.get(field)?.parse::<f64>().ok()? * TICK_US);
    let parent = fields.get(1)?.parse().ok()?;
    Some(Stat { pid, parent, cpu: Cpu { user: ticks(11)?, system: ticks(12)? } })
}

fn pss(pid: u32) -> Result<u64, String> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).map_err(|error| {
        if error.kind() == ErrorKind::PermissionDenied {
            format!("the memory of process {pid} may not be read: be its user, or root")
        } else {
            format!("process {pid}: {error}")
        }
    })?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(kibibytes.ok_or_else(|| format!("process {pid} shows no Pss"))? * 1024)
}
