//! Rows about batches, Kafka and RabbitMQ: which test executes our answer, or why there is none yet.

use crate::row::{Row, covered, differs_in, no_counterpart, not_yet, refused};

const EXPRESSIONS: &str = "an output cannot compute a key or a partition by an expression yet";
const MANUAL: &str = "a function cannot settle its message itself yet";
const POLLED: &str = "an input cannot be polled by the application yet";
const TRANSACTIONS: &str = "there are no transactions: messages are delivered at least once";
const HEADER_MODE: &str = "headers are always those of the broker; other modes are refused";
const MODE_IN: &str = "spring.cloud.stream.bindings.echo-in-0.consumer.header-mode: none";
const MODE_EMBEDDED: &str = "spring.cloud.stream.bindings.echo-in-0.consumer.header-mode: embeddedHeaders";
const MODE_OUT: &str = "spring.cloud.stream.bindings.echo-out-0.producer.header-mode: none";
const POLLABLE: &str = "spring.cloud.stream.pollable-source";

const UNSUPPORTED: (&str, &str) = ("rabbitmq/refusals.rs", "what_is_not_supported_says_what_to_use");
const INPUTS: (&str, &str) = ("rabbitmq/captures.rs", "inputs_declare_what_spring_declares");
const OUTPUTS: (&str, &str) =
    ("rabbitmq/captures.rs", "outputs_declare_what_spring_declares_and_write_where_it_writes");
const LETTERS: (&str, &str) =
    ("rabbitmq/letters.rs", "dead_letters_are_what_spring_sent_for_the_same_failures");
const NO_PLACE: (&str, &str) =
    ("rabbitmq/letters.rs", "dead_letters_without_an_exchange_or_a_queue_are_errors");
const KAFKA_KEYS: (&str, &str) = ("../src/binder/kafka/spring_keys.rs", "every_key_is_what_the_table_says");

const GATHERED: (&str, &str) =
    ("runtime/batches.rs", "a_batch_is_called_when_it_is_full_or_its_first_message_has_waited");
const ITEMS: (&str, &str) = ("../../functions/tests/it/batches.rs", "items_keep_their_headers");

pub(crate) fn batches() -> Vec<Row> {
    vec![
        covered("BA1", GATHERED),
        covered("BA2", ("../../functions/tests/it/batches.rs", "a_tombstone_is_none_or_fails_alone")),
        covered("BA4", ITEMS),
        differs_in(
            "BA5",
            "what cannot be read is not left out: it becomes a dead letter, alone",
            ("runtime/batches.rs", "what_cannot_be_read_or_fails_for_good_becomes_a_dead_letter_alone"),
        ),
        differs_in("BA6", "headers stay with their messages: a function takes a list of them", ITEMS),
        not_yet("BA8", "several messages are not packed into one yet"),
        not_yet("BA9", "several messages are not packed into one yet"),
        covered("BA10", GATHERED),
    ]
}

pub(crate) fn kafka() -> Vec<Row> {
    [kafka_records(), kafka_topics(), kafka_failures(), kafka_clients()].into_iter().flatten().collect()
}

fn kafka_records() -> Vec<Row> {
    vec![
        covered("K1", ("kafka/delivery.rs", "the_record_is_what_the_bare_client_reads")),
        covered("K2", ("spring/on_brokers.rs", "a_plain_message_counts_as_json")),
        covered("K10", ("kafka/failures.rs", "a_partition_that_does_not_exist_is_refused")),
        not_yet("K8", EXPRESSIONS),
        not_yet("K36", EXPRESSIONS),
        no_counterpart("K37", "a key is bytes or text; there are no classes that serialize"),
        covered("K38", ("kafka/producers.rs", "a_header_chooses_the_topic_where_the_output_lets_it")),
        differs_in(
            "K40",
            "what cannot be sent fails the message that it came of; there is no channel for errors",
            ("kafka/failures.rs", "a_message_that_is_too_large_is_refused_and_the_others_arrive"),
        ),
        covered("K41", ("../src/binder/kafka/outgoing.rs", "facts_of_the_record_stay_inside")),
        covered("K42", ("../src/binder/kafka/patterns.rs", "the_first_pattern_that_fits_decides")),
        refused("K58", HEADER_MODE, MODE_OUT),
        covered(
            "K60",
            ("../src/binder/kafka/incoming.rs", "values_that_are_not_what_the_list_says_stay_bytes"),
        ),
        differs_in(
            "K61",
            "bytes that are text read as text, whether or not their sender said so",
            ("../src/conformance/cases/headers.rs", "a6c_headers_that_others_write_are_read"),
        ),
    ]
}

fn kafka_topics() -> Vec<Row> {
    let made = "a_missing_topic_is_made_with_as_many_partitions_as_anyone_needs";
    let small = "a_topic_that_is_too_small_grows_if_it_may_and_is_refused_if_not";
    vec![
        covered("K4", ("kafka/groups.rs", "every_group_gets_every_message")),
        covered("K5", ("kafka/groups.rs", "an_anonymous_group_sees_only_what_comes_from_now_on")),
        covered("K6", ("../src/conformance/cases/provisioning.rs", "v2_binding_again_changes_nothing")),
        covered("K9", ("kafka/groups.rs", "without_rebalancing_each_instance_has_its_partitions")),
        covered("K12", ("kafka/provisioning.rs", made)),
        covered("K13", ("kafka/provisioning.rs", made)),
        covered("K14", ("spring/on_brokers.rs", "topics_that_exist_are_used_where_none_may_be_made")),
        covered("K16", ("kafka/provisioning.rs", small)),
        covered("K17", ("spring/on_brokers.rs", "a_small_topic_is_enough_unless_partitions_are_fixed")),
        covered("K18", ("spring/on_brokers.rs", "a_small_topic_is_enough_unless_partitions_are_fixed")),
        covered("K20", ("kafka/provisioning.rs", "names_that_are_no_topics_are_refused")),
        covered("K44", ("kafka/groups.rs", "a_pattern_reads_every_topic_whose_whole_name_fits")),
        covered("K45", ("kafka/groups.rs", "a_group_starts_where_it_is_told")),
        not_yet("K52", "nothing shows yet that a running output uses partitions that are added"),
        covered(
            "K57",
            (
                "../src/conformance/cases/provisioning.rs",
                "v3_many_bindings_at_once_agree_on_a_new_destination",
            ),
        ),
    ]
}

fn kafka_failures() -> Vec<Row> {
    let letter = "a_message_that_fails_for_good_becomes_the_dead_letter_that_spring_writes";
    vec![
        covered("K21", ("kafka/dead_letters.rs", letter)),
        covered("K22", ("kafka/dead_letters.rs", letter)),
        not_yet("K24", "the partition of a dead letter cannot be chosen by code yet"),
        refused("K25", HEADER_MODE, MODE_IN),
        refused("K26", HEADER_MODE, MODE_EMBEDDED),
        covered("K28", ("kafka/dead_letters.rs", "dead_letters_need_a_group_and_topics_that_are_known")),
        covered("K29", ("spring/on_brokers.rs", "attempts_end_and_the_next_message_is_processed")),
        differs_in(
            "K30",
            "one attempt is one attempt on every binder, not ten",
            ("spring/on_brokers.rs", "attempts_end_and_the_next_message_is_processed"),
        ),
        not_yet("K32", MANUAL),
        covered("K33", ("../src/conformance/cases/headers.rs", "a6c_headers_that_others_write_are_read")),
        not_yet("K34", MANUAL),
        refused("K48", POLLED, POLLABLE),
        covered(
            "K49",
            (
                "kafka/dead_letters.rs",
                "each_topic_of_an_input_has_its_dead_letters_and_a_second_pass_replaces_what_was_said",
            ),
        ),
        differs_in("K50", TRANSACTIONS, KAFKA_KEYS),
    ]
}

fn kafka_clients() -> Vec<Row> {
    vec![
        covered(
            "K46",
            (
                "../src/binder/kafka/client.rs",
                "properties_that_the_binder_decides_are_refused_with_what_to_use",
            ),
        ),
        covered("K53", ("spring/binding.rs", "control")),
        not_yet("K54", "spans of messages come with the rest of what can be observed"),
        not_yet("K56", "a lag is told by the health of a binding; there are no metrics yet"),
    ]
}

pub(crate) fn rabbitmq() -> Vec<Row> {
    [rabbit_topology(), rabbit_sending(), rabbit_failures(), rabbit_clients()].into_iter().flatten().collect()
}

fn rabbit_topology() -> Vec<Row> {
    vec![
        covered("R1", INPUTS),
        covered("R2", INPUTS),
        covered("R4", INPUTS),
        covered("R5", INPUTS),
        covered("R6", INPUTS),
        covered("R8", INPUTS),
        covered("R9", ("rabbitmq/settings.rs", "an_exchange_that_routes_by_headers_hands_on_what_matches")),
        covered("R10", INPUTS),
        covered("R12", ("spring/on_brokers.rs", "a_fanout_exchange_has_no_partitions")),
        covered("R13", OUTPUTS),
        covered("R29", OUTPUTS),
        covered("R32", INPUTS),
        covered("R46", INPUTS),
        not_yet("R48", "the number of consumers does not change with the load"),
        covered(
            "R49",
            ("rabbitmq/settings.rs", "a_stream_is_read_from_where_it_is_told_and_goes_on_where_it_was"),
        ),
        not_yet("R50", "a stream of several partitions cannot be read yet"),
        no_counterpart("R52", "no code of the application runs while things are declared"),
    ]
}

fn rabbit_sending() -> Vec<Row> {
    vec![
        not_yet("R14", EXPRESSIONS),
        not_yet("R16", EXPRESSIONS),
        covered("R17", ("rabbitmq/sends.rs", "every_recorded_message_is_on_the_wire_as_spring_sent_it")),
        covered("R18", ("rabbitmq/sending.rs", "a_message_is_found_with_the_properties_that_spring_sets")),
        covered(
            "R20",
            ("rabbitmq/settings.rs", "a_payload_is_packed_as_spring_packs_it_and_unpacked_for_the_function"),
        ),
        covered(
            "R38",
            ("rabbitmq/sending.rs", "a_message_that_no_queue_takes_is_an_error_unless_that_is_allowed"),
        ),
        differs_in(
            "R40",
            "sending ends when the broker has the message; there is no header with a future",
            ("rabbitmq/sending.rs", "exactly_the_messages_that_no_queue_takes_fail_among_many"),
        ),
        covered("R41", OUTPUTS),
    ]
}

fn rabbit_failures() -> Vec<Row> {
    vec![
        covered(
            "R21",
            ("rabbitmq/letters.rs", "the_broker_moves_dead_letters_where_they_are_not_republished"),
        ),
        covered("R22", LETTERS),
        covered("R24", LETTERS),
        differs_in("R25", "a dead letter that cannot be sent leaves its message unsettled", NO_PLACE),
        differs_in("R26", TRANSACTIONS, UNSUPPORTED),
        covered(
            "R28",
            ("rabbitmq/letters.rs", "a_dead_letter_carries_the_key_of_the_queue_it_was_read_from"),
        ),
        not_yet("R30", MANUAL),
        no_counterpart("R33", "an error says its kind; no type of an error settles a message"),
        covered(
            "R34",
            ("rabbitmq/story.rs", "a_message_whose_function_fails_for_good_is_with_the_brokers_dead_letters"),
        ),
        differs_in("R36", "dead letters without a place are an error, not a loss", NO_PLACE),
        covered("R37", ("rabbitmq/letters.rs", "dead_letters_that_expire_come_back_and_say_how_often")),
        covered("R44", ("spring/on_brokers.rs", "attempts_end_and_the_next_message_is_processed")),
        refused("R45", POLLED, POLLABLE),
    ]
}

fn rabbit_clients() -> Vec<Row> {
    vec![
        covered(
            "R42",
            ("runtime/waiting.rs", "a_broker_that_is_down_at_start_is_waited_for_while_http_answers"),
        ),
        not_yet("R53", "nothing shows yet that binders of one type are told apart in the health"),
        not_yet("R54", "a binding cannot be made while the application runs"),
        covered("R56", INPUTS),
    ]
}
