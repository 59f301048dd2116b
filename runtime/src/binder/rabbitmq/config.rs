//! The settings of the RabbitMQ binder (`stream.rabbitmq.*`) and what they mean.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use lapin::uri::{AMQPAuthority, AMQPScheme, AMQPUri, AMQPUserInfo};
use serde::Deserialize;

use super::settings::{Consumer, Producer};
use super::tls::Ssl;
use crate::config::human;

/// The settings of the RabbitMQ binder (`stream.rabbitmq.*`).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Config {
    /// Everything about the connection in one: `amqp://user:password@host:port/virtual-host`.
    pub uri: Option<String>,
    /// The server's name or address.
    pub host: String,
    /// Its port; 5672, or 5671 with TLS, unless given.
    pub port: Option<u16>,
    /// Who connects.
    pub username: String,
    /// Their password.
    pub password: String,
    /// The virtual host, not percent-encoded.
    pub virtual_host: Option<String>,
    /// Several servers, tried in turn, instead of `host` and `port`: `host`, `host:port` or a whole URI each.
    pub addresses: Vec<String>,
    /// Encryption.
    pub ssl: Ssl,
    /// How long to wait for a connection.
    #[serde(deserialize_with = "human::duration")]
    pub connection_timeout: Duration,
    /// How often either side tells that it is alive; whole seconds, 0 for never.
    #[serde(deserialize_with = "human::duration")]
    pub requested_heartbeat: Duration,
    /// What the names of connections begin with.
    pub connection_name_prefix: String,
    /// Spring's switch for confirmations: they are always on, so that `none` is refused.
    pub publisher_confirm_type: Option<String>,
    /// Spring's switch for returned messages: it is always on.
    pub publisher_returns: Option<bool>,
    /// How long to wait for the confirmation of a message.
    #[serde(deserialize_with = "human::duration")]
    pub publish_timeout: Duration,
    /// The wait before the first attempt to connect again; it doubles with every attempt.
    #[serde(deserialize_with = "human::duration")]
    pub reconnect_initial_interval: Duration,
    /// The longest wait between attempts to connect again.
    #[serde(deserialize_with = "human::duration")]
    pub reconnect_max_interval: Duration,
    /// The largest payload that the broker takes.
    #[serde(deserialize_with = "human::size")]
    pub max_message_size: u64,
    /// How hard outputs with `compress` try, from 0 to 9.
    pub compression_level: u32,
    /// How many channels a connection may have; every input and output has one.
    pub requested_channel_max: Option<u16>,
    /// What single bindings say, by name.
    pub bindings: BTreeMap<String, Ends>,
    /// What holds for every binding.
    pub default: Ends,
}

/// The settings of one binding.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Ends {
    /// Those of an input.
    pub consumer: Consumer,
    /// Those of an output.
    pub producer: Producer,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            uri: None,
            host: "localhost".to_owned(),
            port: None,
            username: "guest".to_owned(),
            password: "guest".to_owned(),
            virtual_host: None,
            addresses: Vec::new(),
            ssl: Ssl::default(),
            connection_timeout: Duration::from_secs(10),
            requested_heartbeat: Duration::from_secs(60),
            connection_name_prefix: "wellspring".to_owned(),
            publisher_confirm_type: None,
            publisher_returns: None,
            publish_timeout: Duration::from_secs(30),
            reconnect_initial_interval: Duration::from_millis(200),
            reconnect_max_interval: Duration::from_secs(5),
            max_message_size: 128 << 20,
            compression_level: 1,
            requested_channel_max: None,
            bindings: BTreeMap::new(),
            default: Ends::default(),
        }
    }
}

impl Config {
    /// What an input's binding says, with what holds for every binding.
    #[must_use]
    pub fn consumer(&self, binding: &str) -> Consumer {
        self.ends(binding)
            .map_or_else(|| self.default.consumer.clone(), |own| own.consumer.over(&self.default.consumer))
    }

    /// What an output's binding says, with what holds for every binding.
    #[must_use]
    pub fn producer(&self, binding: &str) -> Producer {
        self.ends(binding)
            .map_or_else(|| self.default.producer.clone(), |own| own.producer.over(&self.default.producer))
    }

    fn ends(&self, binding: &str) -> Option<&Ends> {
        self.bindings.iter().find(|(name, _)| name.eq_ignore_ascii_case(binding)).map(|(_, ends)| ends)
    }

    /// The servers to try, in turn.
    ///
    /// # Errors
    /// The first address that is none, in a sentence.
    pub(super) fn servers(&self) -> Result<Vec<AMQPUri>, String> {
        if let Some(uri) = &self.uri {
            return Ok(vec![self.parse("uri", uri)?]);
        }
        if self.addresses.is_empty() {
            return Ok(vec![self.server(self.host.clone(), self.port)]);
        }
        self.addresses.iter().map(|address| self.address(address.trim())).collect()
    }

    fn address(&self, address: &str) -> Result<AMQPUri, String> {
        if address.contains("://") {
            return self.parse("addresses", address);
        }
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => match port.parse() {
                Ok(port) => (host, Some(port)),
                Err(_) => {
                    return Err(format!(
                        "`addresses` holds the port `{port}`, expected a number up to 65535"
                    ));
                }
            },
            _ => (address, self.port),
        };
        if host.is_empty() {
            return Err("`addresses` holds an address without a host, expected `host:port`".to_owned());
        }
        Ok(self.server(host.to_owned(), port))
    }

    fn parse(&self, key: &str, text: &str) -> Result<AMQPUri, String> {
        // The text may hold a password: it is not repeated.
        let wrong = |cause: String| {
            format!(
                "`{key}` is no AMQP URI ({cause}), expected `amqp://user:password@host:port/virtual-host`"
            )
        };
        let mut uri: AMQPUri = text.parse().map_err(wrong)?;
        if self.ssl.enabled && uri.scheme == AMQPScheme::AMQP {
            return Err(format!(
                "`{key}` begins with `amqp://`, which is not encrypted, expected `amqps://` with `ssl.enabled`"
            ));
        }
        // An URI without a path means the default virtual host, as everywhere but in the client.
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let path = rest.split(['?', '#']).next().unwrap_or_default().split_once('/').map(|(_, path)| path);
        if path.is_none_or(str::is_empty) {
            uri.vhost = self.virtual_host.clone().unwrap_or_else(|| "/".to_owned());
        }
        if !rest.split('/').next().unwrap_or_default().contains('@') {
            uri.authority.userinfo = self.user();
        }
        uri.query.heartbeat = uri.query.heartbeat.or_else(|| self.heartbeat());
        uri.query.channel_max = uri.query.channel_max.or(self.requested_channel_max);
        Ok(uri)
    }

    fn server(&self, host: String, port: Option<u16>) -> AMQPUri {
        let (scheme, usual) =
            if self.ssl.enabled { (AMQPScheme::AMQPS, 5671) } else { (AMQPScheme::AMQP, 5672) };
        let mut uri = AMQPUri {
            scheme,
            authority: AMQPAuthority { userinfo: self.user(), host, port: port.unwrap_or(usual) },
            vhost: self.virtual_host.clone().unwrap_or_else(|| "/".to_owned()),
            query: lapin::uri::AMQPQueryString::default(),
        };
        uri.query.heartbeat = self.heartbeat();
        uri.query.channel_max = self.requested_channel_max;
        uri
    }

    fn user(&self) -> AMQPUserInfo {
        AMQPUserInfo { username: self.username.clone(), password: self.password.clone() }
    }

    fn heartbeat(&self) -> Option<u16> {
        u16::try_from(self.requested_heartbeat.as_secs()).ok()
    }

    /// What is wrong beyond the types, a sentence each.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.servers().err().into_iter().collect();
        let positive = [
            ("connection-timeout", self.connection_timeout),
            ("publish-timeout", self.publish_timeout),
            ("reconnect-initial-interval", self.reconnect_initial_interval),
            ("reconnect-max-interval", self.reconnect_max_interval),
        ];
        for (key, found) in positive {
            if found.is_zero() {
                problems.push(format!("`{key}` is 0, expected a time above it"));
            }
        }
        if self.publisher_confirm_type.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("none")) {
            problems.push(
                "`publisher-confirm-type` is `none`: messages are always confirmed, leave it out".to_owned(),
            );
        }
        if self.publisher_returns == Some(false) {
            let advice = "set `producer.allow-unroutable` where messages may get lost";
            problems.push(format!(
                "`publisher-returns` is false: unroutable messages always come back, {advice}"
            ));
        }
        if self.compression_level > 9 {
            problems.push(format!("`compression-level` is {}, expected 0 to 9", self.compression_level));
        }
        if self.requested_heartbeat.as_secs() > u64::from(u16::MAX) {
            problems.push("`requested-heartbeat` is longer than 65535s".to_owned());
        }
        problems.extend(self.ssl.problems());
        problems
    }
}

/// A server as it may be shown: without the password.
pub(super) fn shown(uri: &AMQPUri) -> String {
    let AMQPAuthority { userinfo, host, port } = &uri.authority;
    let vhost = if uri.vhost == "/" { "%2f" } else { &uri.vhost };
    format!("{}://{}@{host}:{port}/{vhost}", uri.scheme, userinfo.username)
}

impl fmt::Debug for Config {
    /// Without anything that may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let servers: Vec<_> = self.servers().unwrap_or_default().iter().map(shown).collect();
        f.debug_struct("Config").field("servers", &servers).finish_non_exhaustive()
    }
}
