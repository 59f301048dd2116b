//! What an error is called: by its type, and by the name it was given.

use std::any::type_name;
use std::borrow::Cow;
use std::error::Error as StdError;

/// The names of an error. A type is known by its path, which costs nothing to keep.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Name {
    given: Option<&'static str>,
    path: Option<&'static str>,
}

impl Name {
    /// The name of errors that are made of an `E`. A text has no name, nor has what was put into a box before.
    pub(super) fn of<E>() -> Self {
        let path = type_name::<E>();
        let nameless = [
            type_name::<&str>(),
            type_name::<String>(),
            type_name::<Cow<'_, str>>(),
            type_name::<Box<str>>(),
            type_name::<Box<dyn StdError>>(),
            type_name::<Box<dyn StdError + Send + Sync>>(),
            type_name::<crate::Error>(),
        ];
        Self { given: None, path: (!nameless.contains(&path)).then(|| unwrapped(path)) }
    }

    pub(super) const fn give(&mut self, name: &'static str) {
        self.given = Some(name);
    }

    pub(super) const fn shown(&self) -> Option<&'static str> {
        match self.given {
            Some(name) => Some(name),
            None => self.path,
        }
    }

    /// See [`Error::closeness`](crate::Error::closeness).
    pub(super) fn closeness(&self, name: &str) -> Option<usize> {
        if self.given.is_some_and(|given| same(given, name)) {
            return Some(usize::MAX);
        }
        self.path.filter(|path| leads_to(path, name)).map(|_| name.split("::").count())
    }
}

/// The type that a smart pointer points to: `shop::OrderError` for a `Box<shop::OrderError>`.
fn unwrapped(path: &'static str) -> &'static str {
    let inner =
        ["alloc::boxed::Box<", "alloc::sync::Arc<"].iter().find_map(|pointer| path.strip_prefix(pointer));
    inner.and_then(|inner| inner.strip_suffix('>')).unwrap_or(path)
}

/// Whether `name` is the path of a type, or what is left of it without some of its modules: the path as the compiler has
/// it is seldom the one that users write.
fn leads_to(path: &str, name: &str) -> bool {
    let generics = path.find('<').unwrap_or(path.len());
    let mut segments = path[..generics].rsplit("::");
    let mut names = name.rsplit("::");
    let last = (segments.next(), names.next());
    matches!(last, (Some(segment), Some(name)) if same(segment, name))
        && names.all(|name| segments.any(|segment| same(segment, name)))
}

/// Whether two names differ in nothing but upper and lower case, `-` and `_`.
fn same(one: &str, other: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = char> {
        name.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase)
    }
    letters(one).eq(letters(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_leave_modules_out_but_not_the_type() {
        let path = "shop::orders::error::OrderError";
        for name in [
            "OrderError",
            "order-error",
            "shop::OrderError",
            "orders::error::OrderError",
            "shop::error::OrderError",
            path,
        ] {
            assert!(leads_to(path, name), "{name}");
        }
        for name in [
            "Error",
            "shop",
            "shop::orders",
            "other::OrderError",
            "error::shop::OrderError",
            "",
            "::OrderError",
        ] {
            assert!(!leads_to(path, name), "{name}");
        }
        assert!(leads_to("shop::Failed<shop::Order>", "shop::Failed"));
    }

    #[test]
    fn the_name_with_more_parts_is_closer_and_the_given_one_the_closest() {
        let mut name = Name { given: None, path: Some("shop::orders::OrderError") };
        name.give("order-refused");
        let closeness =
            ["other", "OrderError", "shop::OrderError", "orderRefused"].map(|text| name.closeness(text));
        assert_eq!(closeness, [None, Some(1), Some(2), Some(usize::MAX)]);
    }

    #[test]
    fn what_has_no_type_of_its_own_has_no_name() {
        assert_eq!(Name::of::<&str>().shown(), None);
        assert_eq!(Name::of::<String>().shown(), None);
        assert_eq!(Name::of::<Cow<'static, str>>().shown(), None);
        assert_eq!(Name::of::<Box<dyn StdError + Send + Sync>>().shown(), None);
        assert_eq!(Name::of::<Box<std::fmt::Error>>().shown(), Some("core::fmt::Error"));
        assert_eq!(Name::of::<std::sync::Arc<std::fmt::Error>>().shown(), Some("core::fmt::Error"));
    }
}
