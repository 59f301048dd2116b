//! The kinds of values that keys take, and how their text is read.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use croner::parser::{CronParser, Seconds};
use jiff::SignedDuration;

use super::delivery::{Ending, Guarantee, OnFailure, Order, word};
use super::logging::{Level, LogFormat};
use crate::expression::{Expression, KeyExpression, Malformed};

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Address,
    Bool,
    ContentType,
    Count,
    Cron,
    /// Names or compositions with `;` between them.
    Definitions,
    Duration,
    /// What is done with a delivery that is not tried again.
    Ending,
    /// What of a message is meant.
    Expression,
    Factor,
    /// When a delivery is settled.
    Guarantee,
    /// How headers travel: as headers.
    HeaderMode,
    Index,
    /// What of a partition's key is meant.
    KeyExpression,
    Level,
    /// Texts, as a list or with commas between them.
    List,
    LogFormat,
    Name,
    /// What is done with a delivery that failed.
    OnFailure,
    /// Within what deliveries keep their order.
    Order,
    Port,
    Prefix,
    /// A duration that is counted in seconds when it has no unit.
    Seconds,
    /// A part of one.
    Share,
    Size,
    Text,
    /// Any shape, kept as written.
    Tree,
}

/// Why a text is not of its kind: advice, if there is some beyond what was expected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wrong(pub(super) Option<String>);

impl Wrong {
    pub(super) fn with(advice: impl Into<String>) -> Self {
        Self(Some(advice.into()))
    }
}

type Read<T> = Result<T, Wrong>;

impl Kind {
    /// What is expected, as a report says it.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Address => "an IP address such as `0.0.0.0` or `::1`",
            Self::Bool => "`true` or `false`",
            Self::ContentType => "a content type such as `application/json`",
            Self::Count => "a whole number from 1 on",
            Self::Cron => "a cron expression such as `0 */5 * * * *`",
            Self::Definitions => "function names with `;` between them",
            Self::Duration => "a duration such as `1500ms`, `2s` or `1m`",
            Self::Ending => Ending::EXPECTED,
            Self::Expression => "an expression such as `headers['name']` or `payload.path`",
            Self::Factor => "a number from 1.0 on",
            Self::Guarantee => Guarantee::EXPECTED,
            Self::HeaderMode => "`headers`",
            Self::Index => "a whole number from 0 on",
            Self::KeyExpression => "an expression over the key such as `hashCode() % 3`",
            Self::Level => "`off`, `error`, `warn`, `info`, `debug` or `trace`",
            Self::List => "a list",
            Self::LogFormat => "`auto`, `text` or `json`",
            Self::Name => "a name",
            Self::OnFailure => OnFailure::EXPECTED,
            Self::Order => Order::EXPECTED,
            Self::Port => "a port from 0 to 65535",
            Self::Prefix => "a path that starts with `/`",
            Self::Seconds => "a duration such as `30s`, or a number of seconds",
            Self::Share => "a number from 0.0 to 1.0",
            Self::Size => "a size such as `10MB`, `64KB` or a number of bytes",
            Self::Text => "text",
            Self::Tree => "a map",
        }
    }

    /// Whether a list may stand for the value.
    pub(super) fn takes_list(self) -> bool {
        matches!(self, Self::List | Self::Definitions)
    }

    /// What stands between the items when a list is written as one text.
    pub(super) fn separator(self) -> char {
        if self == Self::Definitions { ';' } else { ',' }
    }

    /// Whether an empty text means that nothing is set, so that `${GROUP:}` can leave a name out.
    pub(super) fn may_be_empty(self) -> bool {
        matches!(self, Self::Name | Self::ContentType | Self::Cron)
    }

    /// Whether `text` is of this kind.
    pub(super) fn check(self, text: &str) -> Read<()> {
        match self {
            Self::Address => address(text).map(drop),
            Self::Bool => boolean(text).map(drop),
            Self::ContentType => content_type(text).map(drop),
            Self::Count => count(text).map(drop),
            Self::Cron => cron(text).map(drop),
            Self::Duration => duration(text).map(drop),
            Self::Ending => word::<Ending>(text).map(drop),
            Self::Expression => expression(text).map(drop),
            Self::Factor => factor(text).map(drop),
            Self::Guarantee => word::<Guarantee>(text).map(drop),
            Self::HeaderMode => header_mode(text),
            Self::Index => index(text).map(drop),
            Self::KeyExpression => key_expression(text).map(drop),
            Self::Level => level(text).map(drop),
            Self::LogFormat => log_format(text).map(drop),
            Self::Name => name(text).map(drop),
            Self::OnFailure => word::<OnFailure>(text).map(drop),
            Self::Order => word::<Order>(text).map(drop),
            Self::Port => port(text).map(drop),
            Self::Prefix => prefix(text).map(drop),
            Self::Seconds => seconds(text).map(drop),
            Self::Share => share(text).map(drop),
            Self::Size => size(text).map(drop),
            Self::Definitions | Self::List | Self::Text => Ok(()),
            Self::Tree => Err(Wrong::default()),
        }
    }
}

pub(super) fn address(text: &str) -> Read<IpAddr> {
    match text.trim() {
        "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        text => text.trim_matches(['[', ']']).parse().map_err(|_| Wrong::default()),
    }
}

pub(super) fn boolean(text: &str) -> Read<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        "yes" | "on" | "y" | "1" => Err(Wrong::with("write `true`")),
        "no" | "off" | "n" | "0" => Err(Wrong::with("write `false`")),
        _ => Err(Wrong::default()),
    }
}

pub(super) fn content_type(text: &str) -> Read<String> {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let part = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '/' | '"' | '(' | ')' | ',' | '@'))
    };
    match essence.split_once('/') {
        Some((kind, subtype)) if part(kind) && part(subtype) => Ok(text.trim().to_owned()),
        _ => Err(Wrong::default()),
    }
}

pub(super) fn count(text: &str) -> Read<u32> {
    match index(text)? {
        0 => Err(Wrong::default()),
        number => Ok(number),
    }
}

/// Checks a cron expression of five fields, or of six with seconds in front; the text stays as it is.
pub(super) fn cron(text: &str) -> Read<String> {
    let parser = CronParser::builder().seconds(Seconds::Optional).build();
    parser.parse(text.trim()).map(|_| text.trim().to_owned()).map_err(|error| Wrong::with(error.to_string()))
}

/// Reads a duration: a number with a unit, a plain number of milliseconds, or ISO 8601 (`PT1.5S`).
pub(super) fn seconds(text: &str) -> Read<Duration> {
    match text.trim().parse() {
        Ok(number) => Ok(Duration::from_secs(number)),
        Err(_) => duration(text),
    }
}

pub(super) fn duration(text: &str) -> Read<Duration> {
    let text = text.trim();
    if text.starts_with(['P', 'p']) {
        let signed: SignedDuration = text.parse().map_err(|_| Wrong::default())?;
        return signed.try_into().map_err(|_| Wrong::with("a duration is never negative"));
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        let advice = text.starts_with('-').then(|| "a duration is never negative".to_owned());
        return Err(Wrong(advice));
    }
    let too_long = || Wrong::with("it is too long");
    let number: u64 = number.parse().map_err(|_| too_long())?;
    let seconds = |each: u64| number.checked_mul(each).map(Duration::from_secs).ok_or_else(too_long);
    match unit.trim().to_ascii_lowercase().as_str() {
        "" | "ms" => Ok(Duration::from_millis(number)),
        "ns" => Ok(Duration::from_nanos(number)),
        "us" | "µs" => Ok(Duration::from_micros(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        "d" => seconds(86_400),
        "sec" | "secs" | "second" | "seconds" => Err(Wrong::with(format!("write `{number}s`"))),
        "min" | "mins" | "minute" | "minutes" => Err(Wrong::with(format!("write `{number}m`"))),
        "hour" | "hours" => Err(Wrong::with(format!("write `{number}h`"))),
        fraction if fraction.starts_with('.') => Err(Wrong::with("use a smaller unit instead of a fraction")),
        _ => Err(Wrong::default()),
    }
}

pub(super) fn expression(text: &str) -> Read<Expression> {
    text.parse().map_err(|error: Malformed| Wrong::with(error.why()))
}

pub(super) fn key_expression(text: &str) -> Read<KeyExpression> {
    text.parse().map_err(|error: Malformed| Wrong::with(error.why()))
}

pub(super) fn factor(text: &str) -> Read<f64> {
    match text.trim().parse::<f64>() {
        Ok(number) if number.is_finite() && number >= 1.0 => Ok(number),
        _ => Err(Wrong::default()),
    }
}

/// Takes the only way there is.
fn header_mode(text: &str) -> Read<()> {
    match text.trim().to_ascii_lowercase().as_str() {
        "headers" => Ok(()),
        "none" => Err(Wrong::with("an output leaves headers out by `header-patterns` of its binder")),
        "embeddedheaders" | "embedded-headers" | "embedded_headers" => {
            Err(Wrong::with("every broker has carried headers of its own for years"))
        }
        _ => Err(Wrong::default()),
    }
}

pub(super) fn index(text: &str) -> Read<u32> {
    let text = text.trim();
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    if digits && text.len() > 1 && text.starts_with('0') {
        let plain = text.trim_start_matches('0');
        let plain = if plain.is_empty() { "0" } else { plain };
        return Err(Wrong::with(format!("write `{plain}`: formats disagree on what a leading zero means")));
    }
    if !digits {
        return Err(Wrong::default());
    }
    text.parse().map_err(|_| Wrong::with(format!("the largest is {}", u32::MAX)))
}

pub(super) fn level(text: &str) -> Read<Level> {
    match text.trim().to_ascii_lowercase().as_str() {
        "off" | "false" => Ok(Level::Off),
        "error" | "fatal" => Ok(Level::Error),
        "warn" => Ok(Level::Warn),
        "info" => Ok(Level::Info),
        "debug" => Ok(Level::Debug),
        "trace" => Ok(Level::Trace),
        "warning" => Err(Wrong::with("write `warn`")),
        _ => Err(Wrong::default()),
    }
}

pub(super) fn log_format(text: &str) -> Read<LogFormat> {
    match text.trim().to_ascii_lowercase().as_str() {
        "auto" => Ok(LogFormat::Auto),
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(Wrong::default()),
    }
}

pub(super) fn name(text: &str) -> Read<String> {
    match text.trim() {
        "" => Err(Wrong::default()),
        name => Ok(name.to_owned()),
    }
}

pub(super) fn port(text: &str) -> Read<u16> {
    u16::try_from(index(text)?).map_err(|_| Wrong::default())
}

/// Reads a path prefix; slashes at its end are dropped, as in Spring.
pub(super) fn prefix(text: &str) -> Read<String> {
    let path = text.trim().trim_end_matches('/');
    if path.is_empty() {
        return Ok(String::new());
    }
    if !path.starts_with('/') {
        return Err(Wrong::with(format!("write `/{path}`")));
    }
    let plain = path.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '{' | '}' | '%'));
    if plain {
        Ok(path.to_owned())
    } else {
        Err(Wrong::with("it may not contain spaces, `?`, `#`, `%`, `{` or `}`"))
    }
}

pub(super) fn share(text: &str) -> Read<f64> {
    match text.trim().parse::<f64>() {
        Ok(number) if (0.0..=1.0).contains(&number) => Ok(number),
        _ => Err(Wrong::default()),
    }
}

/// Reads a size in bytes; `KB` is 1024 bytes, as in Spring.
pub(super) fn size(text: &str) -> Read<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(Wrong::default());
    }
    let shift = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "kb" | "kib" => 10,
        "mb" | "mib" => 20,
        "gb" | "gib" => 30,
        "tb" | "tib" => 40,
        "k" | "m" | "g" | "t" => return Err(Wrong::with(format!("write `{}B`", text.to_uppercase()))),
        _ => return Err(Wrong::default()),
    };
    let too_large = || Wrong::with("it is too large");
    let number: u64 = number.parse().map_err(|_| too_large())?;
    number.checked_mul(1 << shift).ok_or_else(too_large)
}

pub(super) fn text(text: &str) -> Read<String> {
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
