//! A process from outside: how long until it answers, how much memory it keeps, how large it is.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;

/// A server of ours that is killed when it is no longer needed.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it answers.
    pub address: SocketAddr,
    /// From its start to its first answer.
    pub started_in: Duration,
}

impl Server {
    /// Starts a program and waits for its first answer to `request`. The arguments may name the port as `{port}`.
    ///
    /// # Errors
    /// When it does not answer within ten seconds.
    pub fn start(program: &Path, arguments: &[&str], request: &[u8]) -> Result<Self, Failure> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let port = address.port().to_string();
        let arguments = arguments.iter().map(|argument| argument.replace("{port}", &port));
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let begun = Instant::now();
        let mut server = Self { child: command.spawn()?, address, started_in: Duration::ZERO };
        while begun.elapsed() < Duration::from_secs(10) {
            if answers(address, request) {
                server.started_in = begun.elapsed();
                return Ok(server);
            }
            std::hint::spin_loop();
        }
        Err(format!("`{}` does not answer on {address}", program.display()).into())
    }

    /// Memory that is resident now, in bytes.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn resident(&self) -> Result<u64, Failure> {
        resident_of(&self.child.id().to_string())
    }

    /// Processor time used so far.
    ///
    /// # Errors
    /// When the process is gone.
    pub fn processor_time(&self) -> Result<Duration, Failure> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields = stat.rsplit_once(") ").ok_or("unexpected `stat`")?.1;
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        // One tick is 10 ms on every Linux that Rust supports.
        Ok(Duration::from_millis(ticks * 10))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Memory that is resident in this process now, in bytes.
///
/// # Errors
/// When the system does not tell.
pub fn resident() -> Result<u64, Failure> {
    resident_of("self")
}

/// How many threads this process has now.
///
/// # Errors
/// When the system does not tell.
pub fn threads() -> Result<u64, Failure> {
    status("self", "Threads:")
}

fn resident_of(process: &str) -> Result<u64, Failure> {
    Ok(status(process, "VmRSS:")? * 1024)
}

/// A number that the system tells of a process, without its unit.
fn status(process: &str, name: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line =
        status.lines().find_map(|line| line.strip_prefix(name)).ok_or_else(|| format!("no `{name}`"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn answers(address: SocketAddr, request: &[u8]) -> bool {
    let exchange = || -> std::io::Result<usize> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request)?;
        stream.read(&mut [0; 512])
    };
    exchange().is_ok_and(|read| read > 0)
}

/// The size of a program without symbols, in bytes.
///
/// # Errors
/// When `strip` is not installed.
pub fn stripped_size(program: &Path) -> Result<u64, Failure> {
    let stripped = std::env::temp_dir().join(format!("wellspring-{}-stripped", std::process::id()));
    let status = Command::new("strip").arg("-o").arg(&stripped).arg(program).status()?;
    let size = std::fs::metadata(&stripped).map(|file| file.len());
    if !status.success() {
        return Err("`strip` failed".into());
    }
    std::fs::remove_file(&stripped)?;
    Ok(size?)
}
