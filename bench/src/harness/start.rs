//! From nothing to the first answer, and what is there when nothing is asked.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::contestants::Entry;
use super::course::{Course, Figures};
use super::http::request;
use super::options::Options;
use super::process::{first_answer, free_address};
use crate::Failure;
use crate::report::results::Figure;

/// How long a contestant may take to start.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing is asked before its memory is looked at.
const REST: Duration = Duration::from_millis(500);

/// What the example is asked.
const GREETING: &[u8] =
    b"POST /hello HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nbob";

/// The only case.
pub const CASE: &str = "functions over HTTP";

/// The smallest application: the functions of an example over HTTP, the memory binder, no broker's client.
pub const HELLO: &str = "hello";

/// Does all of it.
///
/// # Errors
/// When results cannot be kept; contestants that fail are named in them.
pub fn run(course: &mut Course, options: &Options) -> Result<(), Failure> {
    // Starting is quick, and one start differs from another.
    let rounds =
        |entry: &Entry| if entry.contestant.is_of_this_crate() { 4 * options.rounds } else { options.peers };
    course.setting("rounds", &options.rounds);
    course.setting("starts of programs of this crate", &(4 * options.rounds));
    let mut entries = course.entries("http");
    entries.extend(course.entries(HELLO));
    course.turns(CASE, &entries, rounds, started)
}

fn started(entry: &Entry) -> Result<Figures, Failure> {
    let address = free_address()?;
    let (request, environment) = if entry.contestant.id == HELLO {
        let port = ("WELLSPRING_HTTP_PORT", address.port().to_string());
        (GREETING.to_vec(), vec![port, ("WELLSPRING_MANAGEMENT_PORT", "0".to_owned())])
    } else {
        (request(), vec![("BENCH_ADDRESS", address.to_string())])
    };
    let mut process = entry.start("http", environment)?;
    let took = first_answer(&mut process, address, &request, PATIENCE)?;
    std::thread::sleep(REST);
    let idle = process.memory("VmRSS")?;
    process.stop()?;
    let mut figures = vec![(Figure::Start, took.as_secs_f64() * 1e3), (Figure::Idle, idle as f64 / 1e6)];
    if let Some(path) = entry.contestant.ships() {
        figures.push((Figure::Size, shipped(path)? as f64 / 1e6));
    }
    Ok(figures)
}

/// The size of what is shipped, in bytes: a program without its symbols, an archive, or a folder.
fn shipped(path: &Path) -> Result<u64, Failure> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path)?;
        return entries.map(|entry| shipped(&entry?.path())).sum();
    }
    let stripped = std::env::temp_dir().join(format!("wellspring-bench-{}-stripped", std::process::id()));
    let strip = Command::new("strip").arg("-o").arg(&stripped).arg(path).output()?;
    // What is no program has no symbols.
    let smaller = if strip.status.success() { stripped.as_path() } else { path };
    let size = std::fs::metadata(smaller)?.len();
    // It is not there if it was not made.
    let _ = std::fs::remove_file(&stripped);
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_no_program_as_it_is_and_folders_with_all_in_them() {
        let folder = std::env::temp_dir().join(format!("wellspring-bench-{}-shipped", std::process::id()));
        std::fs::create_dir_all(folder.join("lib")).unwrap();
        std::fs::write(folder.join("one.jar"), [0; 100]).unwrap();
        std::fs::write(folder.join("lib/two.jar"), [0; 23]).unwrap();
        let sizes = [shipped(&folder.join("one.jar")).unwrap(), shipped(&folder).unwrap()];
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(sizes, [100, 123]);
    }
}
