//! Definitions: the text that names a function or a composition.

use std::fmt;

/// A text that names one function or a composition: `email`, `email|sms`, `email,sms`.
///
/// `|` and `,` mean the same; white space around a name does not matter.
///
/// ```
/// use wellspring_functions::Definition;
///
/// let definition: Definition = "email , sms".parse()?;
/// assert_eq!(definition.to_string(), "email|sms");
/// assert_eq!(definition.binding_base(), "emailsms");
/// # Ok::<(), wellspring_functions::InvalidDefinition>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Definition {
    names: Vec<Box<str>>,
}

/// A text that is no definition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDefinition {
    /// There is no text.
    #[error("the definition is empty, expected a function's name or names joined by `|`")]
    Empty,
    /// A member between two separators, or before the first or after the last, is empty.
    #[error("member {position} of `{definition}` is empty, expected a function's name")]
    EmptyMember {
        /// The whole text, cut after 120 characters.
        definition: String,
        /// Which member, the first is 1.
        position: usize,
    },
    /// A name holds a character that no name has.
    #[error(
        "`{character}` in `{name}` is not part of a name, expected a function's name or names joined by `|`"
    )]
    InvalidName {
        /// The name, cut after 120 characters.
        name: String,
        /// The character, escaped where it does not print.
        character: String,
    },
}

impl Definition {
    /// Reads a definition.
    ///
    /// # Errors
    /// When it is empty, a member of it is empty, or a name holds white space, a control character or one of `;?#`.
    pub fn parse(text: &str) -> Result<Self, InvalidDefinition> {
        if text.trim().is_empty() {
            return Err(InvalidDefinition::Empty);
        }
        let names = text.split(['|', ',']).enumerate().map(|(index, member)| {
            let name = member.trim();
            if name.is_empty() {
                let definition = shorten(text.trim());
                return Err(InvalidDefinition::EmptyMember { definition, position: index + 1 });
            }
            check_name(name).map(|()| name.into())
        });
        Ok(Self { names: names.collect::<Result<_, _>>()? })
    }

    /// Reads several definitions separated by `;`; empty ones between them are left out.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse), for the first that is wrong.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, InvalidDefinition> {
        text.split(';').filter(|part| !part.trim().is_empty()).map(Self::parse).collect()
    }

    /// The names of the functions, in order; at least one.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// The names glued together: what binding names begin with (`emailsms-in-0`).
    #[must_use]
    pub fn binding_base(&self) -> String {
        self.names.concat()
    }
}

/// Whether a function may have this name.
///
/// # Errors
/// Names the character that no name has.
pub fn check_name(name: &str) -> Result<(), InvalidDefinition> {
    let forbidden = |c: &char| c.is_whitespace() || c.is_control() || "|,;?#".contains(*c);
    match name.chars().find(forbidden) {
        None if name.is_empty() => Err(InvalidDefinition::Empty),
        None => Ok(()),
        Some(character) => {
            let character = character.escape_debug().to_string();
            Err(InvalidDefinition::InvalidName { name: shorten(name), character })
        }
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(120) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// The canonical form: names joined by `|`.
impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names.iter().enumerate() {
            write!(f, "{}{name}", if index == 0 { "" } else { "|" })?;
        }
        Ok(())
    }
}

impl std::str::FromStr for Definition {
    type Err = InvalidDefinition;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipe_and_comma_mean_the_same_and_white_space_is_trimmed() {
        let parse = |text| Definition::parse(text).unwrap();
        assert_eq!(parse(" a | b,c\t"), parse("a|b|c"));
        assert_eq!(parse("get/more").names().collect::<Vec<_>>(), ["get/more"]);
        assert_eq!(Definition::parse_list("a|b; c ;;").unwrap().len(), 2);
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |text| Definition::parse(text).unwrap_err().to_string();
        assert_eq!(error(" "), "the definition is empty, expected a function's name or names joined by `|`");
        assert_eq!(error("a|"), "member 2 of `a|` is empty, expected a function's name");
        assert_eq!(error(",a"), "member 1 of `,a` is empty, expected a function's name");
        assert_eq!(
            error("a b"),
            "` ` in `a b` is not part of a name, expected a function's name or names joined by `|`"
        );
        assert!(error("a\u{0}").starts_with("`\\0` in"));
    }

    proptest::proptest! {
        #[test]
        fn every_definition_survives_its_own_text(names in proptest::collection::vec("[a-zA-Z0-9_./-]{1,12}", 1..9)) {
            let definition = Definition::parse(&names.join(" | ")).unwrap();
            proptest::prop_assert_eq!(Definition::parse(&definition.to_string()).unwrap(), definition.clone());
            proptest::prop_assert_eq!(definition.names().collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,80}") {
            let _ = Definition::parse(&text);
            let _ = Definition::parse_list(&text);
        }
    }
}
