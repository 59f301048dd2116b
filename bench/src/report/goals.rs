//! The goals, and whether they are reached.

use std::fmt::Write as _;

use super::results::{BARE, Figure, OURS, Results, Who};
use super::statistics::Spread;
use crate::growth;
use crate::harness::{http, inside, start};

/// One goal: what is looked at, and between which bounds it is to be.
#[derive(Debug, Clone, Copy)]
struct Goal {
    what: &'static str,
    work: &'static str,
    case: &'static str,
    measure: Measure,
    bound: Bound,
}

/// How a figure is made from readings.
#[derive(Debug, Clone, Copy)]
enum Measure {
    /// The figure of a contestant itself, divided by something for people.
    Own(Who<'static>, Figure, f64),
    /// Ours as a multiple of another's in the same round.
    Times(Figure, Who<'static>, Who<'static>),
    /// The median of ours less that of another's, multiplied for people.
    Less(Figure, Who<'static>, f64),
    /// A figure of ours less the same figure of another case.
    LessCase(Figure, &'static str),
    /// A figure of ours as a multiple of the same figure of another case.
    TimesCase(Figure, &'static str),
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};
use Measure::{Less, LessCase, Own, Times, TimesCase};

/// The case of both brokers in which goals are measured.
const KAFKA: &str = "150 B, 4 partitions, many keys";
const RABBITMQ: &str = "150 B";
const SENDER: &str = "sender from code";
/// By how much a cost may grow and still be called the same.
const SAME: Bound = AtMost(1.1);

const fn plain(contestant: &'static str) -> Who<'static> {
    Who { contestant, tuned: false }
}

const fn tuned(contestant: &'static str) -> Who<'static> {
    Who { contestant, tuned: true }
}

const fn goal(
    what: &'static str,
    work: &'static str,
    case: &'static str,
    measure: Measure,
    bound: Bound,
) -> Goal {
    Goal { what, work, case, measure, bound }
}

const HELLO: Who<'static> = plain(start::HELLO);

const GOALS: &[Goal] = &[
    goal(
        "HTTP requests per second, × bare axum",
        "http",
        http::LOAD,
        Times(Figure::PerSecond, plain(OURS), plain(BARE)),
        AtLeast(0.97),
    ),
    goal(
        "HTTP requests per second, × Spring tuned",
        "http",
        http::LOAD,
        Times(Figure::PerSecond, plain(OURS), tuned("spring")),
        AtLeast(10.0),
    ),
    goal(
        "added to a request by hand, p50, µs",
        "http",
        http::PACED,
        Less(Figure::P50, plain(BARE), 1e3),
        AtMost(30.0),
    ),
    goal(
        "added to a request by hand, p99, µs",
        "http",
        http::PACED,
        Less(Figure::P99, plain(BARE), 1e3),
        AtMost(200.0),
    ),
    goal(
        "Kafka CPU per message, × bare",
        "kafka",
        KAFKA,
        Times(Figure::Cpu, plain(OURS), plain(BARE)),
        AtMost(1.05),
    ),
    goal(
        "Kafka CPU per message, × bare, both tuned",
        "kafka",
        KAFKA,
        Times(Figure::Cpu, tuned(OURS), tuned(BARE)),
        AtMost(1.05),
    ),
    goal(
        "Kafka CPU per message, × RustStream, both tuned",
        "kafka",
        KAFKA,
        Times(Figure::Cpu, tuned(OURS), tuned("ruststream")),
        AtMost(0.4),
    ),
    goal(
        "Kafka CPU per message, × Spring, both tuned",
        "kafka",
        KAFKA,
        Times(Figure::Cpu, tuned(OURS), tuned("spring")),
        AtMost(0.05),
    ),
    goal(
        "RabbitMQ CPU per message, × bare",
        "rabbitmq",
        RABBITMQ,
        Times(Figure::Cpu, plain(OURS), plain(BARE)),
        AtMost(1.03),
    ),
    goal(
        "RabbitMQ CPU per message, × Spring tuned",
        "rabbitmq",
        RABBITMQ,
        Times(Figure::Cpu, plain(OURS), tuned("spring")),
        AtMost(0.15),
    ),
    goal(
        "Kafka sender from code, messages per second, × bare",
        "kafka",
        SENDER,
        Times(Figure::PerSecond, plain(OURS), plain(BARE)),
        AtLeast(0.9),
    ),
    goal(
        "RabbitMQ sender from code, messages per second, × bare",
        "rabbitmq",
        SENDER,
        Times(Figure::PerSecond, plain(OURS), plain(BARE)),
        AtLeast(0.9),
    ),
    goal(
        "memory binder, bytes, M messages per second on one core",
        "memory",
        inside::BYTES,
        Own(plain(OURS), Figure::PerSecond, 1e6),
        AtLeast(2.0),
    ),
    goal(
        "memory binder, the story's JSON, M messages per second on one core",
        "memory",
        inside::STORY,
        Own(plain(OURS), Figure::PerSecond, 1e6),
        AtLeast(1.0),
    ),
    goal(
        "one call over by hand, instructions",
        "memory",
        inside::ONE,
        LessCase(Figure::Instructions, inside::BY_HAND),
        AtMost(400.0),
    ),
    goal(
        "one call over by hand, allocations",
        "memory",
        inside::ONE,
        LessCase(Figure::Allocations, inside::BY_HAND),
        AtMost(1.0),
    ),
    goal(
        "one more sync stage, instructions",
        "memory",
        inside::TWO,
        LessCase(Figure::Instructions, inside::ONE),
        AtMost(300.0),
    ),
    goal(
        "one more sync stage, allocations",
        "memory",
        inside::TWO,
        LessCase(Figure::Allocations, inside::ONE),
        AtMost(0.0),
    ),
    goal(
        "RustStream's own message, instructions, × RustStream",
        "memory",
        inside::CONSUMED,
        Times(Figure::Instructions, plain(OURS), plain("ruststream")),
        AtMost(1.0),
    ),
    goal(
        "start to first answer, ms (http + memory)",
        "start",
        start::CASE,
        Own(HELLO, Figure::Start, 1.0),
        AtMost(10.0),
    ),
    goal(
        "idle memory, MB (http + memory)",
        "start",
        start::CASE,
        Own(HELLO, Figure::Idle, 1.0),
        AtMost(12.0),
    ),
    goal(
        "stripped binary, MB (http + memory)",
        "start",
        start::CASE,
        Own(HELLO, Figure::Size, 1.0),
        AtMost(12.0),
    ),
    goal(
        "start of a function, from 500 to 1,000 × up to 500",
        "growth",
        growth::FUNCTIONS[1],
        TimesCase(Figure::Instructions, growth::FUNCTIONS[0]),
        SAME,
    ),
    goal(
        "start of a binding, from 250 to 500 × up to 250",
        "growth",
        growth::BINDINGS[1],
        TimesCase(Figure::Instructions, growth::BINDINGS[0]),
        SAME,
    ),
    goal(
        "memory of an idle binding, KB",
        "growth",
        growth::IDLE,
        Own(plain(OURS), Figure::Each, 1.0),
        AtMost(30.0),
    ),
    goal(
        "a function by its name, among 10,000 × among 10",
        "growth",
        growth::LOOK_UPS[0][1],
        TimesCase(Figure::Instructions, growth::LOOK_UPS[0][0]),
        SAME,
    ),
    goal(
        "a composition known already, among 10,000 × among 10",
        "growth",
        growth::LOOK_UPS[1][1],
        TimesCase(Figure::Instructions, growth::LOOK_UPS[1][0]),
        SAME,
    ),
    goal(
        "a composition put together, among 10,000 × among 10",
        "growth",
        growth::LOOK_UPS[2][1],
        TimesCase(Figure::Instructions, growth::LOOK_UPS[2][0]),
        SAME,
    ),
    goal(
        "a whole request, among 10,000 × among 10",
        "growth",
        growth::LOOK_UPS[3][1],
        TimesCase(Figure::Instructions, growth::LOOK_UPS[3][0]),
        SAME,
    ),
    goal(
        "a name that no function has, among 10,000 × among 1,000",
        "growth",
        growth::LOOK_UPS[4][1],
        TimesCase(Figure::Instructions, growth::LOOK_UPS[4][0]),
        SAME,
    ),
    goal(
        "a message, 10,000 in flight × 10",
        "growth",
        growth::IN_FLIGHT[2],
        TimesCase(Figure::Instructions, growth::IN_FLIGHT[1]),
        SAME,
    ),
];

impl Goal {
    fn measured(&self, results: &Results) -> Option<Spread> {
        let spread = |who, figure| results.spread(self.case, who, figure);
        let alone = |figure| Spread { least: figure, median: figure, most: figure };
        match self.measure {
            Own(who, figure, unit) => {
                let Spread { least, median, most } = spread(who, figure)?;
                Some(Spread { least: least / unit, median: median / unit, most: most / unit })
            }
            Times(figure, ours, other) => results.ratio(self.case, ours, other, figure),
            Less(figure, other, unit) => {
                Some(alone((spread(plain(OURS), figure)?.median - spread(other, figure)?.median) * unit))
            }
            LessCase(figure, case) => {
                let other = results.spread(case, plain(OURS), figure)?;
                Some(alone(spread(plain(OURS), figure)?.median - other.median))
            }
            TimesCase(figure, case) => {
                let other = results.spread(case, plain(OURS), figure)?;
                Some(alone(spread(plain(OURS), figure)?.median / other.median))
            }
        }
    }
}

impl Bound {
    fn holds(self, median: f64) -> bool {
        match self {
            AtLeast(bound) => median >= bound,
            AtMost(bound) => median <= bound,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AtLeast(bound) => write!(f, "≥ {bound}"),
            AtMost(bound) => write!(f, "≤ {bound}"),
        }
    }
}

/// The goals as Markdown, with what the results say of each; those of work that was not done are named too.
#[must_use]
pub fn table(all: &[Results]) -> String {
    let mut text = "| what | figure (min / median / max) | goal | reached |\n|---|---|---|---|\n".to_owned();
    for goal in GOALS {
        let mut runs = all.iter().filter(|run| run.work == goal.work);
        let (figure, reached) = match runs.find_map(|run| goal.measured(run)) {
            Some(spread) if goal.bound.holds(spread.median) => (spread.to_string(), "yes"),
            Some(spread) => (spread.to_string(), "**no**"),
            None => (String::new(), "not measured"),
        };
        let _ = writeln!(text, "| {} | {figure} | {} | {reached} |", goal.what, goal.bound);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::results;
    use super::*;

    fn row(all: &[Results], what: &str) -> String {
        let found = table(all).lines().find(|line| line.contains(what)).map(str::to_owned);
        found.unwrap_or_else(|| panic!("no goal is about {what}"))
    }

    #[test]
    fn says_whether_the_median_of_the_ratios_keeps_the_bound() {
        let mut all = results(&[("bare", false, &[2.0, 2.0, 2.0]), ("wellspring", false, &[1.9, 2.08, 3.0])]);
        for reading in &mut all.readings {
            reading.case = KAFKA.to_owned();
        }
        let what = "Kafka CPU per message, × bare |";
        assert!(row(&[all.clone()], what).ends_with("| 0.95 / 1.04 / 1.50 | ≤ 1.05 | yes |"));
        for reading in all.readings.iter_mut().filter(|reading| reading.contestant == OURS) {
            reading.value += 0.1;
        }
        assert!(row(&[all], what).ends_with("| ≤ 1.05 | **no** |"));
    }

    #[test]
    fn the_cases_of_the_brokers_are_those_that_are_measured() {
        use crate::harness::case::Case;
        assert_eq!((Case::BASE.to_string().as_str(), Case::BASE.size().as_str()), (KAFKA, RABBITMQ));
    }

    #[test]
    fn goals_of_work_that_was_not_done_are_named() {
        assert!(row(&[], "× Spring, both tuned").ends_with("| ≤ 0.05 | not measured |"));
    }
}
