//! The contestant written by hand; what to do, the environment says.

use wellspring_bench::Failure;
use wellspring_bench::contestant::{Task, bare};

fn main() -> Result<(), Failure> {
    bare::run(&Task::from_environment()?)
}
