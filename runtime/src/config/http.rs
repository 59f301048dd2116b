//! The listeners: functions over HTTP, and management.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::kind::{self, Kind};
use super::settings::Settings;
use super::{Located, Problem, Problems};

/// `http.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Whether functions are served over HTTP.
    pub enabled: bool,
    /// The port to listen on; 0 takes any free one.
    pub port: u16,
    /// The address to listen on.
    pub address: IpAddr,
    /// What stands before every function's path: empty, or a path with a leading and no trailing slash.
    pub path: String,
    /// Longer request bodies are refused, in bytes.
    pub max_body_size: u64,
    /// The longest time until an answer.
    pub timeout: Duration,
    /// How many requests are being answered at a time; more are refused.
    pub max_concurrency: u32,
    /// The longest time a client may take to send its headers.
    pub header_read_timeout: Duration,
    /// Longer request headers are refused, in bytes.
    pub max_header_size: u64,
    /// Headers that cross in neither direction, in lower case.
    pub ignored_headers: Vec<String>,
    /// Which definitions each method may call.
    pub methods: MethodsConfig,
}

/// `http.methods.*`: `None` allows every definition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MethodsConfig {
    /// The only definitions that GET may call.
    pub get: Option<Located<Vec<String>>>,
    /// The only definitions that POST may call.
    pub post: Option<Located<Vec<String>>>,
}

/// `management.*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagementConfig {
    /// Whether health and the catalogue are served.
    pub enabled: bool,
    /// The port to listen on; 0 takes any free one.
    pub port: u16,
    /// The address to listen on.
    pub address: IpAddr,
}

impl HttpConfig {
    pub(super) fn read(settings: &Settings) -> Self {
        let ignored = settings.list(&["http", "ignored-headers"], Kind::List.separator());
        let methods = |method| settings.list(&["http", "methods", method], Kind::Definitions.separator());
        Self {
            enabled: settings.required(&["http", "enabled"], kind::boolean).value,
            port: settings.required(&["http", "port"], kind::port).value,
            address: address(settings, "http"),
            path: settings.required(&["http", "path"], kind::prefix).value,
            max_body_size: settings.required(&["http", "max-body-size"], kind::size).value,
            timeout: settings.required(&["http", "timeout"], kind::duration).value,
            max_concurrency: settings.required(&["http", "max-concurrency"], kind::count).value,
            header_read_timeout: settings.required(&["http", "header-read-timeout"], kind::duration).value,
            max_header_size: settings.required(&["http", "max-header-size"], kind::size).value,
            ignored_headers: ignored
                .map(|list| list.value)
                .unwrap_or_default()
                .iter()
                .map(|name| name.to_lowercase())
                .collect(),
            methods: MethodsConfig { get: methods("get"), post: methods("post") },
        }
    }

    /// Where to listen.
    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

impl ManagementConfig {
    pub(super) fn read(settings: &Settings) -> Self {
        Self {
            enabled: settings.required(&["management", "enabled"], kind::boolean).value,
            port: settings.required(&["management", "port"], kind::port).value,
            address: address(settings, "management"),
        }
    }

    /// Where to listen.
    pub fn socket_address(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port)
    }
}

fn address(settings: &Settings, listener: &'static str) -> IpAddr {
    let unspecified = IpAddr::from([0, 0, 0, 0]);
    let read: fn(&str) -> Result<Address, kind::Wrong> =
        |text| kind::address(text).map(|address| Address(Some(address)));
    settings.required(&[listener, "address"], read).value.0.unwrap_or(unspecified)
}

/// An address that has a default, as settings ask for.
#[derive(Default)]
struct Address(Option<IpAddr>);

/// Both listeners cannot take one port of overlapping addresses.
pub(super) fn check_ports(
    http: &HttpConfig,
    management: &ManagementConfig,
    settings: &Settings,
    problems: &mut Problems,
) {
    let overlap = http.address == management.address
        || http.address.is_unspecified()
        || management.address.is_unspecified();
    let clash =
        http.enabled && management.enabled && http.port != 0 && http.port == management.port && overlap;
    if clash {
        let (one, other) = (settings.origin(&["http", "port"]), settings.origin(&["management", "port"]));
        let place = |origin: Option<&super::Origin>| {
            origin.map_or_else(|| "the default".to_owned(), ToString::to_string)
        };
        let sentence = format!("is {} as `http.port` is ({})", management.port, place(one));
        let problem =
            Problem::new(sentence).path("management.port").suggest("give each listener a port of its own");
        problems.push(match other.or(one) {
            Some(origin) => problem.at(origin.clone()),
            None => problem,
        });
    }
}
