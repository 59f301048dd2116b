//! The accounts service: creates accounts, and learns which customers have been told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use wellspring::{Error, Sender, State, consumer, function};

use crate::message::AccountsMsg;
use crate::store::{Accounts, AccountsError};

/// What a customer fills in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewAccount {
    /// The customer's name.
    pub name: String,
    /// Where e-mail goes.
    pub email: String,
    /// Where text messages go.
    pub mobile_number: String,
}

/// An account as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its number.
    pub account_number: i64,
    /// The customer's name.
    pub name: String,
    /// Where e-mail goes.
    pub email: String,
    /// Where text messages go.
    pub mobile_number: String,
    /// Whether the customer has been told.
    pub communicated: bool,
}

/// Opens an account and asks for the customer to be told.
#[function]
async fn create_account(
    new: NewAccount,
    State(accounts): State<Accounts>,
    sender: Sender,
) -> Result<Account, Error> {
    if !new.email.contains('@') {
        return Err(Error::classified(AccountsError::InvalidEmail(new.email)));
    }
    let account = accounts.insert(&new).await.map_err(Error::classified)?;
    let told = AccountsMsg {
        account_number: account.account_number,
        name: new.name,
        email: new.email,
        mobile_number: new.mobile_number,
    };
    sender.send("send-communication", told).await?;
    Ok(account)
}

/// Marks an account as communicated.
#[consumer]
async fn update_communication(
    account_number: i64,
    State(accounts): State<Accounts>,
) -> Result<(), AccountsError> {
    accounts.mark_communicated(account_number).await
}

/// Shows an account.
#[function]
async fn account(account_number: i64, State(accounts): State<Accounts>) -> Result<Account, AccountsError> {
    accounts.get(account_number).await
}
