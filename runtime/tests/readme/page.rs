//! The pages of the repository and the fenced blocks in them.

use std::path::{Path, PathBuf};

/// A fenced block of a page.
pub(crate) struct Block {
    /// What stands behind the fence: `rust,no_run`, `yaml`, `console`.
    pub(crate) info: String,
    pub(crate) text: String,
    /// The line of the fence, the first of the page is 1.
    pub(crate) line: usize,
}

pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().find(|folder| folder.join("ARCHITECTURE.md").exists());
    root.expect("the repository around the package").to_owned()
}

pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The fenced blocks of a page whose language is `language`.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (index, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block { info: info.to_owned(), text: String::new(), line: index + 1 });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text += line;
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks.into_iter().filter(|block| block.info.split(',').next() == Some(language)).collect()
}
