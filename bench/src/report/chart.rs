//! Results as a picture: one bar for each contestant, as long as its median, with a line from its least to its most.

use std::fmt::Write as _;

use super::results::{BARE, Figure, OURS, Results};
use super::statistics::Spread;

const WIDTH: f64 = 860.0;
const NAMES: f64 = 250.0;
const BARS: f64 = 470.0;
const ROW: f64 = 26.0;
const TOP: f64 = 56.0;

/// One bar.
struct Bar {
    title: String,
    spread: Spread,
    colour: &'static str,
}

/// The chart of a figure of a case, if anybody has it.
#[must_use]
pub fn chart(results: &Results, case: &str, figure: Figure) -> Option<String> {
    let bars = results.entries(case).into_iter().filter_map(|who| {
        let colour = match who.contestant {
            BARE => "#6b7280",
            OURS => "#0f766e",
            _ => "#94a3b8",
        };
        Some(Bar { title: results.title(who), spread: results.spread(case, who, figure)?, colour })
    });
    let bars: Vec<_> = bars.collect();
    let longest = bars.iter().map(|bar| bar.spread.most).fold(0.0, f64::max);
    if longest <= 0.0 {
        return None;
    }
    let title = format!("{}, {case}: {}", results.work, figure.title());
    Some(drawn(&title, &bars, longest))
}

fn drawn(title: &str, bars: &[Bar], longest: f64) -> String {
    let height = TOP + ROW * bars.len() as f64 + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\" role=\"img\">\n<title>{0}</title>\n<rect width=\"{WIDTH}\" height=\"{height}\" \
         fill=\"white\"/>\n<text x=\"12\" y=\"26\" font-size=\"16\" fill=\"#111827\">{0}</text>\n\
         <text x=\"12\" y=\"44\" fill=\"#6b7280\" font-size=\"11\">median, with the least and the most of all rounds</text>\n",
        escaped(title)
    );
    for (at, Bar { title, spread, colour }) in bars.iter().enumerate() {
        let top = TOP + ROW * at as f64;
        let (middle, scale) = (top + ROW / 2.0, |figure: f64| figure / longest * BARS);
        let Spread { least, median, most } = *spread;
        let alone = Spread { least: median, median, most: median };
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#111827\">{}</text>\n\
             <rect x=\"{NAMES}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\n\
             <path d=\"M{:.1} {middle:.1}H{:.1}\" stroke=\"#111827\" stroke-width=\"1.5\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#111827\">{alone}</text>\n",
            NAMES - 8.0,
            middle + 4.5,
            escaped(title),
            top + 4.0,
            scale(median).max(1.0),
            ROW - 8.0,
            NAMES + scale(least),
            NAMES + scale(most),
            NAMES + scale(most) + 8.0,
            middle + 4.5,
        );
    }
    svg + "</svg>\n"
}

/// Text that may stand between tags.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::results;
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_medians_beside_the_longest() {
        let all = results(&[("bare", false, &[1.0, 2.0, 3.0]), ("wellspring", false, &[4.0])]);
        let svg = chart(&all, "base", Figure::Cpu).unwrap();
        assert!(svg.contains("width=\"235.0\"") && svg.contains("width=\"470.0\""), "{svg}");
        assert!(svg.contains("M367.5 69.0H602.5"), "{svg}");
        assert!(svg.contains(">Wellspring</text>") && svg.contains(">4.00</text>"), "{svg}");
        assert_eq!(svg.matches("<svg").count(), svg.matches("</svg>").count());
    }

    #[test]
    fn names_cannot_become_tags() {
        let all = results(&[("<peer> & co", false, &[1.0])]);
        let svg = chart(&all, "base", Figure::Cpu).unwrap();
        assert!(svg.contains("&lt;peer&gt; &amp; co") && !svg.contains("<peer>"));
    }

    #[test]
    fn there_is_none_without_figures() {
        assert!(chart(&results(&[]), "base", Figure::Cpu).is_none());
        assert!(chart(&results(&[("bare", false, &[1.0])]), "base", Figure::P50).is_none());
    }
}
