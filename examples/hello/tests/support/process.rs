//! Runs a program as its users do: in a directory of its own, with nothing of this environment that would change it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Nothing in these tests takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How many lines of its log are shown when a test fails.
const LAST: usize = 40;

/// A program and the directory it runs in.
pub(crate) struct Program {
    binary: &'static str,
    directory: Arc<tempfile::TempDir>,
    variables: Vec<(&'static str, &'static str)>,
}

/// What a program said until it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Program {
    pub(crate) fn new(binary: &'static str) -> Self {
        Self { binary, directory: Arc::new(tempfile::tempdir().unwrap()), variables: Vec::new() }
    }

    pub(crate) fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The names of the files in the directory, in order.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(self.binary);
        command
            .args(args)
            .current_dir(self.directory.path())
            .env("RUST_BACKTRACE", "0")
            .env_remove("RUST_LOG");
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("WELLSPRING_") || name.starts_with("SPRING_") {
                command.env_remove(name);
            }
        }
        command.envs(self.variables.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, b"")
    }

    /// Runs the program to its end with a text on its standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A program that reads nothing may be gone before everything is written.
        let _ = stdin.write_all(input);
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        Ran {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Starts the program on free ports and waits until it answers.
    pub(crate) fn start(&self, args: &[&str]) -> Service {
        let ports = ["--http.port=0", "--http.address=127.0.0.1", "--management.port=0"];
        let mut service = Service::spawn(self, self.command(&[&ports, args].concat()));
        service.http = service.address("functions answer over HTTP");
        service.management = service.address("health and the catalogue answer over HTTP");
        service
    }
}

/// A program that runs until it is stopped.
pub(crate) struct Service {
    child: Child,
    /// Stays as long as the program runs.
    _directory: Arc<tempfile::TempDir>,
    lines: Receiver<String>,
    /// What it has logged so far.
    pub(crate) log: Vec<String>,
    pub(crate) http: SocketAddr,
    pub(crate) management: SocketAddr,
}

impl Service {
    fn spawn(program: &Program, mut command: Command) -> Self {
        let directory = Arc::clone(&program.directory);
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self { child, _directory: directory, lines, log: Vec::new(), http: nowhere, management: nowhere }
    }

    /// Waits for a line of the log that holds a text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        if let Some(line) = self.log.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.log.push(line),
                Err(why) => panic!("`{text}` was never logged ({why}): {:#?}", self.log),
            }
            if let Some(line) = self.log.last().filter(|line| line.contains(text)) {
                return line.clone();
            }
        }
    }

    fn address(&mut self, text: &str) -> SocketAddr {
        let line = self.wait_for(text);
        let from = line.find("127.0.0.1:").unwrap_or_else(|| panic!("no address: {line}"));
        let address: String =
            line[from..].chars().take_while(|c| c.is_ascii_digit() || ".:".contains(*c)).collect();
        address.parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until the program has ended; its log is complete then.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => self.log.push(line),
                Err(RecvTimeoutError::Disconnected) => return self.child.wait().unwrap(),
                Err(RecvTimeoutError::Timeout) => panic!("the program does not end: {:#?}", self.log),
            }
        }
    }

    /// Tells the program to stop and expects it to end well.
    pub(crate) fn stop(mut self) -> Vec<String> {
        self.signal("-TERM");
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{:#?}", self.log);
        std::mem::take(&mut self.log)
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        call(self.http, "GET", target, "")
    }

    pub(crate) fn post(&self, target: &str, body: &str) -> Answer {
        call(self.http, "POST", target, body)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.log.extend(self.lines.try_iter());
            let last = &self.log[self.log.len().saturating_sub(LAST)..];
            let _ = writeln!(std::io::stderr(), "it said at last: {last:#?}");
        }
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// One request with JSON on a connection of its own.
pub(crate) fn call(address: SocketAddr, method: &str, target: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    let content = format!("Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all((head + &content).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, body: body.to_owned() }
}

/// A path as an argument.
pub(crate) fn argument(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
