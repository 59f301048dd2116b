//! Does one piece of work so many times and nothing else, for callgrind to look at: `count by-hand 1000`.

use wellspring_bench::consumed::Waiting;
use wellspring_bench::counted::Work;
use wellspring_bench::{Failure, memory};

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let work = arguments
        .next()
        .ok_or("expected `by-hand`, a number of stages, `consumed`, or `memory/` and a definition")?;
    let times = arguments.next().ok_or("expected a number of repetitions")?.parse()?;
    match work.strip_prefix("memory/") {
        Some(definition) => memory::repeat(definition, times),
        None if work == "consumed" => {
            let waiting = Waiting::prepare(times)?;
            waiting.consume();
            waiting.stop();
            Ok(())
        }
        None => Work::named(&work)?.repeat(times),
    }
}
