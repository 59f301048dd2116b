//! Headers across the edge: of a request into a message, of a message into an answer.

use std::sync::{Arc, OnceLock};

use hyper::Uri;
use hyper::header::{self, HeaderMap, HeaderName as WireName, HeaderValue as WireValue};
use wellspring_functions::{HeaderName, HeaderSource, HeaderValue, Headers, header_names};

use super::path;

/// Names that cross in no direction: they belong to one connection, to the framing of the body, or to ourselves.
const NEVER: &[&str] = &[
    "connection",
    "content-length",
    "contenttype",
    "content-type",
    header_names::HTTP_REQUEST_PARAM,
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "proxy-connection",
    header_names::FUNCTION_DEFINITION,
    header_names::SEND_TO_DESTINATION,
    "statuscode",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Names that mean something in a request only; a function that hands its input's headers on must not send them back.
const REQUEST_ONLY: &[&str] = &[
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cookie",
    "expect",
    "forwarded",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "max-forwards",
    "origin",
    "range",
    "referer",
    "user-agent",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
];

/// Which headers cross.
#[derive(Debug, Default)]
pub(super) struct Filter {
    /// In lower case.
    ignored: Vec<String>,
}

impl Filter {
    pub(super) fn new(ignored: &[String]) -> Arc<Self> {
        Arc::new(Self { ignored: ignored.iter().map(|name| name.trim().to_lowercase()).collect() })
    }

    fn enters(&self, name: &WireName) -> bool {
        !NEVER.contains(&name.as_str()) && !self.ignored.iter().any(|ignored| ignored == name.as_str())
    }

    fn leaves(&self, name: &WireName) -> bool {
        self.enters(name) && !REQUEST_ONLY.contains(&name.as_str())
    }
}

/// The headers and query parameters of a request, read when a function asks for them.
struct Received {
    headers: HeaderMap,
    uri: Uri,
    filter: Arc<Filter>,
    read: OnceLock<Vec<(HeaderName, HeaderValue)>>,
}

/// The headers of a message, the content type left out, which become readable when somebody asks.
pub(super) fn received(headers: HeaderMap, uri: Uri, filter: &Arc<Filter>) -> Headers {
    let filter = Arc::clone(filter);
    Headers::received(None, Arc::new(Received { headers, uri, filter, read: OnceLock::new() }), 0)
}

impl HeaderSource for Received {
    fn entries(&self, _: u32) -> &[(HeaderName, HeaderValue)] {
        self.read.get_or_init(|| self.read())
    }
}

impl Received {
    fn read(&self) -> Vec<(HeaderName, HeaderValue)> {
        let of_connection = of_connection(&self.headers);
        let mut read = Vec::with_capacity(self.headers.len());
        for (name, value) in &self.headers {
            if self.filter.enters(name) && !of_connection.iter().any(|own| own == name.as_str()) {
                read.push((HeaderName::from(name.as_str()), value_of(value)));
            }
        }
        if let Some(query) = self.uri.query() {
            let parameters = path::parameters(query).into_iter();
            let map = parameters.map(|(name, value)| (name.into(), value.into())).collect();
            read.push((header_names::HTTP_REQUEST_PARAM.into(), HeaderValue::Map(map)));
        }
        read
    }
}

/// The names that the request itself calls hop-by-hop, in lower case.
fn of_connection(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn value_of(value: &WireValue) -> HeaderValue {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.into(),
        Err(_) => value.as_bytes().to_vec().into(),
    }
}

/// Adds the headers of a message to an answer. What HTTP cannot express stays behind, with a line in the log.
pub(super) fn write(message: &Headers, answer: &mut HeaderMap, filter: &Filter) {
    if message.is_empty() {
        return;
    }
    for (name, value) in message.iter() {
        let Ok(wire) = WireName::from_bytes(name.as_bytes()) else {
            tracing::debug!(header = name, "left out of the answer: not a name that HTTP allows");
            continue;
        };
        if filter.leaves(&wire) {
            append(&wire, value, answer);
        }
    }
}

fn append(name: &WireName, value: &HeaderValue, answer: &mut HeaderMap) {
    let wire = match value {
        HeaderValue::List(values) => return values.iter().for_each(|value| append(name, value, answer)),
        HeaderValue::Null | HeaderValue::Map(_) => None,
        HeaderValue::Text(text) => {
            WireValue::from_str(text).or_else(|_| WireValue::from_bytes(text.as_bytes())).ok()
        }
        HeaderValue::Bytes(bytes) => WireValue::from_bytes(bytes).ok(),
        other => WireValue::from_str(&other.to_string()).ok(),
    };
    let added = wire.is_some_and(|wire| answer.try_append(name.clone(), wire).is_ok());
    if !added {
        tracing::debug!(header = %name, "left out of the answer: not a value that HTTP allows");
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;

    use super::*;

    fn read(pairs: &[(&'static str, &'static str)], uri: &'static str) -> Headers {
        let pairs = pairs.iter().map(|(name, value)| {
            (WireName::from_static(name), WireValue::from_bytes(value.as_bytes()).unwrap())
        });
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, value);
        }
        received(map, Uri::from_static(uri), &Filter::new(&["X-Drop".to_owned()]))
    }

    #[test]
    fn keeps_every_value_and_drops_what_belongs_to_the_connection() {
        let headers = read(
            &[
                ("x-many", "1"),
                ("x-many", "2"),
                ("connection", "close, X-Hop"),
                ("x-hop", "1"),
                ("te", "trailers"),
                ("x-drop", "1"),
                ("statuscode", "500"),
                ("spring.cloud.function.definition", "other"),
                ("host", "here"),
            ],
            "/",
        );
        let all: Vec<_> = headers.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(all, ["x-many=1", "x-many=2", "host=here"]);
    }

    #[test]
    fn query_parameters_are_one_header() {
        let headers = read(&[("http_request_param", "forged")], "/f?a=1&b=%C5%BC&a=2");
        let map = HeaderValue::Map(vec![("a".into(), "1".into()), ("b".into(), "ż".into())]);
        assert_eq!(headers.get("http_request_param"), Some(&map));
        assert_eq!(headers.len(), 1);
        assert!(read(&[], "/f").is_empty());
    }

    #[test]
    fn writes_what_http_can_express_and_leaves_the_rest() {
        let mut message: Headers = [
            ("X-One", "1"),
            ("bad name", "x"),
            ("x-split", "a\r\nb: c"),
            ("Authorization", "secret"),
            ("x-drop", "1"),
        ]
        .into_iter()
        .collect();
        message.set("x-list", HeaderValue::List(vec!["a".into(), 2.into()]));
        message.set("x-map", HeaderValue::Map(vec![]));
        message.set("statusCode", 201);
        let mut answer = HeaderMap::new();
        write(&message, &mut answer, &Filter::new(&["X-DROP".to_owned()]));
        let all: Vec<_> =
            answer.iter().map(|(name, value)| format!("{name}={}", value.to_str().unwrap())).collect();
        assert_eq!(all, ["x-one=1", "x-list=a", "x-list=2"]);
    }

    #[test]
    fn a_source_can_be_told_from_others() {
        let headers = read(&[("a", "1")], "/");
        let (source, _) = headers.source().unwrap();
        assert!((source as &dyn Any).is::<Received>());
    }
}
