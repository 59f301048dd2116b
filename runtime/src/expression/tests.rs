//! What expressions mean, and what is none.

use wellspring_functions::{ContentType, Message};

use super::*;

fn message() -> EncodedMessage {
    let payload = r#"{"id":42,"name":"Łucja","customer":{"tier":"gold","ids":[7,8]},"debt":-1,"open":true,"none":null}"#;
    let mut message = Message::encoded(payload, ContentType::JSON);
    let headers = message.headers_mut();
    headers.set("x", "one");
    headers.set("Tenant-Id", "acme");
    headers.set("n", 5i32);
    headers.set("long", -1i64);
    headers.set("raw", vec![0u8, 0xff]);
    headers.set("map", HeaderValue::Map(vec![("a".into(), 1i32.into())]));
    message
}

fn value(text: &str) -> Result<HeaderValue, String> {
    let expression: Expression = text.parse().map_err(|error: Malformed| error.to_string())?;
    expression.evaluate(&message()).map_err(|error| error.to_string())
}

#[test]
fn the_forms_that_people_write_mean_what_they_mean_in_spring() {
    let cases: Vec<(&str, HeaderValue)> = vec![
        ("headers['x']", "one".into()),
        ("headers[\"x\"]", "one".into()),
        ("headers[x]", "one".into()),
        ("headers.x", "one".into()),
        ("headers?.x", "one".into()),
        ("headers.get('x')", "one".into()),
        (" headers [ 'x' ] ", "one".into()),
        ("headers['tenant-id']", "acme".into()),
        ("headers['n']", 5i32.into()),
        ("headers['long']", (-1i64).into()),
        ("headers['map']['a']", 1i32.into()),
        ("headers['map'].b", HeaderValue::Null),
        ("headers['missing']", HeaderValue::Null),
        ("headers['contentType']", "application/json".into()),
        ("headers['x'].getBytes('UTF-8')", b"one".to_vec().into()),
        ("headers['x'].getBytes()", b"one".to_vec().into()),
        ("headers.x.bytes", b"one".to_vec().into()),
        ("headers['raw']", vec![0u8, 0xff].into()),
        ("payload.id", 42i64.into()),
        ("payload['id']", 42i64.into()),
        ("payload[id]", 42i64.into()),
        ("payload.getId()", 42i64.into()),
        ("payload?.customer?.tier", "gold".into()),
        ("payload.customer.tier", "gold".into()),
        ("payload.customer['tier']", "gold".into()),
        ("payload.getCustomer().getTier()", "gold".into()),
        ("payload.customer.ids[1]", 8i64.into()),
        ("payload.isOpen()", true.into()),
        ("payload.none", HeaderValue::Null),
        ("payload.none.deeper", HeaderValue::Null),
        ("payload.name", "Łucja".into()),
        ("payload.id.toString()", "42".into()),
        ("payload.name.hashCode()", 300_034_310i32.into()),
        ("'literal'", "literal".into()),
        ("\"literal\"", "literal".into()),
        ("'it''s'", "it's".into()),
        ("''", "".into()),
        ("5", 5i32.into()),
        ("-5", (-5i32).into()),
        ("5L", 5i64.into()),
        ("2.5", 2.5.into()),
        ("null", HeaderValue::Null),
        ("true", true.into()),
        ("'a.' + headers['x']", "a.one".into()),
        ("'a.'+headers.x+'.'+payload.id", "a.one.42".into()),
        ("headers['x'] + '-' + headers['missing']", "one-null".into()),
        ("payload.id + 1", 43i64.into()),
        ("payload.id % 10", 2i64.into()),
        ("(payload.id - 2) * 2 / 4", 20i64.into()),
        ("'a' + (1 + 2)", "a3".into()),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_payload_is_what_its_content_type_says() {
    let whole = |payload: &[u8], content_type: ContentType| {
        let expression: Expression = "payload".parse().unwrap();
        expression.evaluate(&Message::encoded(payload.to_vec(), content_type)).unwrap()
    };
    assert_eq!(whole(b"foo", ContentType::JSON), "foo".into());
    assert_eq!(whole(b"\"foo\"", ContentType::JSON), "foo".into());
    assert_eq!(whole(b"-7", ContentType::JSON), (-7i64).into());
    assert_eq!(whole(b"true", ContentType::JSON), true.into());
    assert_eq!(whole(b"1 2", ContentType::JSON), "1 2".into());
    assert_eq!(whole(b"{\"a\":1}", ContentType::JSON), "{\"a\":1}".into());
    assert_eq!(whole(b"-7", ContentType::TEXT), "-7".into());
    assert_eq!(whole(b"\xff", ContentType::BYTES), vec![0xffu8].into());
    let expression: Expression = "payload".parse().unwrap();
    assert_eq!(expression.evaluate(&Message::new(None)), Ok(HeaderValue::Null));
    let expression: Expression = "payload.id".parse().unwrap();
    assert_eq!(expression.evaluate(&Message::new(None)), Ok(HeaderValue::Null));
}

#[test]
fn says_why_a_message_has_no_value() {
    let evaluated = |text: &str, payload: &str| {
        let expression: Expression = text.parse().unwrap();
        let message = Message::encoded(payload.to_owned(), ContentType::TEXT).with_header("x", "one");
        expression.evaluate(&message).unwrap_err().to_string()
    };
    assert_eq!(
        evaluated("payload.id", "hello"),
        "the expression `payload.id` has no value: the payload is no JSON: expected value at line 1 column 1"
    );
    assert_eq!(
        evaluated("headers.x.y", ""),
        "the expression `headers.x.y` has no value: a single value has no `y`"
    );
    assert_eq!(
        evaluated("headers.x * 2", ""),
        "the expression `headers.x * 2` has no value: `one` and `2` cannot be computed with"
    );
    assert_eq!(
        evaluated("headers.y.hashCode()", ""),
        "the expression `headers.y.hashCode()` has no value: a method is called on a value that is not there"
    );
}

#[test]
fn keys_are_the_root_of_a_selector() {
    let selected = |text: &str, key: HeaderValue| text.parse::<KeyExpression>().unwrap().evaluate(&key);
    assert_eq!(selected("5", "foo".into()), Ok(5));
    assert_eq!(selected("hashCode()", "foo".into()), Ok(101_574));
    assert_eq!(selected("#root.hashCode() % 10", "foo".into()), Ok(4));
    assert_eq!(selected("#this % 2", 7i64.into()), Ok(1));
    assert_eq!(selected("key", "12".into()), Ok(12));
    for (key, given) in [(HeaderValue::from("foo"), "foo"), (i64::MAX.into(), "9223372036854775807")] {
        let sentence =
            format!("the expression `key` has no value: it gives `{given}`, expected a whole number");
        assert_eq!(selected("key", key).unwrap_err().to_string(), sentence);
    }
    for wrong in ["payload", "headers['x']", "foo", "T(Math).abs(1)", "'a'", "#root + 'a'"] {
        assert!(wrong.parse::<KeyExpression>().is_err(), "{wrong}");
    }
}

#[test]
fn what_is_known_to_be_no_number_is_told() {
    let no_number = |text: &str| text.parse::<NumberExpression>().is_err();
    for text in ["'a'", "'a' + headers.x", "headers.x.toString()", "true", "null"] {
        assert!(no_number(text), "{text}");
    }
    for text in ["1", "headers.x", "payload.id", "payload.id + 1", "headers.x.hashCode()", "'5'"] {
        assert!(!no_number(text), "{text}");
    }
}

#[test]
fn refuses_what_is_no_expression_and_says_where() {
    for text in [
        "",
        "headers",
        "(headers)",
        "headers[",
        "headers['x'",
        "headers['x']]",
        "payload.",
        "payload..a",
        "orderId",
        "'open",
        "@bean.key(payload)",
        "new java.util.Date()",
        "T(java.util.UUID).randomUUID().toString()",
        "payload.unknownMethod()",
        "'a' * 2",
        "#root",
        "key",
        "1 +",
        "99999999999999999999L",
    ] {
        let error = text.parse::<Expression>().expect_err(text).to_string();
        assert!(error.starts_with(&format!("`{text}` is no expression: ")), "{text}: {error}");
        assert!(error.contains("expected"), "{text}: {error}");
        assert!(!error.contains('\n'), "{text}: {error}");
    }
    let deep = format!("{}1{}", "(".repeat(900), ")".repeat(900));
    assert!(deep.parse::<Expression>().is_err());
    let long = format!("'{}'", "x".repeat(LONGEST));
    let error = long.parse::<Expression>().unwrap_err().to_string();
    assert!(error.contains("it has 2002 bytes, more than the 2000") && error.len() < 350, "{error}");
}

#[cfg(not(feature = "cel"))]
#[test]
fn names_the_feature_that_everything_else_needs() {
    assert_eq!(
        "headers.x == 'a' ? 1 : 2".parse::<Expression>().unwrap_err().to_string(),
        "`headers.x == 'a' ? 1 : 2` is no expression: the end or an operator is missing at character 11, expected \
         `headers['name']`, `payload`, `payload.path` or a `'literal'` (the feature `cel` adds everything else)"
    );
}

#[cfg(feature = "cel")]
mod with_cel {
    use super::*;

    #[test]
    fn everything_else_is_cel() {
        let cases: Vec<(&str, HeaderValue)> = vec![
            ("headers.x == 'one' ? 'a' : 'b'", "a".into()),
            ("headers['n'] > 3 && payload.customer.tier == 'gold'", true.into()),
            ("has(headers.missing) ? headers.missing : payload.name", "Łucja".into()),
            ("'x' in headers", true.into()),
            ("'missing' in headers", false.into()),
            ("payload.customer.ids.exists(id, id == 8)", true.into()),
            ("size(payload.customer.ids)", 2i64.into()),
            ("payload.customer.tier.startsWith('g') ? 1 : 0", 1i64.into()),
            ("payload.customer.tier.substring(0, 2)", "go".into()),
            ("payload.customer.tier.upperAscii() + '!'", "GOLD!".into()),
            ("string(payload.id) + '/' + headers.x", "42/one".into()),
            ("(headers.n > 3 ? 'onex' : '').hashCode()", 3_415_762i64.into()),
            ("[payload.id, 1].map(n, n * 2)[0]", 84i64.into()),
        ];
        for (text, expected) in cases {
            assert_eq!(value(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_payload_that_is_no_object_is_its_value() {
        let expression: Expression = "payload > 5 ? 'many' : 'few'".parse().unwrap();
        let counted = |text: &str| expression.evaluate(&Message::encoded(text.to_owned(), ContentType::JSON));
        assert_eq!((counted("7"), counted("3")), (Ok("many".into()), Ok("few".into())));
    }

    #[test]
    fn what_cannot_be_right_is_refused_at_once_with_its_place() {
        let refused = |text: &str| text.parse::<Expression>().unwrap_err().why().to_owned();
        let cases = [
            (
                "headers.x == customer ? 1 : 2",
                "nothing is called `customer` (a text stands in quotes: `'customer'`) (character 14)",
            ),
            ("payload.id.frobnicate(2) + 1", "no function is called `frobnicate`"),
            ("headers.x == 'a' ? 1 / 0 : 2", "Division by zero"),
            ("headers.x == (1 + 'a')", "(character 17)"),
            ("headers['x' == 1", "missing ']'"),
            ("payload.ids.exists(id, other == 8)", "nothing is called `other`"),
            ("Thing{a: 1} == payload", "no type is called `Thing`"),
        ];
        for (text, expected) in cases {
            let why = refused(text);
            assert!(why.contains(expected), "{text}: {why}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_refused_and_what_is_not_is_evaluated() {
        let chain = |count: usize| format!("{}size(payload)", "1 + ".repeat(count));
        let brackets = |count: usize| format!("{}size(payload){}", "(".repeat(count), ")".repeat(count));
        let calls = |count: usize| format!("{}payload{}", "string(".repeat(count), ")".repeat(count));
        let choice = |count: usize| format!("{}size(payload)", "payload == 'x' ? 1 : ".repeat(count));
        let message = Message::encoded("yy", ContentType::TEXT);
        for (text, deep) in [
            (chain(20), chain(490)),
            (brackets(7), brackets(900)),
            (calls(8), calls(200)),
            (choice(20), choice(60)),
        ] {
            let expression: Expression = text.parse().unwrap();
            assert!(expression.evaluate(&message).is_ok(), "{text}");
            let error = deep.parse::<Expression>().unwrap_err().to_string();
            assert!(error.contains("nested deeper than"), "{error}");
        }
    }

    #[test]
    fn says_which_name_a_message_does_not_have() {
        assert_eq!(
            value("headers.missing == 'a' ? 1 : 2").unwrap_err(),
            "the expression `headers.missing == 'a' ? 1 : 2` has no value: there is no `missing`"
        );
        for (text, is_number) in [
            ("headers.x == 'a' ? 'b' : 'c'", false),
            ("headers.x == 'a'", false),
            ("headers.x == 'a' ? 1 : 2", true),
            ("size(payload.ids) * 2", true),
        ] {
            assert_eq!(text.parse::<NumberExpression>().is_ok(), is_number, "{text}");
        }
    }

    #[test]
    fn selectors_are_cel_of_the_key() {
        let selected = |text: &str, key: HeaderValue| text.parse::<KeyExpression>().unwrap().evaluate(&key);
        assert_eq!(selected("key == 'foo' ? 1 : 2", "foo".into()), Ok(1));
        assert_eq!(selected("size(key)", "foo".into()), Ok(3));
    }
}
