//! The message of the story and its functions, for every measurement.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wellspring::{Catalog, CatalogBuilder, Error, Headers, Kind, header_names};

/// What *accounts* publishes; about 150 bytes as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountsMsg {
    account_number: u64,
    name: String,
    email: String,
    mobile_number: String,
    opened_at: String,
}

/// The message as it travels.
pub const PAYLOAD: &[u8] = br#"{"accountNumber":1065736582,"name":"Madan Reddy","email":"tutor@example.com","mobileNumber":"4354437687","openedAt":"2026-03-01T10:15:30.123Z"}"#;

impl AccountsMsg {
    /// The message of the story with another account number, its name filled up to so many bytes of JSON.
    #[must_use]
    pub fn numbered(account_number: u64, bytes: usize) -> Self {
        let name = "Madan Reddy".to_owned() + &"y".repeat(bytes.saturating_sub(PAYLOAD.len()));
        let [email, mobile_number, opened_at] =
            ["tutor@example.com", "4354437687", "2026-03-01T10:15:30.123Z"].map(str::to_owned);
        Self { account_number, name, email, mobile_number, opened_at }
    }

    /// Which account it is about.
    #[must_use]
    pub const fn account_number(&self) -> u64 {
        self.account_number
    }
}

/// The number of the first message, so long that all numbers of a measurement have as many digits.
pub const FIRST: u64 = 1_000_000_000;

/// The first function of the story.
#[must_use]
pub fn email(account: AccountsMsg) -> AccountsMsg {
    std::hint::black_box(&account.email);
    account
}

/// The second function of the story.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "functions take their payload")]
pub fn sms(account: AccountsMsg) -> u64 {
    std::hint::black_box(&account.mobile_number);
    account.account_number
}

/// The functions of every measurement.
#[must_use]
pub fn functions() -> CatalogBuilder {
    add_functions(Catalog::builder())
}

/// Adds the functions of every measurement.
#[must_use]
pub fn add_functions(catalog: CatalogBuilder) -> CatalogBuilder {
    catalog
        .function("email", email)
        .function("sms", sms)
        .function("bytes", |bytes: Bytes| bytes)
        .consumer("rejects", |_: Bytes| Err::<(), _>(Error::message(Kind::Fatal, "never")))
        .function("stumbles", stumbles)
}

/// Fails at the first attempt.
#[expect(clippy::needless_pass_by_value, reason = "functions take what is injected")]
fn stumbles(bytes: Bytes, headers: Headers) -> Result<Bytes, Error> {
    match headers.contains(header_names::DELIVERY_ATTEMPT) {
        true => Ok(bytes),
        false => Err(Error::message(Kind::Retryable, "not yet")),
    }
}
