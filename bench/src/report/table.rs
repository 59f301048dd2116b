//! Results as Markdown.

use std::fmt::Write as _;

use super::results::{BARE, Figure, Machine, Results, Who};

const TIMES: [Figure; 4] = [Figure::P50, Figure::P90, Figure::P99, Figure::P999];
const AT_REST: [Figure; 3] = [Figure::Start, Figure::Idle, Figure::Size];

/// Everything about a kind of work.
#[must_use]
pub fn work(results: &Results) -> String {
    let mut text = String::new();
    for case in results.cases() {
        let entries = results.entries(case);
        let has = |figure| entries.iter().any(|who| results.spread(case, *who, figure).is_some());
        let heading = case.replace('|', "\\|");
        if has(Figure::PerSecond) || has(Figure::Cpu) {
            load(&mut text, results, case, &heading);
        }
        if has(Figure::P50) {
            times(&mut text, results, case, &heading);
        }
        if has(Figure::Start) {
            at_rest(&mut text, results, case, &heading);
        }
        if has(Figure::Allocations) || has(Figure::Instructions) {
            counts(&mut text, results, case, &heading);
        }
    }
    failures(&mut text, results);
    text
}

/// Throughput and what it takes, each also as a multiple of the client by hand.
fn load(text: &mut String, results: &Results, case: &str, heading: &str) {
    table(text, heading, &["per second", "× bare", "CPU µs each", "× bare", "peak memory, MB"]);
    for who in results.entries(case) {
        let spread = |figure| cell(results.spread(case, who, figure));
        let ratio = |figure| match who.contestant {
            BARE => String::new(),
            _ => cell(results.ratio(case, who, results.bare(case, who), figure)),
        };
        let cells = [
            spread(Figure::PerSecond),
            ratio(Figure::PerSecond),
            spread(Figure::Cpu),
            ratio(Figure::Cpu),
            results
                .spread(case, who, Figure::Memory)
                .map_or_else(String::new, |spread| format!("{:.0}", spread.median)),
        ];
        row(text, &titled(results, case, who), &cells);
    }
}

/// The name of a contestant, with what else is to be known of its pass.
fn titled(results: &Results, case: &str, who: Who<'_>) -> String {
    let twice = results.spread(case, who, Figure::Twice).map_or(0.0, |spread| spread.most);
    let title = results.title(who);
    if twice > 0.0 { format!("{title} ({twice:.0} outputs twice)") } else { title }
}

fn times(text: &mut String, results: &Results, case: &str, heading: &str) {
    table(text, heading, &TIMES.map(Figure::title));
    for who in results.entries(case) {
        row(text, &results.title(who), &TIMES.map(|figure| cell(results.spread(case, who, figure))));
    }
}

fn at_rest(text: &mut String, results: &Results, case: &str, heading: &str) {
    table(text, heading, &AT_REST.map(Figure::title));
    for who in results.entries(case) {
        row(text, &results.title(who), &AT_REST.map(|figure| cell(results.spread(case, who, figure))));
    }
}

fn counts(text: &mut String, results: &Results, case: &str, heading: &str) {
    let figures = [Figure::Instructions, Figure::Allocations];
    table(text, heading, &figures.map(Figure::title));
    for who in results.entries(case) {
        let count = |figure| {
            results.spread(case, who, figure).map_or_else(String::new, |spread| format!("{spread:.0}"))
        };
        row(text, &results.title(who), &figures.map(count));
    }
}

fn failures(text: &mut String, results: &Results) {
    if results.failures.is_empty() {
        return;
    }
    text.push_str("Failed:\n\n");
    for failed in &results.failures {
        let why = failed.why.lines().next().unwrap_or_default();
        let _ =
            writeln!(text, "- {} ({}, round {}): {why}", failed.contestant, failed.case, failed.round + 1);
    }
    text.push('\n');
}

/// Who took part with which versions, who could not, and where and how it was done.
#[must_use]
pub fn circumstances(results: &Results) -> String {
    let Results { date, machine, settings, contestants, skipped, .. } = results;
    let Machine { processor, processors, memory, system, load } = machine;
    let mut text = String::new();
    let gigabytes = *memory as f64 / 1e9;
    let _ = writeln!(
        text,
        "- {date}, {processors} processors ({processor}), {gigabytes:.0} GB, {system}, load before {load}"
    );
    let settings: Vec<_> = settings.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let _ = writeln!(text, "- {}", settings.join(", "));
    for one in contestants {
        let _ = writeln!(text, "- {}: {}", one.title, one.versions.join(", "));
    }
    for one in skipped {
        let _ = writeln!(text, "- {} did not take part: {}", one.title, one.why);
    }
    text.push('\n');
    text
}

fn table(text: &mut String, heading: &str, columns: &[&str]) {
    let _ = writeln!(text, "| {heading} | {} |", columns.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(columns.len()));
}

fn row(text: &mut String, title: &str, cells: &[String]) {
    let _ = writeln!(text, "| {title} | {} |", cells.join(" | "));
}

fn cell(spread: Option<super::statistics::Spread>) -> String {
    spread.map_or_else(String::new, |spread| spread.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::results::{Failed, tests::results};
    use super::*;

    #[test]
    fn shows_figures_beside_their_ratios() {
        let mut all = results(&[("bare", false, &[2.0, 4.0]), ("wellspring", false, &[3.0, 4.0])]);
        let mut rates = all.readings.clone();
        for reading in &mut rates {
            (reading.figure, reading.value) = (Figure::PerSecond, reading.value * 1e4);
        }
        all.readings.extend(rates);
        let text = work(&all);
        assert!(text.starts_with(
            "| base | per second | × bare | CPU µs each | × bare | peak memory, MB |\n|---|---|"
        ));
        assert!(text.contains("| bare | 20,000 / 30,000 / 40,000 |  | 2.00 / 3.00 / 4.00 |  |  |"), "{text}");
        assert!(
            text.contains(
                "| 30,000 / 35,000 / 40,000 | 1.00 / 1.25 / 1.50 | 3.00 / 3.50 / 4.00 | 1.00 / 1.25 / 1.50 |"
            ),
            "{text}"
        );
    }

    #[test]
    fn names_who_failed_and_why() {
        let mut all = results(&[]);
        let why = "3 messages lost\nand more".to_owned();
        all.failures.push(Failed {
            case: "base".to_owned(),
            contestant: "Watermill".to_owned(),
            round: 0,
            why,
        });
        assert_eq!(work(&all), "Failed:\n\n- Watermill (base, round 1): 3 messages lost\n\n");
    }
}
