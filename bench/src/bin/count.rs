//! Does one piece of work so many times and nothing else, for callgrind to look at: `count by-hand 1000`.

use wellspring_bench::Failure;
use wellspring_bench::counted::Work;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let work = arguments.next().ok_or("expected `by-hand` or a number of stages")?;
    let times = arguments.next().ok_or("expected a number of repetitions")?.parse()?;
    Work::named(&work)?.repeat(times)
}
