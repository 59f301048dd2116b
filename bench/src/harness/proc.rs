//! What Linux tells of processes: their processor time, and the memory they have.

use std::fs;
use std::time::Duration;

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

use crate::Failure;

/// The process group that a line of `/proc/<pid>/stat` names. The name of the program may contain anything.
#[must_use]
pub fn group_in(stat: &str) -> Option<i32> {
    stat.rsplit_once(") ")?.1.split(' ').nth(2)?.parse().ok()
}

/// The bytes that a line of `/proc/<pid>/status` counts in kilobytes.
#[must_use]
pub fn bytes_in(status: &str, line: &str) -> Option<u64> {
    let rest = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
    let kilobytes: u64 = rest.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// The processes of a group.
fn members(group: Pid) -> Result<Vec<Pid>, Failure> {
    let mut members = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Ok(pid) = entry?.file_name().to_string_lossy().parse::<i32>() else { continue };
        // A process may end meanwhile.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if group_in(&stat) == Some(group.as_raw()) {
            members.push(Pid::from_raw(pid));
        }
    }
    Ok(members)
}

/// Processor time of the processes of a group, with that of their threads that have ended; exact to the nanosecond,
/// where the times in `/proc` are counted in hundredths of a second.
///
/// # Errors
/// When the group is gone.
pub fn processor_time(group: Pid) -> Result<Duration, Failure> {
    let mut sum = Duration::ZERO;
    for pid in members(group)? {
        sum += Duration::from(clock_getcpuclockid(pid)?.now()?);
    }
    Ok(sum)
}

/// A kind of memory of the processes of a group, in bytes: `VmRSS` is what is resident, `VmHWM` the most that was.
///
/// # Errors
/// When the group is gone.
pub fn memory(group: Pid, kind: &str) -> Result<u64, Failure> {
    let mut sum = 0;
    for pid in members(group)? {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        sum += bytes_in(&status, kind).ok_or_else(|| format!("process {pid} tells no `{kind}`"))?;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_group_behind_a_name_with_brackets_and_spaces() {
        assert_eq!(group_in("4711 (a ) (b) S 1 4700 4700 0 -1 4194560"), Some(4700));
        assert_eq!(group_in("nothing"), None);
    }

    #[test]
    fn reads_kilobytes_as_bytes_and_only_of_the_line_asked_for() {
        let status = "Name:\tbare\nVmPeak:\t  9 kB\nVmHWM:\t     84 kB\nVmRSS:\t     80 kB\n";
        assert_eq!(bytes_in(status, "VmHWM"), Some(84 * 1024));
        assert_eq!(bytes_in(status, "VmH"), None);
        assert_eq!(bytes_in(status, "VmSwap"), None);
    }

    #[test]
    fn sees_its_own_group() {
        let own = nix::unistd::getpgrp();
        let before = processor_time(own).unwrap();
        assert!((0..2_000_000_u64).fold(0, |sum, next| std::hint::black_box(sum + next)) > 0);
        assert!(processor_time(own).unwrap() > before);
        assert!(memory(own, "VmHWM").unwrap() > 1_000_000);
    }
}
