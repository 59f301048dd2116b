//! The command line that every application has: `wellspring::main()`.
//!
//! | command | does |
//! |---|---|
//! | `run` (default) | starts everything and drains on SIGINT or SIGTERM |
//! | `check` | prints the binding table; needs no broker |
//! | `functions` | lists the functions |
//! | `invoke` | calls one definition once |
//! | `config` | prints the reference configuration, or where a value comes from |
//! | `dlq` | looks after dead letters |
//! | `completion` | prints a shell's completion script |
//!
//! Settings may stand anywhere: `--http.port=0`, `--profile message`, `--config other.yaml`.

mod args;
mod check;
mod dlq;
mod functions;
mod invoke;
mod output;
mod run;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use crate::config::{Config, Problems, Sources, split_arguments};
use crate::runtime::{Runtime, RuntimeBuilder};

use args::{Args, Command};
use output::{explain, print, print_error};

/// Something is wrong with the configuration, or the application could not start or answer.
const FAILED: u8 = 1;
/// The application stopped, but abandoned something that was in flight.
const ABANDONED: u8 = 3;
/// A broker cannot be reached, and `fail-fast` says not to wait for it.
const UNREACHABLE: u8 = 4;
/// A second signal ended the application at once.
const INTERRUPTED: u8 = 130;

/// Runs the command that the process's arguments name.
pub(crate) fn main(builder: RuntimeBuilder) -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_else(|| "wellspring".into());
    let arguments: Vec<_> = arguments.collect();
    let (settings, rest) = split_arguments(arguments.iter().cloned());
    let mut parser = parser(&program, builder.version.clone());
    let command = match parse(&mut parser, std::iter::once(program).chain(rest)) {
        Ok(command) => command,
        Err(error) => {
            let error = separated_value(&arguments)
                .filter(|_| error.kind() == ErrorKind::InvalidSubcommand)
                .map_or(error, |sentence| parser.error(ErrorKind::InvalidSubcommand, sentence));
            // Help and version are "errors" that go to standard output and end well.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let sources = Sources::from_environment().args(settings);
    match command {
        Command::Config { key: None } => return print(Config::reference()),
        Command::Completion { shell } => {
            let (name, mut script) = (parser.get_name().to_owned(), Vec::new());
            clap_complete::generate(shell, &mut parser, name, &mut script);
            return print(&String::from_utf8_lossy(&script));
        }
        _ => {}
    }
    let tokio = match run::tokio() {
        Ok(tokio) => tokio,
        Err(error) => return output::print_chain(&error),
    };
    // Application state is made in here, and a pool of connections wants a runtime around it.
    let entered = tokio.enter();
    let built = builder.sources(sources).build();
    drop(entered);
    let code = match built {
        Ok(runtime) => execute(command, runtime, &tokio),
        Err(problems) => report(&problems),
    };
    // A function that never returns must not keep the process alive.
    tokio.shutdown_timeout(Duration::from_millis(100));
    code
}

fn execute(command: Command, runtime: Runtime, tokio: &tokio::runtime::Runtime) -> ExitCode {
    match command {
        Command::Run => {
            crate::telemetry::init(&runtime.config().logging);
            tokio.block_on(run::run(runtime))
        }
        Command::Check => check::check(&runtime),
        Command::Functions { json } => functions::list(&runtime, json),
        Command::Invoke(call) => {
            crate::telemetry::init(&runtime.config().logging);
            tokio.block_on(invoke::invoke(runtime, &call))
        }
        Command::Dlq(command) => {
            crate::telemetry::init(&runtime.config().logging);
            tokio.block_on(dlq::dlq(&runtime, command))
        }
        Command::Config { key } => explain(&runtime, key.as_deref().unwrap_or_default()),
        Command::Completion { .. } => ExitCode::SUCCESS,
    }
}

/// The parser of this program: it bears the name of the file that runs.
fn parser(program: &OsStr, version: Option<String>) -> clap::Command {
    let version =
        version.unwrap_or_else(|| concat!("(wellspring ", env!("CARGO_PKG_VERSION"), ")").to_owned());
    let parser = Args::command().version(version);
    match std::path::Path::new(program).file_stem() {
        Some(name) => parser.name(name.to_string_lossy().into_owned()),
        None => parser,
    }
}

fn parse(
    parser: &mut clap::Command,
    arguments: impl Iterator<Item = OsString>,
) -> Result<Command, clap::Error> {
    let matches = parser.try_get_matches_from_mut(arguments)?;
    Ok(Args::from_arg_matches(&matches)?.command.unwrap_or(Command::Run))
}

/// Says how to write a setting whose value stands behind a space: `--http.port 0`.
fn separated_value(arguments: &[OsString]) -> Option<String> {
    arguments.windows(2).find_map(|pair| {
        let (key, value) = (pair[0].to_str()?, pair[1].to_str()?);
        let bare = key.strip_prefix("--")?.contains('.') && !key.contains('=');
        let no_command =
            !value.starts_with('-') && !Args::command().get_subcommands().any(|c| c.get_name() == value);
        (bare && no_command).then(|| format!("found `{key} {value}`, expected `{key}={value}`"))
    })
}

fn report(problems: &Problems) -> ExitCode {
    print_error(problems);
    ExitCode::from(FAILED)
}
