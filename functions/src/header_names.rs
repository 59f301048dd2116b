//! Well-known header names, one constant each.

/// What encodes the payload. Spring's spelling, equal to HTTP's `content-type` in every look-up.
pub const CONTENT_TYPE: &str = "contentType";
/// The key by which a message is ordered and partitioned; text or bytes.
pub const MESSAGE_KEY: &str = "message-key";
/// How often a delivery was handed to the function, this time included; the first attempt is 1 (Spring).
pub const DELIVERY_ATTEMPT: &str = "deliveryAttempt";
/// The destination to send a message to instead of the configured one (Spring).
pub const SEND_TO_DESTINATION: &str = "spring.cloud.stream.sendto.destination";
/// Names the function that a router calls (Spring).
pub const FUNCTION_DEFINITION: &str = "spring.cloud.function.definition";
/// The query parameters of an HTTP request, first value per name (Spring).
pub const HTTP_REQUEST_PARAM: &str = "http_request_param";
/// The HTTP status that an answer asks for, 200 to 599 (Spring's adapters).
pub const STATUS_CODE: &str = "statusCode";
/// Why a message became a dead letter: the kind of failure.
pub const EXCEPTION_KIND: &str = "x-exception-kind";
/// Why a message became a dead letter: the error's type, or the name it gives itself (Spring, Kafka's spelling).
pub const EXCEPTION_CLASS: &str = "x-exception-fqcn";
/// Why a message became a dead letter: the error's text (Spring).
pub const EXCEPTION_MESSAGE: &str = "x-exception-message";
/// The destination a dead letter was read from (Spring, Kafka's spelling).
pub const ORIGINAL_DESTINATION: &str = "x-original-topic";
/// The partition a dead letter was read from (Spring).
pub const ORIGINAL_PARTITION: &str = "x-original-partition";
/// The place in its partition that a dead letter was read from: an offset or a delivery tag (Spring).
pub const ORIGINAL_OFFSET: &str = "x-original-offset";
/// How often the function was called before the message became a dead letter.
pub const ATTEMPTS: &str = "x-attempts";
/// How often the function was called with a message that waits at its broker for another attempt.
pub const RETRY_ATTEMPTS: &str = "x-retry-attempts";
/// The binding whose function failed.
pub const BINDING: &str = "x-binding";
/// How often the message was sent again after it had become a dead letter.
pub const REDRIVES: &str = "x-redrives";
