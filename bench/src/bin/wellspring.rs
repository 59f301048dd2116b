//! The contestant that is an application of this project; what to do, the environment says.

use std::process::ExitCode;

use wellspring_bench::Failure;
use wellspring_bench::contestant::{Task, wellspring};

fn main() -> Result<ExitCode, Failure> {
    wellspring::run(&Task::from_environment()?)
}
