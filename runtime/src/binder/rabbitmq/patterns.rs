//! Which headers cross a binding: Spring's `header-patterns`.

/// Patterns of names. The first that fits decides; without any, every name does.
#[derive(Debug, Default)]
pub(super) struct Patterns(Vec<String>);

impl Patterns {
    pub(super) fn new(written: Option<&[String]>) -> Self {
        Self(written.unwrap_or_default().iter().map(|one| one.trim().to_ascii_lowercase()).collect())
    }

    /// Whether every header crosses.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a header of this name crosses. Case does not matter.
    pub(super) fn let_through(&self, name: &str) -> bool {
        let mut all = self.0.iter();
        let decided = all.find_map(|pattern| {
            let (pattern, wanted) =
                pattern.strip_prefix('!').map_or((&**pattern, true), |rest| (rest, false));
            matches(pattern, name).then_some(wanted)
        });
        decided.unwrap_or(self.0.is_empty())
    }
}

/// `*` stands for any text, once, at either end or alone.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern.eq_ignore_ascii_case(name),
        Some((start, end)) => {
            let name = name.to_ascii_lowercase();
            name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(written: &[&str]) -> Patterns {
        Patterns::new(Some(&written.iter().map(|&one| one.to_owned()).collect::<Vec<_>>()))
    }

    #[test]
    fn the_first_pattern_that_fits_decides() {
        let not_secret = of(&["!secret*", "*"]);
        assert!(not_secret.let_through("other") && !not_secret.let_through("Secret-key"));
        let only = of(&["rk"]);
        assert!(only.let_through("rk") && !only.let_through("pk"));
        assert!(Patterns::new(None).let_through("anything"));
    }
}
