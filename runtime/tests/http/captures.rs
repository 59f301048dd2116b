//! What Spring Cloud Function answers, recorded from its servlet and its WebFlux stack, and what we answer.
//!
//! Every case is sent as it was recorded. Our status, content type, body and what the consumers saw must be those of
//! one of the two stacks, or stand in `differences.json` with the reason. Of an error only the status is compared: the
//! body is a problem document here and was none there. A case that is listed and does not differ fails too; one that
//! differs and is not listed fails with the line that would list it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wellspring::http::Running;

use super::handlers::{Seen, all, single};
use super::support::{Answer, Client, start};

const RECORDED: &str = include_str!("captures/http.json");
const DIFFERENCES: &str = include_str!("captures/differences.json");

#[derive(Deserialize)]
struct Recording {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    instance: String,
    request: Request,
    servlet: Expected,
    /// As the servlet stack when absent.
    webflux: Option<Expected>,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Body>,
    #[serde(default)]
    no_user_agent: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Text(String),
    Bytes { hex: String },
}

/// An answer, as far as it is compared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Expected {
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_hex: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    consumers_saw: Vec<String>,
}

/// Cases that differ on purpose, and why.
#[derive(Deserialize)]
struct Differences {
    why: String,
    cases: BTreeMap<String, Expected>,
}

/// How the recorded applications were configured, in our words.
const INSTANCES: &[(&str, &[&str])] = &[
    ("plain", &[]),
    ("default", &["--spring.cloud.function.definition=uppercase|reverse"]),
    ("single", &[]),
    (
        "prefix",
        &[
            "--spring.cloud.function.web.path=/functions",
            "--spring.cloud.function.http.GET=word;uppercase",
            "--spring.cloud.function.http.POST=uppercase;headers;person;uppercase|reverse;message;messageCopy",
            "--spring.cloud.function.http.ignored-headers=x-drop,X-Drop-Upper,x-own",
        ],
    ),
    ("copying", &["--spring.cloud.function.configuration.default.copy-input-headers=true"]),
];

#[tokio::test]
async fn answers_as_recorded_or_differs_on_purpose() {
    let recording: Recording = serde_json::from_str(RECORDED).unwrap();
    let listed = listed();
    let (mut problems, mut tried) = (Vec::new(), BTreeSet::new());
    for (instance, flags) in INSTANCES {
        let seen = Seen::default();
        let catalog = if *instance == "single" { single() } else { all(&seen) };
        let server = start(catalog, flags).await;
        for case in recording.cases.iter().filter(|case| case.instance == *instance) {
            tried.insert(case.id.as_str());
            let answer = send(&server, &case.request).await;
            nothing_is_echoed(&case.id, &case.request, &answer);
            let ours = observed(&answer, seen.take());
            problems.extend(judge(case, &ours, listed.get(&case.id)));
        }
    }
    assert_eq!(tried.len(), recording.cases.len(), "every case is tried, once");
    problems
        .extend(listed.keys().filter(|id| !tried.contains(id.as_str())).map(|id| format!("{id} is no case")));
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

fn listed() -> BTreeMap<String, Expected> {
    let groups: Vec<Differences> = serde_json::from_str(DIFFERENCES).unwrap();
    let mut all = BTreeMap::new();
    for Differences { why, cases } in groups {
        assert!(!why.is_empty());
        for (id, expected) in cases {
            assert!(all.insert(id.clone(), expected).is_none(), "{id} is listed twice");
        }
    }
    all
}

fn judge(case: &Case, ours: &Expected, listed: Option<&Expected>) -> Option<String> {
    let webflux = case.webflux.as_ref().unwrap_or(&case.servlet);
    let is_equal = same(ours, &case.servlet) || same(ours, webflux);
    match listed {
        None if is_equal => None,
        None => Some(format!("{:?}: {}", case.id, serde_json::to_string(ours).unwrap())),
        Some(_) if is_equal => Some(format!("{}: is listed but does not differ", case.id)),
        Some(listed) if same(ours, listed) => None,
        Some(listed) => Some(format!("{}: differs from what is listed: {ours:?}, {listed:?}", case.id)),
    }
}

/// Of errors only the status counts; JSON is compared by its meaning.
fn same(ours: &Expected, theirs: &Expected) -> bool {
    let json = |text: &str| serde_json::from_str::<Value>(text).ok();
    let is_error = ours.status.is_some_and(|status| status >= 400);
    let body = || {
        let is_json = ours.content_type.as_deref() == Some("application/json");
        ours.body_hex == theirs.body_hex
            && (ours.body == theirs.body
                || (is_json && json(&ours.body).is_some() && json(&ours.body) == json(&theirs.body)))
    };
    ours.status == theirs.status
        && ours.consumers_saw == theirs.consumers_saw
        && (is_error || (ours.content_type == theirs.content_type && body()))
}

fn observed(answer: &Answer, consumers_saw: Vec<String>) -> Expected {
    let mut ours = Expected { status: Some(answer.status), consumers_saw, ..Expected::default() };
    if answer.status < 400 {
        ours.content_type = answer.header("content-type").map(str::to_owned);
        match String::from_utf8(answer.body.clone()) {
            Ok(text) => ours.body = text,
            Err(_) => ours.body_hex = Some(answer.body.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }
    ours
}

/// A request's headers come back only from the function that returns the message it was given.
fn nothing_is_echoed(id: &str, request: &Request, answer: &Answer) {
    let copies = request.target.ends_with("/messageCopy");
    for (name, value) in &request.headers {
        let meant = ["content-type", "content-length"].iter().any(|meant| name.eq_ignore_ascii_case(meant));
        assert!(meant || copies || !answer.all(name).contains(&value.as_str()), "{id}: `{name}` is echoed");
    }
}

async fn send(server: &Running, request: &Request) -> Answer {
    let mut head = format!("{} {} HTTP/1.1\r\nHost: test.local\r\n", request.method, request.target);
    if !request.no_user_agent {
        head.push_str("User-Agent: probe\r\n");
    }
    let body = match &request.body {
        None => Vec::new(),
        Some(Body::Text(text)) => text.clone().into_bytes(),
        Some(Body::Bytes { hex }) => from_hex(hex),
    };
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if request.body.is_some() {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    let mut client = Client::connect(server.address()).await;
    client.send([head.as_bytes(), b"\r\n", &body].concat()).await;
    loop {
        let answer = client.try_answer(request.method == "HEAD").await;
        let answer = answer.unwrap_or_else(|| panic!("no answer to {} `{}`", request.method, request.target));
        // `100 Continue` is not the answer yet.
        if answer.status != 100 {
            return answer;
        }
    }
}

fn from_hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}
