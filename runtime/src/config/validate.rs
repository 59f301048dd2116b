//! From settings to their meaning: the typed configuration, and what cannot be said together.

use super::settings::Settings;
use super::{
    Config, FunctionConfig, HttpConfig, Ignored, Located, LoggingConfig, ManagementConfig, Problems,
    StreamConfig, http, kind,
};

/// The configuration that the settings mean; it is only used if no problem was found.
pub(super) fn config(
    settings: Settings,
    binders: &[String],
    profiles: Vec<Located<String>>,
    ignored: Vec<Ignored>,
    problems: &mut Problems,
) -> Config {
    let http = HttpConfig::read(&settings);
    let management = ManagementConfig::read(&settings);
    http::check_ports(&http, &management, &settings, problems);
    Config {
        application_name: settings.optional(&["application", "name"], kind::name).map(|name| name.value),
        profiles: profiles.into_iter().map(|profile| profile.value).collect(),
        function: FunctionConfig::read(&settings),
        stream: StreamConfig::read(&settings, binders, problems),
        http,
        management,
        logging: LoggingConfig::read(&settings),
        shutdown_timeout: settings.required(&["shutdown", "timeout"], kind::duration).value,
        ignored,
        app: settings.section(&["app"]),
        settings,
    }
}
