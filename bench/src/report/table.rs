//! Results as Markdown.

use std::fmt::Write as _;

use super::results::{BARE, Figure, Machine, OURS, Results, Who};

const TIMES: [Figure; 4] = [Figure::P50, Figure::P90, Figure::P99, Figure::P999];
const ALONE: [Figure; 8] = [
    Figure::PerSecond,
    Figure::Cpu,
    Figure::Memory,
    Figure::Instructions,
    Figure::Allocations,
    Figure::Start,
    Figure::Each,
    Figure::Threads,
];
const AT_REST: [Figure; 3] = [Figure::Start, Figure::Idle, Figure::Size];

/// Everything about a kind of work.
#[must_use]
pub fn work(results: &Results) -> String {
    let mut text = String::new();
    let alone = |case: &&str| matches!(results.entries(case)[..], [who] if who.contestant == OURS);
    let (alone, compared): (Vec<_>, Vec<_>) = results.cases().into_iter().partition(alone);
    for case in compared {
        let entries = results.entries(case);
        let has = |figure| entries.iter().any(|who| results.spread(case, *who, figure).is_some());
        if has(Figure::PerSecond) || has(Figure::Cpu) {
            load(&mut text, results, case);
        }
        if has(Figure::P50) {
            plain(&mut text, results, case, &TIMES);
        }
        if has(Figure::Start) {
            plain(&mut text, results, case, &AT_REST);
        }
        if has(Figure::Instructions) {
            plain(&mut text, results, case, &[Figure::Instructions]);
        }
    }
    if !alone.is_empty() {
        ours_alone(&mut text, results, &alone);
    }
    failures(&mut text, results);
    text
}

/// Throughput and what it takes, each also as a multiple of the client by hand.
fn load(text: &mut String, results: &Results, case: &str) {
    table(text, case, &["per second", "× bare", "CPU µs each", "× bare", "peak memory, MB"]);
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
    text.push('\n');
}

/// The name of a contestant, with what else is to be known of its pass.
fn titled(results: &Results, case: &str, who: Who<'_>) -> String {
    let twice = results.spread(case, who, Figure::Twice).map_or(0.0, |spread| spread.most);
    let title = results.title(who);
    if twice > 0.0 { format!("{title} ({twice:.0} outputs twice)") } else { title }
}

fn plain(text: &mut String, results: &Results, case: &str, figures: &[Figure]) {
    let titles: Vec<_> = figures.iter().map(|figure| figure.title()).collect();
    table(text, case, &titles);
    for who in results.entries(case) {
        let cells: Vec<_> = figures.iter().map(|figure| cell(results.spread(case, who, *figure))).collect();
        row(text, &results.title(who), &cells);
    }
    text.push('\n');
}

/// What nobody else does, case by case; only the figures that there are.
fn ours_alone(text: &mut String, results: &Results, cases: &[&str]) {
    let ours = Who::by_default(OURS);
    let has = |figure: &Figure| cases.iter().any(|case| results.spread(case, ours, *figure).is_some());
    let figures: Vec<_> = ALONE.into_iter().filter(has).collect();
    let titles: Vec<_> = figures.iter().map(|figure| figure.title()).collect();
    table(text, &results.title(ours), &titles);
    for case in cases {
        let cells: Vec<_> = figures.iter().map(|figure| cell(results.spread(case, ours, *figure))).collect();
        row(text, case, &cells);
    }
    text.push('\n');
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
    let _ = writeln!(text, "| {} | {} |", title.replace('|', "\\|"), cells.join(" | "));
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
