//! Where configuration comes from: the only place that asks the process for arguments, variables and files.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;

/// Everything [`Config::load`](super::Config::load) reads.
///
/// ```
/// use wellspring::config::{Config, Sources};
///
/// let sources = Sources::new()
///     .built_in("application.yaml", "http: { port: 8080 }")
///     .env("SERVER_PORT", "9000")
///     .arg("--http.port=9090");
/// assert_eq!(Config::load(&sources)?.http.port, 9090);
/// # Ok::<(), wellspring::config::Problems>(())
/// ```
#[derive(Clone)]
pub struct Sources {
    pub(super) arguments: Vec<OsString>,
    pub(super) variables: Vec<(OsString, OsString)>,
    pub(super) directory: Option<PathBuf>,
    pub(super) built_in: Vec<(String, String)>,
    pub(super) binders: Vec<String>,
}

impl fmt::Debug for Sources {
    /// Values of variables and arguments may be credentials, so that none is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let built_in: Vec<&str> = self.built_in.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Sources")
            .field("directory", &self.directory)
            .field("built_in", &built_in)
            .field("binders", &self.binders)
            .finish_non_exhaustive()
    }
}

impl Default for Sources {
    fn default() -> Self {
        Self::new()
    }
}

impl Sources {
    /// No arguments, no variables, no files; the memory binder is the only one.
    pub fn new() -> Self {
        Self {
            arguments: Vec::new(),
            variables: Vec::new(),
            directory: None,
            built_in: Vec::new(),
            binders: vec!["memory".to_owned()],
        }
    }

    /// The settings among the arguments of this process, its environment and its working directory.
    ///
    /// Arguments that are no settings (see [`split_arguments`]) are left to the command line.
    pub fn from_process() -> Self {
        let (settings, _) = split_arguments(std::env::args_os().skip(1));
        Self::from_environment().args(settings)
    }

    /// As [`from_process`](Self::from_process) without the arguments, for a command line that splits them itself.
    pub fn from_environment() -> Self {
        let mut sources = Self::new().directory("");
        sources.variables = std::env::vars_os().collect();
        sources
    }

    /// Adds one argument, such as `--http.port=0`, `--profile` or `accounts`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Adds one environment variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Searches files in this directory and its subfolder `config`.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Adds a file that is part of the program, such as `application.yaml` or `application-message.yaml`.
    ///
    /// Files on disk, also those of no profile, override built-in ones.
    #[must_use]
    pub fn built_in(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.built_in.push((name.into(), text.into()));
        self
    }

    /// Adds a type of binder that the program contains; `stream.<binder>` then holds its settings.
    #[must_use]
    pub fn binder(mut self, binder: impl Into<String>) -> Self {
        let binder = binder.into();
        if !self.binders.contains(&binder) {
            self.binders.push(binder);
        }
        self
    }
}

/// Splits arguments into settings and the rest, each in order.
///
/// Settings are `--config PATH`, `--profile NAMES` (or with `=`), `--fail-fast` and every flag with a dot in its name;
/// nothing behind `--` is one.
pub fn split_arguments<A: Into<OsString>>(
    arguments: impl IntoIterator<Item = A>,
) -> (Vec<OsString>, Vec<OsString>) {
    let (mut settings, mut rest) = (Vec::new(), Vec::new());
    let mut arguments = arguments.into_iter().map(Into::into);
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            rest.push(argument);
            break;
        }
        if takes_value(&argument) {
            settings.push(argument);
            settings.extend(arguments.next());
        } else if is_setting(&argument) {
            settings.push(argument);
        } else {
            rest.push(argument);
        }
    }
    rest.extend(arguments);
    (settings, rest)
}

fn takes_value(argument: &OsStr) -> bool {
    argument == "--config" || argument == "--profile"
}

fn is_setting(argument: &OsStr) -> bool {
    let text = argument.to_string_lossy();
    let Some(flag) = text.strip_prefix("--") else { return false };
    let name = flag.split('=').next().unwrap_or_default();
    name.contains('.') || matches!(name, "config" | "profile" | "fail-fast")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_settings_from_the_rest() {
        let (settings, rest) = split_arguments([
            "run",
            "--config",
            "a.yaml",
            "--http.port=0",
            "--json",
            "--profile=x",
            "-v",
            "--stream.enabled",
            "--fail-fast",
            "--",
            "--http.port=1",
        ]);
        assert_eq!(
            settings,
            ["--config", "a.yaml", "--http.port=0", "--profile=x", "--stream.enabled", "--fail-fast"]
        );
        assert_eq!(rest, ["run", "--json", "-v", "--", "--http.port=1"]);
    }
}
