//! Counts instructions with callgrind: the same on every run of the same binary, whatever else the machine does.

use std::path::Path;
use std::process::Command;

use crate::Failure;

/// Functions of the C library's allocator. What they cost depends on what was allocated before, so that the work is
/// counted without them; allocations are counted for themselves.
const ALLOCATOR: [&str; 12] = [
    "malloc",
    "free",
    "realloc",
    "calloc",
    "_int_malloc",
    "_int_free",
    "_int_realloc",
    "unlink_chunk.constprop.0",
    "malloc_consolidate",
    "alloc_perturb",
    "sysmalloc",
    "_int_free_merge_chunk",
];

/// Instructions that one repetition of the work takes, without those of the allocator. How often it is done is the last
/// argument of the program.
///
/// # Errors
/// When valgrind is not installed or the program cannot be run.
pub fn per_repetition(program: &Path, work: &[&str]) -> Result<f64, Failure> {
    slope(|times| collect(program, &repeated(work, times), &[], |function| !is_allocator(function)))
}

/// Instructions that one repetition takes within a function of the program, those of the allocator with them.
///
/// # Errors
/// When valgrind is not installed or the program cannot be run.
pub fn per_repetition_within(function: &str, program: &Path, work: &[&str]) -> Result<f64, Failure> {
    let toggle = format!("--toggle-collect={function}");
    slope(|times| collect(program, &repeated(work, times), &["--collect-atstart=no", &toggle], |_| true))
}

/// Instructions that a program takes from its start to its end, without those of the allocator.
///
/// # Errors
/// When valgrind is not installed or the program cannot be run.
pub fn total(program: &Path, arguments: &[&str]) -> Result<f64, Failure> {
    let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    collect(program, &arguments, &[], |function| !is_allocator(function))
}

fn repeated(work: &[&str], times: u64) -> Vec<String> {
    work.iter().map(|&word| word.to_owned()).chain([times.to_string()]).collect()
}

/// What one more repetition takes: what is done once does not count.
fn slope(total: impl Fn(u64) -> Result<f64, Failure>) -> Result<f64, Failure> {
    const LESS: u64 = 1_000;
    const MORE: u64 = 3_000;
    Ok((least(|| total(MORE))? - least(|| total(LESS))?) / (MORE - LESS) as f64)
}

/// The least of three runs: on a busy machine a call may seem slow, and those after it take another way or fail.
fn least(total: impl Fn() -> Result<f64, Failure>) -> Result<f64, Failure> {
    let runs = [total(), total(), total()];
    runs.into_iter()
        .reduce(|one, other| match (one, other) {
            (Ok(one), Ok(other)) => Ok(one.min(other)),
            (Ok(only), Err(_)) | (Err(_), Ok(only)) => Ok(only),
            (Err(error), Err(_)) => Err(error),
        })
        .unwrap_or(Ok(0.0))
}

fn collect(
    program: &Path,
    arguments: &[String],
    options: &[&str],
    counts: impl Fn(&str) -> bool,
) -> Result<f64, Failure> {
    let name = format!("wellspring-{}-{}.callgrind", std::process::id(), arguments.join("-"));
    let profile = std::env::temp_dir().join(name);
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .args(options)
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("`valgrind` cannot be run ({error}), expected it to be installed"))?;
    if !valgrind.status.success() {
        return Err(format!("valgrind failed: {}", String::from_utf8_lossy(&valgrind.stderr)).into());
    }
    let listed =
        Command::new("callgrind_annotate").args(["--threshold=100", "--auto=no"]).arg(&profile).output()?;
    std::fs::remove_file(&profile)?;
    let listed = String::from_utf8_lossy(&listed.stdout);
    let lines = listed.lines().filter_map(line);
    Ok(lines.filter(|(function, _)| counts(function)).map(|(_, count)| count).sum())
}

fn is_allocator(function: &str) -> bool {
    ALLOCATOR.contains(&function) || function.contains("__rust_alloc")
}

/// `1,234 ( 5.6%)  file:function [object]`: the function and its count.
fn line(text: &str) -> Option<(&str, f64)> {
    let (count, rest) = text.trim_start().split_once(" (")?;
    let (_, place) = rest.split_once("%)")?;
    let function = place.trim().split_once(':')?.1;
    let function = function.split(" [").next().unwrap_or(function);
    (function != "TOTALS").then_some((function, count.replace(',', "").parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_functions_and_knows_those_of_the_allocator() {
        let free = "1,027,925 ( 6.89%)  ./malloc/./malloc/malloc.c:_int_free [/usr/lib/libc.so.6]";
        assert_eq!(line(free), Some(("_int_free", 1_027_925.0)));
        let reply = "  269,008 ( 1.80%)  ???:<R as reply::IntoReply<AsValue>>::reply [/x]";
        assert_eq!(line(reply), Some(("<R as reply::IntoReply<AsValue>>::reply", 269_008.0)));
        assert_eq!(line("14,916,208 (100.0%)  PROGRAM TOTALS"), None);
        assert!(is_allocator("_int_free") && !is_allocator("free_all"));
    }
}
