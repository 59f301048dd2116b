//! The message service: tells the customer that the account is open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wellspring::function;

/// What *accounts* publishes for each new account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountsMsg {
    /// The new account.
    pub account_number: i64,
    /// The customer's name.
    pub name: String,
    /// Where e-mail goes.
    pub email: String,
    /// Where text messages go.
    pub mobile_number: String,
}

/// Tells the customer by e-mail that the account is open.
#[function]
fn email(account: AccountsMsg) -> AccountsMsg {
    tracing::info!(to = account.email, account = account.account_number, "e-mail sent");
    account
}

/// Tells the customer by text message and answers the account's number.
#[function]
fn sms(account: AccountsMsg) -> i64 {
    tracing::info!(to = account.mobile_number, account = account.account_number, "text message sent");
    account.account_number
}
