//! A contestant's process: started in a group of its own, watched, ended.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::proc;
use crate::{Failure, ending};

/// How long a process has to end by itself.
const GRACE: Duration = Duration::from_secs(30);

/// A running program with all it has started. It is killed when nobody waits for it any more.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: Pid,
    log: PathBuf,
}

impl Process {
    /// Starts a program in a folder; what it prints is kept until it has ended.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<K, V>(program: &Path, folder: &Path, environment: &[(K, V)]) -> Result<Self, Failure>
    where
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        let log = std::env::temp_dir().join(format!("wellspring-bench-{}.log", std::process::id()));
        let output = File::create(&log)?;
        let child = Command::new(program)
            .current_dir(folder)
            .envs(environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .map_err(|error| format!("`{}` cannot be started: {error}", program.display()))?;
        let group = Pid::from_raw(i32::try_from(child.id())?);
        Ok(Self { child, group, log })
    }

    /// Processor time so far, of the whole group.
    ///
    /// # Errors
    /// When it is gone.
    pub fn processor_time(&self) -> Result<Duration, Failure> {
        proc::processor_time(self.group)
    }

    /// A kind of memory of the whole group, in bytes.
    ///
    /// # Errors
    /// When it is gone.
    pub fn memory(&self, kind: &str) -> Result<u64, Failure> {
        proc::memory(self.group, kind)
    }

    /// Fails with what it has printed last, if it has ended, and when the harness itself is to end.
    ///
    /// # Errors
    /// When it has.
    pub fn check(&mut self) -> Result<(), Failure> {
        ending::check()?;
        match self.child.try_wait()? {
            Some(status) => Err(self.ended(status)),
            None => Ok(()),
        }
    }

    /// Asks it to end and waits for that. One that takes too long is killed, as its user would do; what it had not finished
    /// comes again.
    ///
    /// # Errors
    /// When it had ended before, or says that it failed.
    pub fn stop(mut self) -> Result<(), Failure> {
        self.check()?;
        killpg(self.group, Signal::SIGTERM)?;
        let asked = Instant::now();
        while asked.elapsed() < GRACE {
            if let Some(status) = self.child.try_wait()? {
                // A server by hand ends by the signal, a virtual machine with the code that stands for it.
                let fine = status.success() || status.code().is_none() || status.code() == Some(143);
                return if fine { Ok(()) } else { Err(self.ended(status)) };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn ended(&self, status: ExitStatus) -> Failure {
        let printed = std::fs::read(&self.log).unwrap_or_default();
        let printed = String::from_utf8_lossy(&printed);
        let lines: Vec<_> = printed.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines[lines.len().saturating_sub(5)..].join("\n    ");
        format!("it ended with {status}:\n    {last}").into()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = killpg(self.group, Signal::SIGKILL);
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.log);
    }
}

/// A port of this machine that is free now.
///
/// # Errors
/// When there is none.
pub fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Waits until a server answers a request; how long that took.
///
/// # Errors
/// When it ends, or takes longer than `patience`.
pub fn first_answer(
    process: &mut Process,
    address: SocketAddr,
    request: &[u8],
    patience: Duration,
) -> Result<Duration, Failure> {
    let begun = Instant::now();
    let answers = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request)?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(answer.ends_with(b" 200"))
    };
    while begun.elapsed() < patience {
        if answers().unwrap_or(false) {
            return Ok(begun.elapsed());
        }
        process.check()?;
        // Asking without rest would take a processor from what is starting.
        std::thread::sleep(Duration::from_micros(200));
    }
    Err(format!("it does not answer at {address}").into())
}
