//! A part of the configuration whose keys belong to somebody else: a binder or the application.

use std::fmt;

use serde::de::DeserializeOwned;

use super::node::{Field, Node, Value, split_key};
use super::tree::{Tree, position};
use super::{Located, Origin, Problem, Problems, yaml};

mod de;
mod view;

pub mod human;
mod properties;

pub use properties::Properties;

/// A subtree with the origin of every value, to be read into a type of its owner.
///
/// Keys are relaxed: `max-size`, `maxSize` and `max_size` all fill the field that serde calls `max-size`. Values given
/// as text (in a variable, a flag, a properties file) become numbers, booleans and lists where the type wants them.
///
/// ```
/// use serde::Deserialize;
/// use wellspring::config::Section;
///
/// #[derive(Debug, Deserialize)]
/// #[serde(rename_all = "kebab-case", deny_unknown_fields)]
/// struct Pool {
///     max_size: u32,
/// }
///
/// let section = Section::from_yaml("app.pool", "maxSize: '8'")?;
/// assert_eq!(section.deserialize::<Pool>()?.max_size, 8);
///
/// let section = Section::from_yaml("app.pool", "max-sise: 8")?;
/// let problems = section.deserialize::<Pool>().unwrap_err();
/// assert!(problems.to_string().contains("did you mean `max-size`?"));
/// # Ok::<(), wellspring::config::Problems>(())
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Section {
    path: String,
    tree: Tree,
}

impl fmt::Debug for Section {
    /// Values may be credentials, so that only names are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Section")
            .field("path", &self.path)
            .field("names", &self.names())
            .finish_non_exhaustive()
    }
}

impl Section {
    pub(super) fn new(path: String, tree: Tree) -> Self {
        Self { path, tree }
    }

    /// A section with nothing in it.
    pub fn empty(path: impl Into<String>) -> Self {
        Self::new(path.into(), Tree::default())
    }

    /// The section that a YAML text describes, as if it stood at `path`; meant for tests of typed configurations.
    ///
    /// # Errors
    /// When the text is not a YAML map.
    pub fn from_yaml(path: impl Into<String>, text: &str) -> Result<Self, Problems> {
        let origin = Origin::file("yaml");
        let root = yaml::read(text, &origin)?;
        match root.value {
            Value::Null => Ok(Self::empty(path)),
            Value::Map(_) => Ok(Self::new(path.into(), Tree { root, loose: Vec::new() })),
            Value::Scalar(_) | Value::List(_) => Err(Problem::new("expected a map").at(root.origin).into()),
        }
    }

    /// Where the section stands: `stream.kafka`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether nobody wrote anything here.
    pub fn is_empty(&self) -> bool {
        matches!(&self.tree.root.value, Value::Map(fields) if fields.is_empty()) && self.tree.loose.is_empty()
    }

    /// The place of the first thing written here, if anything is.
    pub fn origin(&self) -> Option<&Origin> {
        match &self.tree.root.value {
            Value::Map(fields) if !fields.is_empty() => fields.first().map(|field| &field.origin),
            _ => self.tree.loose.first().map(|loose| &loose.node.origin),
        }
    }

    /// The names directly below, as written; variables are not among them, as their names are not split yet.
    pub fn names(&self) -> Vec<&str> {
        match &self.tree.root.value {
            Value::Map(fields) => fields.iter().map(|field| field.name.as_str()).collect(),
            Value::Null | Value::Scalar(_) | Value::List(_) => Vec::new(),
        }
    }

    /// The text of the single value at a relative path such as `pool.max-size`.
    pub fn get(&self, path: &str) -> Option<Located<String>> {
        let root = view::View::of(self, &view::NOTHING_SKIPPED);
        let pieces = split_key(path).ok()?;
        let mut view = root;
        for piece in &pieces {
            view = view.child(piece.as_name()?)?;
        }
        let leaf = view.leaf()?;
        match &leaf.value {
            Value::Scalar(scalar) => Some(Located::new(scalar.text.clone(), leaf.origin.clone())),
            Value::Null | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The section below a name, empty if nobody wrote it.
    #[must_use]
    pub fn section(&self, name: &str) -> Self {
        let mut tree = Tree::default();
        if let Value::Map(fields) = &self.tree.root.value {
            if let Some(at) = position(fields, name) {
                tree.root = fields[at].node.clone();
            }
            for field in fields {
                if let Some(rest) = field.name.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) {
                    let field = Field { name: rest.to_owned(), ..field.clone() };
                    let root = Node::new(Value::Map(vec![field]), Origin::Default);
                    tree.lay(Tree { root, loose: Vec::new() });
                }
            }
        }
        for loose in &self.tree.loose {
            if let Some(rest) = view::behind(&loose.words, name) {
                tree.loose.push(super::tree::Loose { words: rest.to_vec(), node: loose.node.clone() });
            }
        }
        Self::new(super::tree::join(&self.path, name), tree)
    }

    /// This section with everything that `over` holds laid on top.
    #[must_use]
    pub fn overlaid(&self, over: &Self) -> Self {
        let mut tree = self.tree.clone();
        tree.lay(over.tree.clone());
        Self::new(self.path.clone(), tree)
    }

    /// Reads the section into `T`.
    ///
    /// # Errors
    /// Every value that does not fit and, if `T` denies unknown fields, every key it does not know, with place and
    /// suggestion. A required field that is missing ends the search.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Problems> {
        de::read(self)
    }

    fn root(&self) -> &Node {
        &self.tree.root
    }
}
