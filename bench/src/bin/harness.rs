//! Runs the contestants and shows what that takes: `./bench/run`.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wellspring_bench::Failure;
use wellspring_bench::counting_allocator::Counting;
use wellspring_bench::ending::Ending;
use wellspring_bench::growth;
use wellspring_bench::harness::contestants::{Contestant, in_folders};
use wellspring_bench::harness::course::Course;
use wellspring_bench::harness::options::{Options, USAGE};
use wellspring_bench::harness::services::Services;
use wellspring_bench::harness::start::HELLO;
use wellspring_bench::harness::streams::Stream;
use wellspring_bench::harness::{http, inside, start};
use wellspring_bench::report::results::{BARE, OURS, Skipped};
use wellspring_bench::report::{document, goals, table};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<(), Failure> {
    if std::env::args().any(|argument| matches!(&*argument, "-h" | "--help" | "help")) {
        println!("{USAGE}");
        return Ok(());
    }
    let options = Options::parse(std::env::args().skip(1))?;
    // So that contestants, topics and brokers go with it.
    Ending::listen()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let folder = root.join(if options.document { "bench/results" } else { "target/bench" });
    let (contestants, skipped) = contestants(&root, &options)?;
    let mut done = Vec::new();
    let mut services = Services::of(&root);
    for &work in &options.works {
        let mut course = Course::new(work, &contestants, &skipped, &options.cases, folder.clone())?;
        match work {
            "kafka" | "rabbitmq" => {
                let stream = Stream { work, address: services.address(work)? };
                stream.run(&mut course, &options)?;
            }
            "http" => http::run(&mut course, &options)?,
            "start" => start::run(&mut course, &options)?,
            "growth" => growth::run(&mut course, |broker| services.address(broker))?,
            _ => inside::run(&mut course, &options)?,
        }
        let results = course.finish()?;
        println!("## {work}\n\n{}{}", table::work(&results), table::circumstances(&results));
        done.push(results);
    }
    if options.document {
        // Goals are about all that is kept, also from before.
        done = document::write(&folder, &root.join("docs/performance.md"))?;
    }
    println!("{}", goals::table(&done));
    Ok(())
}

/// Everybody who takes part, built, and those who cannot.
fn contestants(root: &Path, options: &Options) -> Result<(Vec<Arc<Contestant>>, Vec<Skipped>), Failure> {
    let (mut ready, mut skipped) = (Vec::new(), Vec::new());
    for (id, title) in [(BARE, "by hand (bare)"), (OURS, "Wellspring"), (HELLO, "Wellspring, smallest")] {
        let versions = locked_versions(root, id)?;
        ready.push(Contestant::of_this_crate(id, title, program(id)?, versions));
    }
    // The smallest is ours too.
    ready.retain(|one| options.includes(if one.id == HELLO { OURS } else { &one.id }));
    for contestant in in_folders(&root.join("bench/contestants"))? {
        if options.includes(&contestant.id) {
            match contestant.build()? {
                Ok(built) => ready.push(built),
                Err(one) => skipped.push(one),
            }
        }
    }
    Ok((ready.into_iter().map(Arc::new).collect(), skipped))
}

/// The versions of the libraries that a contestant of this crate is made of.
fn locked_versions(root: &Path, contestant: &str) -> Result<Vec<String>, Failure> {
    let lock: toml::Table = toml::from_str(&std::fs::read_to_string(root.join("Cargo.lock"))?)?;
    let packages =
        lock.get("package").and_then(toml::Value::as_array).ok_or("`Cargo.lock` lists no packages")?;
    let wanted: &[&str] = match contestant {
        BARE => &["axum", "lapin", "rdkafka", "rdkafka-sys", "tokio"],
        _ => &["wellspring"],
    };
    let text = |package: &toml::Value, key| {
        package.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    let all = packages.iter().map(|package| (text(package, "name"), text(package, "version")));
    let named = all.filter(|(name, _)| wanted.contains(&&**name));
    Ok(named.map(|(name, version)| format!("{name} {version}")).collect())
}

/// A program that lies beside this one.
fn program(name: &str) -> Result<PathBuf, Failure> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        return Err(format!("`{name}` is not built, expected `./bench/run` to build it").into());
    }
    Ok(path)
}
