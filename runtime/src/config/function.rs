//! Which functions run, and how they treat headers.

use std::collections::BTreeMap;

use super::settings::Settings;
use super::{Located, kind};

/// `function.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionConfig {
    /// The functions to run as written: `;` between definitions, `|` or `,` inside a composition.
    pub definition: Option<Located<String>>,
    /// The longest composition that is accepted, in stages.
    pub max_stages: Located<u32>,
    copy_input_headers: BTreeMap<String, Located<bool>>,
}

impl FunctionConfig {
    pub(super) fn read(settings: &Settings) -> Self {
        let copy_input_headers = settings
            .names(&["function", "configuration"])
            .into_iter()
            .filter_map(|name| {
                let path = ["function", "configuration", &name, "copy-input-headers"];
                let copy = settings.optional(&path, kind::boolean)?;
                Some((glued(&name), copy))
            })
            .collect();
        Self {
            definition: settings
                .optional(&["function", "definition"], kind::text)
                .filter(|definition| !definition.trim().is_empty()),
            max_stages: settings.required(&["function", "max-stages"], kind::count),
            copy_input_headers,
        }
    }

    /// Whether the headers of the input are copied to the output of a definition, if anybody says so.
    ///
    /// A composition is named by its stages without separators, as in the names of its bindings.
    pub fn copy_input_headers(&self, definition: &str) -> Option<&Located<bool>> {
        self.copy_input_headers.get(&glued(definition)).or_else(|| self.copy_input_headers.get("default"))
    }

    /// The definitions named in the configuration, apart from `default`, with the place that names them.
    pub fn configured(&self) -> impl Iterator<Item = (&str, &Located<bool>)> {
        self.copy_input_headers
            .iter()
            .filter(|(name, _)| *name != "default")
            .map(|(name, copy)| (name.as_str(), copy))
    }
}

fn glued(definition: &str) -> String {
    super::names::binding_name(definition)
}
