//! A row of a table: what was measured, the figure, its goal, and whether that is reached.

use std::fmt::{self, Display};

/// One figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// What came of it.
    pub figure: String,
    /// What is to come of it, and whether it does; nothing where no goal is set.
    pub goal: Option<(String, bool)>,
}

impl Row {
    /// The head of the table.
    pub const HEAD: &'static str = "| what | figure | goal | reached |\n|---|---|---|---|";

    /// A figure that has a goal.
    #[must_use]
    pub fn goal(what: &str, figure: &str, goal: &str, reached: bool) -> Self {
        Self { goal: Some((goal.to_owned(), reached)), ..Self::reading(what, figure) }
    }

    /// A figure without a goal.
    #[must_use]
    pub fn reading(what: &str, figure: &str) -> Self {
        Self { what: what.to_owned(), figure: figure.to_owned(), goal: None }
    }

    /// A figure that cannot be measured.
    #[must_use]
    pub fn missing(what: &str, why: &impl Display) -> Self {
        Self::reading(what, &format!("not measured: {why}"))
    }
}

impl Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, figure, goal } = self;
        match goal {
            Some((goal, true)) => write!(f, "| {what} | {figure} | {goal} | yes |"),
            Some((goal, false)) => write!(f, "| {what} | {figure} | {goal} | **no** |"),
            None => write!(f, "| {what} | {figure} | | |"),
        }
    }
}
