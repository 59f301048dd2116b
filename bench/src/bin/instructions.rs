//! Counts instructions per message or call and holds them to `bench/instructions.toml`; `UPDATE_INSTRUCTIONS=1` writes that
//! file. `instructions PROGRAM` counts those of another program that does the same as `count consumed`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use wellspring_bench::instructions::{per_repetition, per_repetition_within};
use wellspring_bench::limits::{self, Counts, Standing};
use wellspring_bench::{Failure, consumed};

fn main() -> Result<ExitCode, Failure> {
    if let Some(program) = std::env::args().nth(1) {
        let count = per_repetition_within(consumed::COUNTED, Path::new(&program), &["consumed"])?;
        println!("{count:.0} instructions per message");
        return Ok(ExitCode::SUCCESS);
    }
    let count = std::env::current_exe()?.with_file_name("count");
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("instructions.toml");
    if std::env::var_os("UPDATE_INSTRUCTIONS").is_some() {
        std::fs::write(&file, limits::write(&measure(&count)?))?;
        println!("wrote `instructions.toml`");
        return Ok(ExitCode::SUCCESS);
    }
    let limits = limits::read(&std::fs::read_to_string(&file)?)?;
    let counts = measure(&count)?;
    let mut code = ExitCode::SUCCESS;
    for (name, &count) in &counts {
        let limit = limits.get(name).map_or_else(|| "nothing".to_owned(), i64::to_string);
        let says = match limits::standing(&limits, name, count) {
            Standing::Held => "as before",
            Standing::Improved => "BETTER: lower it with UPDATE_INSTRUCTIONS=1",
            Standing::Grown | Standing::Unknown => {
                code = ExitCode::FAILURE;
                "NOT HELD: mend it, or say in the commit why and raise it with UPDATE_INSTRUCTIONS=1"
            }
        };
        println!("{name}: {count}, expected {limit}: {says}");
    }
    Ok(code)
}

fn measure(count: &Path) -> Result<Counts, Failure> {
    let (one, two) = (per_repetition(count, &["1"])?, per_repetition(count, &["2"])?);
    let counted = [
        ("engine, one stage", one),
        ("one more stage", two - one),
        ("consumed, RustStream's message", per_repetition_within(consumed::COUNTED, count, &["consumed"])?),
    ];
    Ok(counted.into_iter().map(|(name, count)| (name.to_owned(), count.round() as i64)).collect())
}
