//! Runs the `console` blocks of a page against a program: a `$` line is a command, what follows is what it answers.
//!
//! `cargo run -p PACKAGE` starts the program as a service, on free ports and in a folder of its own; with a command
//! behind `--` it runs it to its end. `curl` asks the service. `…` in an expected line stands for anything.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::page::{blocks, read};

/// Nothing on a page takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program of one package, as Cargo built it.
pub(crate) struct Program {
    pub(crate) package: &'static str,
    pub(crate) path: &'static str,
}

/// A running service. Dropping it ends it.
struct Service {
    child: Child,
    http: u16,
    management: u16,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs every command that a page gives for one program; tells how many there were.
pub(crate) fn run(path: &str, program: &Program) -> usize {
    let page = read(path);
    let (mut service, mut count) = (None, 0);
    for block in blocks(&page, "console") {
        for (command, expected) in commands(&block.text) {
            let place = format!("{path}:{}: `{command}`", block.line);
            let words = words(&command);
            let (first, rest) = words.split_first().expect("a command");
            match (first.as_str(), rest) {
                ("cargo", [run, p, package, arguments @ ..]) if run == "run" && p == "-p" => {
                    let arguments = arguments.strip_prefix(&["--".to_owned()]).unwrap_or(arguments);
                    let is_ours = package == program.package;
                    if arguments.first().is_none_or(|argument| argument.starts_with("--")) {
                        service = is_ours.then(|| Service::start(program, arguments));
                    } else if is_ours {
                        check(&place, &expected, &to_its_end(program, arguments));
                    }
                    count += usize::from(is_ours);
                }
                ("curl", arguments) => {
                    if let Some(service) = &service {
                        ask(&place, &Request::of(arguments), service, &expected);
                        count += 1;
                    }
                }
                _ => panic!("{place}: this page may only show `cargo run -p` and `curl`"),
            }
        }
    }
    count
}

/// The commands of a block, each with the lines it is to answer.
fn commands(block: &str) -> Vec<(String, Vec<String>)> {
    let mut commands: Vec<(String, Vec<String>)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), Vec::new())),
            (None, Some((_, expected))) => expected.push(line.to_owned()),
            (None, None) => panic!("a `console` block begins with `$ `, found `{line}`"),
        }
    }
    commands
}

/// The words of a command line, with single and double quotes as a shell reads them.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

fn command(program: &Program) -> Command {
    static FOLDERS: AtomicU32 = AtomicU32::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{}-{number}", program.package, std::process::id());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder of its own");
    let mut command = Command::new(program.path);
    command.current_dir(folder).env_remove("RUST_LOG");
    command
}

/// What a command prints.
fn to_its_end(program: &Program, arguments: &[String]) -> String {
    let output = command(program).args(arguments).stdin(Stdio::null()).output().expect("the program runs");
    let printed = [output.stdout, output.stderr].concat();
    // Log lines go along with the answer of `invoke`; a page shows the answer alone.
    let printed = String::from_utf8(printed).expect("UTF-8");
    let logged = |line: &&str| line.contains(" INFO ");
    printed.lines().filter(|line| !logged(line)).fold(String::new(), |text, line| text + line + "\n")
}

impl Service {
    fn start(program: &Program, settings: &[String]) -> Self {
        let ports = ["--http.port=0", "--http.address=127.0.0.1", "--management.port=0"];
        let mut command = command(program);
        command.args(settings).args(ports).stdin(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let (sender, lines) = mpsc::channel();
        let log = BufReader::new(child.stderr.take().expect("a log"));
        // Reads to the end, so that the service never waits for a reader.
        std::thread::spawn(move || {
            log.lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)))
        });
        let mut service = Self { child, http: 0, management: 0 };
        let mut seen = String::new();
        while service.http == 0 || service.management == 0 {
            let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it did not start:\n{seen}"));
            match port(&line) {
                Some(port) if line.contains("functions answer") => service.http = port,
                Some(port) if line.contains("health") => service.management = port,
                _ => {}
            }
            let _ = writeln!(seen, "{line}");
        }
        service
    }
}

fn port(line: &str) -> Option<u16> {
    let (_, behind) = line.split_once("127.0.0.1:")?;
    behind.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A request as `curl` would send it.
struct Request {
    method: String,
    management: bool,
    path: String,
    headers: Vec<String>,
    body: String,
    shows_head: bool,
}

impl Request {
    fn of(arguments: &[String]) -> Self {
        let mut request = Self {
            method: String::new(),
            management: false,
            path: String::new(),
            headers: Vec::new(),
            body: String::new(),
            shows_head: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("a value").clone();
            match argument.as_str() {
                "-i" => request.shows_head = true,
                "-X" => request.method = value(),
                "-H" => request.headers.push(value()),
                "-d" => request.body = value(),
                "--json" => {
                    request.body = value();
                    let json = ["content-type: application/json", "accept: application/json"];
                    request.headers.extend(json.map(str::to_owned));
                }
                address => {
                    let (host, path) = address.split_once('/').unwrap_or((address, ""));
                    request.management = match host {
                        "localhost:8080" => false,
                        "localhost:8081" => true,
                        other => panic!("`{other}` is neither `localhost:8080` nor `localhost:8081`"),
                    };
                    request.path = format!("/{path}");
                }
            }
        }
        let natural = if request.body.is_empty() { "GET" } else { "POST" };
        if request.method.is_empty() {
            natural.clone_into(&mut request.method);
        }
        let says_type =
            request.headers.iter().any(|header| header.to_lowercase().starts_with("content-type:"));
        if !request.body.is_empty() && !says_type {
            request.headers.push("content-type: application/x-www-form-urlencoded".to_owned());
        }
        request
    }

    /// What `curl` prints.
    fn send(&self, service: &Service) -> String {
        let port = if self.management { service.management } else { service.http };
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
        let Self { method, path, body, .. } = self;
        let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
        for header in &self.headers {
            let _ = write!(text, "{header}\r\n");
        }
        let _ = write!(text, "content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(text.as_bytes()).expect("a request is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        if !self.shows_head {
            return body.to_owned();
        }
        let of_connection = |line: &&str| !line.starts_with("date:") && !line.starts_with("connection:");
        let head: Vec<_> = head.lines().filter(of_connection).collect();
        format!("{}\n\n{body}", head.join("\n"))
    }
}

/// Sends a request; one that changes nothing is repeated until the answer is right, as a reader would.
fn ask(place: &str, request: &Request, service: &Service, expected: &[String]) {
    let until = Instant::now() + PATIENCE;
    loop {
        let answer = request.send(service);
        if fits(expected, &answer) {
            return;
        }
        if request.method != "GET" || Instant::now() > until {
            return check(place, expected, &answer);
        }
        std::thread::yield_now();
    }
}

fn check(place: &str, expected: &[String], answer: &str) {
    assert!(fits(expected, answer), "{place} answers\n\n{answer}\n\nexpected\n\n{}\n", expected.join("\n"));
}

fn fits(expected: &[String], answer: &str) -> bool {
    let trimmed = answer.trim_end();
    let lines: Vec<_> = if trimmed.is_empty() { Vec::new() } else { trimmed.lines().collect() };
    let until = expected.iter().rposition(|line| !line.trim().is_empty()).map_or(0, |last| last + 1);
    lines.len() == until
        && expected.iter().zip(&lines).all(|(pattern, line)| line_fits(pattern.trim_end(), line.trim_end()))
}

fn line_fits(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else { return false };
    let mut last = "";
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = part;
    }
    rest.is_empty() || (pattern.contains('…') && (last.is_empty() || line.ends_with(last)))
}

#[test]
fn dots_stand_for_anything() {
    assert!(line_fits("a…c", "abbc") && line_fits("a…", "a") && line_fits("…", "x") && line_fits("a", "a"));
    assert!(!line_fits("a…c", "abb") && !line_fits("a", "ab") && !line_fits("b…", "ab"));
}

#[test]
fn a_command_line_is_split_as_a_shell_does() {
    assert_eq!(words("curl --json '{\"a\": 1}' \"x y\"z"), ["curl", "--json", "{\"a\": 1}", "x yz"]);
}
