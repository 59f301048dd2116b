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
    const LESS: u64 = 1_000;
    const MORE: u64 = 3_000;
    let times = |times: u64| total(program, &[work, &[&times.to_string()]].concat());
    Ok((times(MORE)? - times(LESS)?) / (MORE - LESS) as f64)
}

/// Instructions that a program takes from its start to its end, without those of the allocator.
///
/// # Errors
/// When valgrind is not installed or the program cannot be run.
pub fn total(program: &Path, arguments: &[&str]) -> Result<f64, Failure> {
    let name = format!("wellspring-{}-{}.callgrind", std::process::id(), arguments.join("-"));
    let profile = std::env::temp_dir().join(name);
    let valgrind = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program)
        .args(arguments)
        .output()
        .map_err(|error| format!("`valgrind` cannot be run ({error}), expected it to be installed"))?;
    if !valgrind.status.success() {
        return Err(format!("valgrind failed: {}", String::from_utf8_lossy(&valgrind.stderr)).into());
    }
    let listed = Command::new("callgrind_annotate").arg("--threshold=100").arg(&profile).output()?;
    std::fs::remove_file(&profile)?;
    Ok(String::from_utf8_lossy(&listed.stdout).lines().filter_map(line).sum())
}

/// `1,234 ( 5.6%)  file:function [object]`: the count, unless the function is one of the allocator.
fn line(text: &str) -> Option<f64> {
    let (count, rest) = text.trim_start().split_once(" (")?;
    let (_, place) = rest.split_once("%)")?;
    let function = place.trim().split_once(':')?.1;
    let function = function.split(" [").next().unwrap_or(function);
    let count = count.replace(',', "").parse().ok()?;
    (!ALLOCATOR.contains(&function) && !function.contains("__rust_alloc") && function != "TOTALS")
        .then_some(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_functions_and_leaves_the_allocator_out() {
        assert_eq!(
            line("1,027,925 ( 6.89%)  ./malloc/./malloc/malloc.c:_int_free [/usr/lib/libc.so.6]"),
            None
        );
        assert_eq!(
            line("  269,008 ( 1.80%)  ???:<R as reply::IntoReply<AsValue>>::reply [/x]"),
            Some(269_008.0)
        );
        assert_eq!(line("14,916,208 (100.0%)  PROGRAM TOTALS"), None);
    }
}
