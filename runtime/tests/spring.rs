//! The behaviour of Spring Cloud Function and Spring Cloud Stream, row by row: where we answer the same, where we
//! differ on purpose, and what is still to come. Every row that is the same or differs is executed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "support/app.rs"]
mod app;
#[path = "spring/binding.rs"]
mod binding;
#[path = "spring/composition.rs"]
mod composition;
#[path = "spring/conversion.rs"]
mod conversion;
#[path = "spring/delivery.rs"]
mod delivery;
#[path = "spring/functions.rs"]
mod functions;
#[path = "spring/headers.rs"]
mod headers;
#[cfg(all(feature = "kafka", feature = "conformance"))]
#[path = "conformance/kafka.rs"]
mod kafka;
#[path = "spring/lookup.rs"]
mod lookup;
#[cfg(all(any(feature = "kafka", feature = "rabbitmq"), feature = "conformance"))]
#[path = "spring/on_brokers.rs"]
mod on_brokers;
#[path = "spring/partitions.rs"]
mod partitions;
#[path = "spring/payloads.rs"]
mod payloads;
#[cfg(all(feature = "rabbitmq", feature = "conformance"))]
#[path = "conformance/rabbitmq.rs"]
mod rabbitmq;
#[path = "spring/row.rs"]
mod row;
#[cfg(all(any(feature = "kafka", feature = "rabbitmq"), feature = "conformance"))]
#[path = "support/skip.rs"]
mod skip;
#[path = "spring/tables.rs"]
mod tables;
#[path = "spring/titles.rs"]
mod titles;

use std::collections::BTreeMap;

use row::{Answer, Row};

fn rows() -> Vec<Row> {
    let tables = [
        lookup::rows(),
        composition::rows(),
        conversion::rows(),
        headers::rows(),
        binding::rows(),
        payloads::rows(),
        delivery::rows(),
        tables::batches(),
        tables::kafka(),
        tables::rabbitmq(),
    ];
    tables.into_iter().flatten().collect()
}

#[test]
fn every_row_is_answered_once() {
    let mut answers = BTreeMap::<&str, u32>::new();
    rows().iter().for_each(|row| *answers.entry(row.id).or_default() += 1);
    for (id, title) in titles::FUNCTION.iter().chain(titles::STREAM).chain(titles::BROKERS) {
        assert_eq!(answers.remove(id), Some(1), "{id}: {title}");
    }
    assert!(answers.is_empty(), "these rows are not in the list: {answers:?}");
}

#[test]
fn every_reason_is_one_line() {
    for row in rows() {
        if let Answer::Differs(why, _)
        | Answer::NotYet(why, _)
        | Answer::NoCounterpart(why)
        | Answer::Elsewhere(Some(why), _) = row.answer
        {
            assert!((10..140).contains(&why.len()) && !why.contains('\n'), "{}: {why}", row.id);
        }
    }
}

#[test]
fn lookup_and_defaults() {
    row::execute(lookup::rows());
}

#[test]
fn compositions() {
    row::execute(composition::rows());
}

#[test]
fn conversions() {
    row::execute(conversion::rows());
}

#[test]
fn messages_and_headers() {
    row::execute(headers::rows());
}

#[test]
fn bindings() {
    row::execute(binding::rows());
}

#[test]
fn payloads_of_bindings() {
    row::execute(payloads::rows());
}

#[test]
fn partitions_sending_from_code_and_errors() {
    row::execute(delivery::rows());
}

#[test]
fn batches() {
    row::execute(tables::batches());
}

#[test]
fn kafka_rows() {
    row::execute(tables::kafka());
}

#[test]
fn rabbitmq_rows() {
    row::execute(tables::rabbitmq());
}
