//! The least, the middle and the most.

use std::fmt;

/// What some figures range over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The smallest.
    pub least: f64,
    /// The one in the middle; of an even number, half way between the two.
    pub median: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// The spread of some figures, if there are any.
    #[must_use]
    pub fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let (&least, &most) = (figures.first()?, figures.last()?);
        let middle = figures.len() / 2;
        let median = match figures.len() % 2 {
            0 => f64::midpoint(figures[middle - 1], figures[middle]),
            _ => figures[middle],
        };
        Some(Self { least, median, most })
    }
}

/// `least / median / most`, or one figure if they are the same to the reader. Large figures have no decimals.
impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = f.precision().unwrap_or_else(|| places(self.median));
        let [least, median, most] =
            [self.least, self.median, self.most].map(|figure| grouped(figure, places));
        if least == most { f.write_str(&median) } else { write!(f, "{least} / {median} / {most}") }
    }
}

/// How many decimals say enough of a figure.
const fn places(figure: f64) -> usize {
    match figure.abs() {
        figure if figure < 10.0 => 2,
        figure if figure < 100.0 => 1,
        _ => 0,
    }
}

/// A number with its thousands apart.
fn grouped(figure: f64, places: usize) -> String {
    let text = format!("{figure:.places$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        let left = whole.len() - at;
        if at > 0 && left % 3 == 0 && digit.is_ascii_digit() && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_middle_of_odd_and_of_even_numbers() {
        assert_eq!(Spread::of(vec![3.0, 1.0, 2.0]), Some(Spread { least: 1.0, median: 2.0, most: 3.0 }));
        assert_eq!(Spread::of(vec![4.0, 1.0]), Some(Spread { least: 1.0, median: 2.5, most: 4.0 }));
        assert_eq!(Spread::of(Vec::new()), None);
    }

    #[test]
    fn is_written_as_one_figure_when_there_is_one_and_else_as_three() {
        let written = |figures: &[f64]| Spread::of(figures.to_vec()).unwrap().to_string();
        assert_eq!(written(&[1.234]), "1.23");
        assert_eq!(written(&[0.98, 1.0, 1.05]), "0.98 / 1.00 / 1.05");
        assert_eq!(written(&[98_000.0, 145_678.4]), "98,000 / 121,839 / 145,678");
        assert_eq!(written(&[12.34]), "12.3");
        assert_eq!(format!("{:.3}", Spread::of(vec![0.9]).unwrap()), "0.900");
    }
}
