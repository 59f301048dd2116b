//! The page `docs/performance.md`: prose by hand, and between markers what results say.

use std::path::Path;

use super::results::{Figure, Results};
use super::{chart, goals, table};
use crate::Failure;
use crate::harness::options::WORKS;

/// The charts that are drawn: the work, its case by its place, and the figure.
const CHARTS: [(&str, Figure, &str); 5] = [
    ("http", Figure::PerSecond, "http"),
    ("kafka", Figure::Cpu, "kafka-cpu"),
    ("kafka", Figure::PerSecond, "kafka"),
    ("rabbitmq", Figure::Cpu, "rabbitmq-cpu"),
    ("rabbitmq", Figure::PerSecond, "rabbitmq"),
];

/// Draws the charts, and writes tables and goals into the page, from the results in a folder; gives them.
///
/// # Errors
/// When results cannot be read, or the page has lost a marker.
pub fn write(folder: &Path, page: &Path) -> Result<Vec<Results>, Failure> {
    let mut all = Vec::new();
    let mut text = std::fs::read_to_string(page)?;
    for work in WORKS {
        let runs = Results::read(folder, work)?;
        let Some(first) = runs.first() else { continue };
        let charts = charts(first, folder)?;
        let tables: String = runs.iter().map(|run| table::work(run) + &table::circumstances(run)).collect();
        std::fs::write(folder.join(format!("{work}.md")), &tables)?;
        text = replaced(&text, work, &(charts + &tables))?;
        all.extend(runs);
    }
    std::fs::write(page, replaced(&text, "goals", &goals::table(&all))?)?;
    Ok(all)
}

/// Draws the charts of a kind of work, of its first case; gives what shows them on the page.
fn charts(results: &Results, folder: &Path) -> Result<String, Failure> {
    let (work, case) = (results.work.as_str(), results.cases().first().copied().unwrap_or_default());
    let mut shown = String::new();
    for (_, figure, name) in CHARTS.iter().filter(|(of, ..)| *of == work) {
        if let Some(svg) = chart::chart(results, case, *figure) {
            std::fs::write(folder.join(format!("{name}.svg")), svg)?;
            shown += &format!("![{work}, {}](../bench/results/{name}.svg)\n\n", figure.title());
        }
    }
    Ok(shown)
}

/// The page with another text between the markers of a section.
fn replaced(page: &str, section: &str, text: &str) -> Result<String, Failure> {
    let (begin, end) =
        (format!("<!-- {section}: written by bench/run -->\n"), format!("<!-- end of {section} -->"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) =
        parts.ok_or_else(|| format!("the page has no `{}` with `{end}` below", begin.trim()))?;
    Ok(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::results;
    use super::*;

    const PAGE: &str = "# Page\n\n<!-- goals: written by bench/run -->\nold\n<!-- end of goals -->\n\nProse.\n\n\
                        <!-- kafka: written by bench/run -->\n<!-- end of kafka -->\nThe end.\n";

    #[test]
    fn replaces_what_is_between_markers_and_nothing_else() {
        let once = replaced(PAGE, "goals", "new\n").unwrap();
        assert!(once.starts_with(
            "# Page\n\n<!-- goals: written by bench/run -->\n\nnew\n\n<!-- end of goals -->\n\nProse."
        ));
        assert!(once.ends_with("The end.\n") && !once.contains("old"));
        assert_eq!(replaced(&once, "goals", "new\n").unwrap(), once);
    }

    #[test]
    fn refuses_a_page_without_the_markers() {
        let error = replaced(PAGE, "http", "new").unwrap_err().to_string();
        assert!(error.contains("`<!-- http: written by bench/run -->`"), "{error}");
    }

    #[test]
    fn writes_tables_and_charts_of_what_was_measured() {
        let folder = std::env::temp_dir().join(format!("wellspring-bench-{}-document", std::process::id()));
        let results = results(&[("bare", false, &[1.5]), ("wellspring", false, &[1.25])]);
        results.write(Vec::new(), &folder).unwrap();
        let page = folder.join("page.md");
        std::fs::write(&page, PAGE).unwrap();
        write(&folder, &page).unwrap();
        let (text, chart) = (std::fs::read_to_string(&page).unwrap(), folder.join("kafka-cpu.svg").is_file());
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(chart && text.contains("![kafka, CPU µs each](../bench/results/kafka-cpu.svg)"), "{text}");
        assert!(text.contains("| Wellspring |  |  | 1.25 | 0.83 |"), "{text}");
    }
}
