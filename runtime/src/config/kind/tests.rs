//! Texts of every kind of value, good and bad.

use super::*;

#[test]
fn reads_durations() {
    let good = [
        ("1500ms", 1_500_000_000),
        ("2s", 2_000_000_000),
        (" 1m ", 60_000_000_000),
        ("1h", 3_600_000_000_000),
        ("1d", 86_400_000_000_000),
        ("250", 250_000_000),
        ("0", 0),
        ("7us", 7_000),
        ("9 ns", 9),
        ("PT1.5S", 1_500_000_000),
        ("PT1M", 60_000_000_000),
    ];
    for (text, nanos) in good {
        assert_eq!(duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
    }
    for text in
        ["", "s", "1.5s", "-1s", "1 fortnight", "PT-1S", "P1Y", "1:30", "1e3", "99999999999999999999d"]
    {
        assert!(duration(text).is_err(), "{text}");
    }
    assert_eq!(duration("30seconds"), Err(Wrong::with("write `30s`")));
}

#[test]
fn reads_sizes() {
    let good =
        [("10MB", 10 << 20), ("64KB", 65536), ("64kb", 65536), ("1024", 1024), ("1 GiB", 1 << 30), ("0B", 0)];
    for (text, bytes) in good {
        assert_eq!(size(text), Ok(bytes), "{text}");
    }
    for text in ["", "MB", "1.5MB", "-1", "10XB", "99999999999999TB", "18446744073709551616"] {
        assert!(size(text).is_err(), "{text}");
    }
    assert_eq!(size("10m"), Err(Wrong::with("write `10MB`")));
}

#[test]
fn reads_whole_numbers() {
    assert_eq!(count("12"), Ok(12));
    assert_eq!(index("0"), Ok(0));
    assert_eq!(port("65535"), Ok(65535));
    for text in ["0", "-1", "1.0", "1e3", "0x10", "1_000", "three", "", "4294967296", "+1"] {
        assert!(count(text).is_err(), "{text}");
    }
    assert!(port("65536").is_err());
    assert_eq!(count("010"), Err(Wrong::with("write `10`: formats disagree on what a leading zero means")));
    assert!(index("00").is_err());
}

#[test]
fn reads_only_the_two_booleans() {
    assert_eq!(boolean("TRUE"), Ok(true));
    assert_eq!(boolean("false"), Ok(false));
    assert_eq!(boolean("yes"), Err(Wrong::with("write `true`")));
    assert_eq!(boolean("off"), Err(Wrong::with("write `false`")));
    assert!(boolean("maybe").is_err());
}

#[test]
fn reads_addresses_and_path_prefixes() {
    assert_eq!(address("localhost"), Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    assert!(address("[::1]").is_ok());
    assert!(address("example.org").is_err());
    assert_eq!(prefix("/functions/"), Ok("/functions".to_owned()));
    assert_eq!(prefix("/"), Ok(String::new()));
    assert_eq!(prefix("functions"), Err(Wrong::with("write `/functions`")));
    assert!(prefix("/a b").is_err());
}

#[test]
fn reads_cron_with_and_without_seconds() {
    assert!(cron("*/5 * * * *").is_ok());
    assert!(cron("0 */5 * * * *").is_ok());
    assert!(cron("every minute").is_err());
}

#[test]
fn reads_factors_levels_and_content_types() {
    assert_eq!(factor("2"), Ok(2.0));
    for text in ["0.5", "NaN", "inf", "-1", "x"] {
        assert!(factor(text).is_err(), "{text}");
    }
    assert_eq!(level("DEBUG"), Ok(Level::Debug));
    assert_eq!(level("warning"), Err(Wrong::with("write `warn`")));
    assert!(content_type("application/json;charset=utf-8").is_ok());
    for text in ["json", "/", "a/", "a/b/c", "a b/c"] {
        assert!(content_type(text).is_err(), "{text}");
    }
}
