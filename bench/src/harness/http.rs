//! The work over HTTP: as much as 32 connections ask for, and one request after the other at a fixed rate.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use super::contestants::Entry;
use super::course::{Course, Figures};
use super::latency::{Schedule, Times};
use super::options::Options;
use super::process::{Process, first_answer, free_address};
use crate::Failure;
use crate::report::results::Figure;
use crate::story::PAYLOAD;

/// How many connections ask at once.
const CONNECTIONS: u32 = 32;
/// How many requests are due every second when latency is measured.
const RATE: u32 = 1_000;
/// How long a contestant may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the functions answer.
const ANSWER: &[u8] = b"1065736582";

/// The case of full load.
pub const LOAD: &str = "32 connections";
/// The case of a fixed rate.
pub const PACED: &str = "1 connection at 1000 requests per second";

/// Does all of it.
///
/// # Errors
/// When results cannot be kept; contestants that fail are named in them.
pub fn run(course: &mut Course, options: &Options) -> Result<(), Failure> {
    let seconds = if options.quick { 2 } else { 6 };
    let warm_up = if options.quick { 2 } else { 10 };
    course.setting("rounds", &options.rounds);
    course.setting("rounds of the others", &options.peers);
    course.setting("seconds to warm up", &warm_up);
    course.setting("seconds measured", &seconds);
    let entries = course.entries("http");
    let wrk = Wrk::new(warm_up)?;
    course.turns(LOAD, &entries, |entry| options.rounds_of(entry), |entry| load(&wrk, entry, seconds))?;
    course.turns(PACED, &entries, |entry| options.rounds_of(entry), |entry| paced(&wrk, entry, seconds))
}

/// A server that answers, warm.
struct Server {
    process: Process,
    address: SocketAddr,
}

impl Server {
    fn start(wrk: &Wrk, entry: &Entry) -> Result<Self, Failure> {
        let address = free_address()?;
        let mut process = entry.start("http", vec![("BENCH_ADDRESS", address.to_string())])?;
        first_answer(&mut process, address, &request(), PATIENCE)?;
        wrk.ask(address, wrk.warm_up)?;
        Ok(Self { process, address })
    }
}

fn load(wrk: &Wrk, entry: &Entry, seconds: u32) -> Result<Figures, Failure> {
    let Server { process, address } = Server::start(wrk, entry)?;
    let before = process.processor_time()?;
    let (requests, per_second) = wrk.ask(address, seconds)?;
    let used = process.processor_time()? - before;
    let memory = process.memory("VmHWM")?;
    process.stop()?;
    Ok(vec![
        (Figure::PerSecond, per_second),
        (Figure::Cpu, used.as_secs_f64() * 1e6 / requests),
        (Figure::Memory, memory as f64 / 1e6),
    ])
}

fn paced(wrk: &Wrk, entry: &Entry, seconds: u32) -> Result<Figures, Failure> {
    let Server { process, address } = Server::start(wrk, entry)?;
    let mut connection = Connection { address, stream: None };
    let request = request();
    let schedule = Schedule::from_now(RATE);
    let mut times = Times::of(schedule, u64::from(RATE))?;
    for number in 0..u64::from(RATE * (seconds + 1)) {
        schedule.wait(number);
        connection.ask(&request)?;
        times.note(number, Instant::now());
    }
    process.stop()?;
    Ok(times.percentiles().into())
}

/// A connection that is made again when the server has ended it, as some do after a hundred requests.
struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
}

impl Connection {
    /// Asks and waits for the answer, which has to be right.
    fn ask(&mut self, request: &[u8]) -> Result<(), Failure> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                stream
            }
        };
        stream.write_all(request)?;
        let answer = read_answer(&mut stream)?;
        if !(answer.starts_with(b"HTTP/1.1 200") && contains(&answer, ANSWER)) {
            return Err(format!("an unexpected answer: {}", String::from_utf8_lossy(&answer)).into());
        }
        self.stream = Some(stream).filter(|_| !contains(&answer.to_ascii_lowercase(), b"connection: close"));
        Ok(())
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

fn read_answer(stream: &mut TcpStream) -> Result<Vec<u8>, Failure> {
    let (mut answer, mut chunk) = (Vec::new(), [0; 1024]);
    while !is_whole(&answer) {
        match stream.read(&mut chunk)? {
            0 => return Err("the connection was closed".into()),
            read => answer.extend_from_slice(&chunk[..read]),
        }
    }
    Ok(answer)
}

/// Whether an answer is complete: so many bytes as it says, or the end of its chunks.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|part| part == b"\r\n\r\n") else { return false };
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    match head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        None => body.ends_with(b"0\r\n\r\n"),
    }
}

/// The request that is asked again and again.
#[must_use]
pub fn request() -> Vec<u8> {
    let head = format!(
        "POST /email,sms HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        PAYLOAD.len()
    );
    [head.as_bytes(), PAYLOAD].concat()
}

/// The load generator.
struct Wrk {
    script: PathBuf,
    /// How many seconds a server is asked before it counts.
    warm_up: u32,
}

impl Wrk {
    fn new(warm_up: u32) -> Result<Self, Failure> {
        let script = std::env::temp_dir().join(format!("wellspring-bench-{}.lua", std::process::id()));
        let body = String::from_utf8_lossy(PAYLOAD);
        std::fs::write(
            &script,
            format!(
                "wrk.method = 'POST'\nwrk.body = [[{body}]]\nwrk.headers['content-type'] = 'application/json'\n\
                 function done(summary, latency, requests)\nlocal errors = summary.errors\n\
                 io.write('RESULT ', summary.requests, ' ', summary.duration, ' ', errors.connect + errors.status + errors.read + errors.write, '\\n')\nend\n"
            ),
        )?;
        Ok(Self { script, warm_up })
    }

    /// How many requests were answered, and how many per second.
    fn ask(&self, address: SocketAddr, seconds: u32) -> Result<(f64, f64), Failure> {
        let output = Command::new("wrk")
            .args(["-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s"), "-s"])
            .arg(&self.script)
            .arg(format!("http://{address}/email,sms"))
            .output()
            .map_err(|error| format!("`wrk` cannot be run ({error}), expected it to be installed"))?;
        result_in(&String::from_utf8_lossy(&output.stdout))
    }
}

impl Drop for Wrk {
    fn drop(&mut self) {
        // It is a temporary file.
        let _ = std::fs::remove_file(&self.script);
    }
}

/// What the script prints at the end.
fn result_in(printed: &str) -> Result<(f64, f64), Failure> {
    let result =
        printed.lines().find_map(|line| line.strip_prefix("RESULT ")).ok_or("wrk printed no result")?;
    let numbers = result.split(' ').map(str::parse::<f64>).collect::<Result<Vec<_>, _>>()?;
    match numbers[..] {
        [requests, micros, 0.0] if requests > 0.0 => Ok((requests, requests / micros * 1e6)),
        _ => Err(format!("not every request was answered (requests, µs, errors: {result})").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_end_of_an_answer_by_its_length_and_by_its_last_chunk() {
        assert!(is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n42"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n42"));
        assert!(is_whole(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n42\r\n0\r\n\r\n"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n42\r\n"));
        assert!(!is_whole(b"HTTP/1.1 200 OK\r\ncontent-"));
    }

    #[test]
    fn connects_again_when_the_server_has_said_that_it_closes() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            for close in ["Connection: close\r\n", ""] {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut vec![0; request().len()]).unwrap();
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n{close}\r\n1065736582");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let mut connection = Connection { address, stream: None };
        connection.ask(&request()).unwrap();
        connection.ask(&request()).unwrap();
        assert!(connection.stream.is_some());
        server.join().unwrap();
    }

    #[test]
    fn reads_what_wrk_says_and_refuses_errors() {
        assert_eq!(result_in("Running\nRESULT 3000 1500000 0\n").unwrap(), (3000.0, 2000.0));
        assert!(result_in("RESULT 3000 1500000 2\n").is_err());
        assert!(result_in("RESULT 0 1500000 0\n").is_err());
    }
}
