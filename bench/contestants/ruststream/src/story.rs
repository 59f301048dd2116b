//! The work: the story's `email|sms` on an account.

use ruststream::prelude::*;
use serde::{Deserialize, Serialize};

/// What arrives.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "the whole message is decoded")]
pub struct AccountsMsg {
    account_number: u64,
    name: String,
    email: String,
    mobile_number: String,
    opened_at: String,
}

/// What is sent on.
#[derive(Debug, Clone, Copy, Serialize, Outgoing)]
pub struct AccountNumber(u64);

fn email(account: &AccountsMsg) -> &AccountsMsg {
    std::hint::black_box(&account.email);
    account
}

fn sms(account: &AccountsMsg) -> AccountNumber {
    std::hint::black_box(&account.mobile_number);
    AccountNumber(account.account_number)
}

/// Both functions; RustStream has no composition, so that they call each other.
pub fn email_sms(account: &AccountsMsg) -> AccountNumber {
    sms(email(account))
}

/// The handler of one message, which answers with a reply.
pub struct EmailSms;

impl Handle<AccountsMsg, AccountNumber> for EmailSms {
    async fn handle(
        &self,
        account: &AccountsMsg,
        _outs: &(),
        _context: &mut Context<'_>,
    ) -> Result<AccountNumber, HandlerOutcome> {
        Ok(email_sms(account))
    }
}
