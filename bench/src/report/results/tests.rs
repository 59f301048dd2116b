//! Figures of rounds, and what is kept of runs.

use super::*;

/// Results of `kafka` with the processor times of some contestants, round by round.
pub(crate) fn results(times: &[(&str, bool, &[f64])]) -> Results {
    let reading = |contestant: &str, tuned, round, value| Reading {
        case: "base".to_owned(),
        contestant: contestant.to_owned(),
        tuned,
        figure: Figure::Cpu,
        round,
        value,
    };
    let readings = times.iter().flat_map(|(contestant, tuned, values)| {
        values.iter().enumerate().map(move |(round, value)| reading(contestant, *tuned, round, *value))
    });
    Results {
        work: "kafka".to_owned(),
        date: "2026-01-01".to_owned(),
        machine: Machine::here(),
        settings: BTreeMap::new(),
        contestants: vec![TakingPart {
            id: OURS.to_owned(),
            title: "Wellspring".to_owned(),
            versions: Vec::new(),
        }],
        skipped: Vec::new(),
        readings: readings.collect(),
        failures: Vec::new(),
    }
}

#[test]
fn ratios_are_those_of_the_same_round_and_leave_out_rounds_that_one_has_failed() {
    let mut results = results(&[("bare", false, &[1.0, 2.0, 4.0]), ("wellspring", false, &[2.0, 2.0, 2.0])]);
    let (ours, bare) = (Who::by_default(OURS), Who::by_default(BARE));
    let ratio = |results: &Results| results.ratio("base", ours, bare, Figure::Cpu).unwrap();
    assert_eq!(ratio(&results), Spread { least: 0.5, median: 1.0, most: 2.0 });
    results.readings.retain(|reading| (&*reading.contestant, reading.round) != ("bare", 0));
    assert_eq!(ratio(&results), Spread { least: 0.5, median: 0.75, most: 1.0 });
}

#[test]
fn the_tuned_are_compared_with_the_tuned_where_there_is_one() {
    let tuned = Who { contestant: "spring", tuned: true };
    let plain = results(&[("bare", false, &[1.0]), ("spring", true, &[9.0])]);
    assert_eq!(plain.bare("base", tuned), Who::by_default(BARE));
    let both = results(&[("bare", false, &[1.0]), ("bare", true, &[1.0]), ("spring", true, &[9.0])]);
    assert_eq!(both.bare("base", tuned), Who { contestant: BARE, tuned: true });
}

#[test]
fn bare_comes_first_then_ours_then_the_others() {
    let all = results(&[
        ("spring", true, &[1.0]),
        ("wellspring", false, &[1.0]),
        ("spring", false, &[1.0]),
        ("bare", false, &[1.0]),
    ]);
    let titles: Vec<_> = all.entries("base").into_iter().map(|who| all.title(who)).collect();
    assert_eq!(titles, ["bare", "Wellspring", "spring", "spring, tuned"]);
}

#[test]
fn a_run_takes_the_place_of_what_was_kept_of_its_cases_and_of_nothing_else() {
    let folder = std::env::temp_dir().join(format!("wellspring-bench-results-{}", std::process::id()));
    let run = |case: &str, value| {
        let mut run = results(&[("bare", false, &[value])]);
        run.readings.iter_mut().for_each(|reading| case.clone_into(&mut reading.case));
        run
    };
    let kept = || Results::read(&folder, "kafka").unwrap();
    let all = || -> Vec<_> {
        let readings = kept().into_iter().flat_map(|run| run.readings);
        readings.map(|reading| (reading.case, reading.value)).collect()
    };
    assert!(kept().is_empty());
    let mut first = run("base", 1.0);
    first.readings.extend(run("other", 2.0).readings);
    first.write(Vec::new(), &folder).unwrap();
    run("third", 3.0).write(kept(), &folder).unwrap();
    run("other", 2.5).write(kept(), &folder).unwrap();
    let first = all();
    run("base", 4.0).write(kept(), &folder).unwrap();
    let found = all();
    run("other", 5.0).write(kept(), &folder).unwrap();
    let runs = kept().len();
    std::fs::remove_dir_all(&folder).unwrap();
    let named = |expected: [(&str, f64); 3]| expected.map(|(case, value)| (case.to_owned(), value));
    assert_eq!(first, named([("base", 1.0), ("other", 2.5), ("third", 3.0)]), "the first stays the first");
    assert_eq!(found, named([("base", 4.0), ("other", 2.5), ("third", 3.0)]));
    assert_eq!(runs, 3, "what is left of none is not kept");
}
