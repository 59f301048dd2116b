//! Finds and reads configuration files, on disk and built in.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::node::{Entry, flatten};
use super::problem::nearest;
use super::{Located, Origin, Problem, Problems, properties, toml, yaml};

/// The endings of configuration files.
const EXTENSIONS: [&str; 4] = ["yaml", "yml", "toml", "properties"];

/// The name of the files without profile and ending.
const BASE: &str = "application";

/// A larger file is certainly not a configuration.
const LARGEST: u64 = 16 << 20;

/// Where files are looked for, the least important place first.
#[derive(Debug)]
pub(super) struct Places<'a> {
    built_in: &'a [(String, String)],
    on_disk: Vec<Place>,
}

#[derive(Debug)]
enum Place {
    /// A directory that may hold files; it must exist and hold one if the user named it.
    Directory { path: PathBuf, named: Option<Origin> },
    /// A file that must exist.
    File { path: PathBuf, origin: Origin },
}

impl<'a> Places<'a> {
    /// `directory` with its subfolder `config`, unless the user named other places.
    pub(super) fn new(
        built_in: &'a [(String, String)],
        directory: Option<&Path>,
        named: Vec<(PathBuf, Origin)>,
    ) -> Self {
        let on_disk = match directory {
            Some(path) if named.is_empty() => vec![
                Place::Directory { path: path.to_owned(), named: None },
                Place::Directory { path: path.join("config"), named: None },
            ],
            _ => named
                .into_iter()
                .map(|(path, origin)| match path.is_dir() {
                    true => Place::Directory { path, named: Some(origin) },
                    false => Place::File { path, origin },
                })
                .collect(),
        };
        Self { built_in, on_disk }
    }

    /// The files of no profile: those built in, and those on disk, as layers.
    pub(super) fn base(&self, problems: &mut Problems) -> Files {
        let built_in = self.built_in_layer(BASE, problems);
        let mut on_disk = Vec::new();
        for place in &self.on_disk {
            let found = match place {
                Place::File { path, origin } => Some(read_file(path, Some(origin))),
                Place::Directory { path, named } => {
                    let found = in_directory(path, BASE, problems);
                    if let (None, Some(origin)) = (&found, named) {
                        let sentence = format!(
                            "no `application.yaml`, `.yml`, `.toml` or `.properties` in `{}`",
                            path.display()
                        );
                        problems.push(Problem::new(sentence).at(origin.clone()));
                    }
                    found.map(|file| read_file(&file, None))
                }
            };
            on_disk.extend(found.and_then(|read| keep(read, problems)));
        }
        Files { built_in, on_disk }
    }

    /// The files of one profile; that there is none is a problem.
    pub(super) fn profile(&self, profile: &Located<String>, problems: &mut Problems) -> Files {
        let before = problems.len();
        let built_in = self.built_in_layer(&format!("{BASE}-{}", profile.value), problems);
        let mut on_disk = Vec::new();
        for place in &self.on_disk {
            let (directory, stem) = place.stem();
            let file = in_directory(directory, &format!("{stem}-{}", profile.value), problems);
            on_disk.extend(file.and_then(|file| keep(read_file(&file, None), problems)));
        }
        if built_in.is_empty() && on_disk.is_empty() && problems.len() == before {
            problems.push(self.missing(profile));
        }
        Files { built_in, on_disk }
    }

    fn missing(&self, profile: &Located<String>) -> Problem {
        let known = self.profiles();
        let sentence = format!("there is no file `{BASE}-{}.*` for the profile `{profile}`", profile.value);
        let problem = Problem::new(sentence).at(profile.origin.clone());
        match nearest(&profile.value, known.iter().map(String::as_str)) {
            Some(name) => problem.suggest(format!("did you mean `{name}`?")),
            None if known.is_empty() => problem,
            None => {
                let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                problem.suggest(format!("there are {}", names.join(", ")))
            }
        }
    }

    /// The names of all profiles that have a file somewhere.
    fn profiles(&self) -> BTreeSet<String> {
        let profile_of = |name: &str, stem: &str| {
            let (name, extension) = name.rsplit_once('.')?;
            let profile = name.strip_prefix(stem)?.strip_prefix('-')?;
            EXTENSIONS.contains(&extension).then(|| profile.to_owned())
        };
        let mut names: BTreeSet<String> =
            self.built_in.iter().filter_map(|(name, _)| profile_of(name, BASE)).collect();
        for place in &self.on_disk {
            let (directory, stem) = place.stem();
            let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
            let files = fs::read_dir(directory).into_iter().flatten().flatten();
            names.extend(files.filter_map(|file| profile_of(file.file_name().to_str()?, &stem)));
        }
        names
    }

    fn built_in_layer(&self, stem: &str, problems: &mut Problems) -> Vec<Vec<Entry>> {
        let mut layers = Vec::new();
        for (name, text) in self.built_in {
            let Some((file_stem, extension)) = name.rsplit_once('.') else { continue };
            if file_stem == stem {
                let origin = Origin::file(format!("built-in {name}"));
                layers.extend(keep(parse(text, extension, &origin), problems));
            }
        }
        layers
    }
}

impl Place {
    /// The directory and the name without ending of this place's files.
    fn stem(&self) -> (&Path, String) {
        match self {
            Self::Directory { path, .. } => (path, BASE.to_owned()),
            Self::File { path, .. } => {
                let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
                (path.parent().unwrap_or(Path::new("")), stem.unwrap_or_default())
            }
        }
    }
}

/// The layers of one profile or of none, the least important first.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) built_in: Vec<Vec<Entry>>,
    pub(super) on_disk: Vec<Vec<Entry>>,
}

fn keep(read: Result<Vec<Entry>, Problems>, problems: &mut Problems) -> Option<Vec<Entry>> {
    read.map_err(|wrong| problems.extend(wrong)).ok()
}

/// The one file of this name in a directory.
fn in_directory(directory: &Path, stem: &str, problems: &mut Problems) -> Option<PathBuf> {
    let candidates = EXTENSIONS.iter().map(|extension| directory.join(format!("{stem}.{extension}")));
    let mut files = candidates.filter(|path| !matches!(fs::metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound || error.kind() == io::ErrorKind::NotADirectory));
    let first = files.next()?;
    for other in files {
        let sentence = format!("`{}` and `{}` are both there", first.display(), other.display());
        problems.push(Problem::new(sentence).suggest("keep one of them"));
    }
    Some(first)
}

/// Reads one file; `named` is the flag that names it, if one does.
fn read_file(path: &Path, named: Option<&Origin>) -> Result<Vec<Entry>, Problems> {
    let name = path.display().to_string();
    let origin = Origin::file(name.as_str());
    let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = content(path).map_err(|error| {
        let sentence = match error.kind() {
            io::ErrorKind::NotFound => format!("the file `{name}` does not exist"),
            io::ErrorKind::IsADirectory => format!("`{name}` is a directory, not a file"),
            io::ErrorKind::FileTooLarge => format!("`{name}` is larger than 16 MB"),
            _ => format!("the file `{name}` cannot be read: {error}"),
        };
        let problem = Problem::new(sentence);
        match named {
            Some(flag) => problem.at(flag.clone()),
            None => problem,
        }
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let valid = String::from_utf8_lossy(valid);
        let line = valid.matches('\n').count() + 1;
        let column = valid.chars().rev().take_while(|c| *c != '\n').count() + 1;
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Problem::new("not valid UTF-8")
            .at(origin.at(number(line), number(column)))
            .suggest("save the file as UTF-8")
    })?;
    parse(&text, &extension, &origin)
}

fn content(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
}

/// Reads the text of a file by the ending of its name.
pub(super) fn parse(text: &str, extension: &str, origin: &Origin) -> Result<Vec<Entry>, Problems> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match extension {
        "yaml" | "yml" => yaml::read(text, origin).and_then(|root| map_entries(root, origin)),
        "toml" => toml::read(text, origin).map(flatten),
        "properties" => properties::read(text, origin),
        _ => Err(Problem::new("the ending of the name says no known format")
            .at(origin.clone())
            .suggest("use `.yaml`, `.yml`, `.toml` or `.properties`")
            .into()),
    }
}

fn map_entries(root: super::node::Node, origin: &Origin) -> Result<Vec<Entry>, Problems> {
    use super::node::Value;
    match root.value {
        Value::Map(_) | Value::Null => Ok(flatten(root)),
        Value::Scalar(_) | Value::List(_) => {
            let found = match root.value {
                Value::List(_) => "a list",
                _ => "text",
            };
            let place = if root.origin.is_default() { origin.clone() } else { root.origin.clone() };
            Err(Problem::new(format!("the file holds {found}, expected a map of settings")).at(place).into())
        }
    }
}
