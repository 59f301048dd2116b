//! What the delivery engine promises, row by row, as whole applications on every binder: the rows that concern
//! settlement, order, retry, dead letters, bounds, faults and stopping.
//!
//! Messages are written and read by bare clients, as in the conformance suite. What a binder answers otherwise on
//! purpose is [data](exclusions), and a row that passes all the same fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests say what they expect")]

#[path = "support/app.rs"]
mod app;
#[path = "engine/coverage.rs"]
mod coverage;
#[path = "engine/exclusions.rs"]
mod exclusions;
#[path = "engine/failing.rs"]
mod failing;
#[cfg(feature = "kafka")]
#[path = "conformance/kafka.rs"]
mod kafka;
#[path = "engine/letters.rs"]
mod letters;
#[path = "engine/lifecycle.rs"]
mod lifecycle;
#[path = "conformance/memory.rs"]
mod memory;
#[path = "engine/order.rs"]
mod order;
#[path = "support/prefixed.rs"]
mod prefixed;
#[cfg(feature = "rabbitmq")]
#[path = "conformance/rabbitmq.rs"]
mod rabbitmq;
#[path = "engine/retry.rs"]
mod retry;
#[path = "engine/settlement.rs"]
mod settlement;
#[cfg(any(feature = "kafka", feature = "rabbitmq"))]
#[path = "support/skip.rs"]
mod skip;
#[path = "engine/world.rs"]
mod world;

/// Every row, given to a macro: its module and its name, which begins with its id.
macro_rules! rows {
    ($callback:ident $($arguments:tt)*) => {
        $callback! {
            $($arguments)*
            settlement::b6_what_was_settled_before_a_crash_does_not_come_again_and_the_rest_does;
            order::d13_lanes_are_full_and_two_of_one_key_never_run_side_by_side;
            retry::c1_three_attempts_are_three_calls_and_one_dead_letter;
            letters::c2_a_dead_letter_is_the_original_and_says_why_it_is_there;
            letters::c10_a_dead_letter_that_is_refused_leaves_the_original_until_it_is_accepted;
            lifecycle::e6_stopping_finishes_what_is_in_flight_and_leaves_the_rest;
        }
    };
}

/// Makes a test of every row for a binder.
macro_rules! tests {
    ($find:expr; $($module:ident::$name:ident;)*) => {
        $(#[test]
        fn $name() {
            $crate::world::run(stringify!($name), $find, async |world| $crate::$module::$name(&world).await);
        })*
    };
}

/// The names of the rows.
macro_rules! names {
    ($($module:ident::$name:ident;)*) => {
        &[$(stringify!($name)),*]
    };
}

/// The name of every row.
const NAMES: &[&str] = rows!(names);

mod on_memory {
    rows!(tests Some(crate::memory::MemoryUnderTest::default()););
}

#[cfg(feature = "kafka")]
mod on_kafka {
    rows!(tests crate::kafka::KafkaUnderTest::find(););
}

#[cfg(feature = "rabbitmq")]
mod on_rabbitmq {
    rows!(tests crate::rabbitmq::RabbitUnderTest::find(););
}
