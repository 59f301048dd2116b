//! Accounts in SQLite.

use std::str::FromStr;

use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow};
use wellspring::config::Config;
use wellspring::{Classify, Kind};

use crate::accounts::{Account, NewAccount};

/// The table of accounts.
#[derive(Debug, Clone)]
pub struct Accounts {
    pool: SqlitePool,
}

/// Why something cannot be done with accounts.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// The address has no `@`.
    #[error("`{0}` is not an e-mail address, expected one with `@`")]
    InvalidEmail(String),
    /// There is no such account.
    #[error("there is no account {0}")]
    Unknown(i64),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

/// Tells the runtime whether another attempt can help.
impl Classify for AccountsError {
    fn kind(&self) -> Kind {
        match self {
            Self::InvalidEmail(_) | Self::Unknown(_) => Kind::Invalid,
            Self::Database(_) => Kind::Retryable,
        }
    }
}

impl Accounts {
    /// The accounts in the database that `app.database` names; it is created at first use.
    ///
    /// # Errors
    /// When the address is not one of SQLite.
    pub fn new(config: &Config) -> Result<Self, sqlx::Error> {
        let database =
            config.app().get("database").map_or_else(|| "accounts.db".to_owned(), |path| path.value);
        let options = SqliteConnectOptions::from_str(&format!("sqlite://{database}"))?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        Ok(Self { pool: SqlitePoolOptions::new().max_connections(4).connect_lazy_with(options) })
    }

    /// Creates the table unless it is there.
    ///
    /// # Errors
    /// When the database cannot be opened or written.
    pub async fn create_table(self) -> Result<(), sqlx::Error> {
        let table = "CREATE TABLE IF NOT EXISTS account (
            account_number INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL, email TEXT NOT NULL, mobile_number TEXT NOT NULL,
            communicated INTEGER NOT NULL DEFAULT 0)";
        sqlx::query(table).execute(&self.pool).await.map(|_| ())
    }

    pub(crate) async fn insert(&self, new: &NewAccount) -> Result<Account, AccountsError> {
        let insert = "INSERT INTO account (name, email, mobile_number) VALUES (?, ?, ?) RETURNING *";
        let row = sqlx::query(insert).bind(&new.name).bind(&new.email).bind(&new.mobile_number);
        Ok(account(&row.fetch_one(&self.pool).await?)?)
    }

    pub(crate) async fn get(&self, account_number: i64) -> Result<Account, AccountsError> {
        let row = sqlx::query("SELECT * FROM account WHERE account_number = ?").bind(account_number);
        match row.fetch_optional(&self.pool).await? {
            Some(row) => Ok(account(&row)?),
            None => Err(AccountsError::Unknown(account_number)),
        }
    }

    pub(crate) async fn mark_communicated(&self, account_number: i64) -> Result<(), AccountsError> {
        let update =
            sqlx::query("UPDATE account SET communicated = 1 WHERE account_number = ?").bind(account_number);
        match update.execute(&self.pool).await?.rows_affected() {
            0 => Err(AccountsError::Unknown(account_number)),
            _ => Ok(()),
        }
    }
}

fn account(row: &SqliteRow) -> Result<Account, sqlx::Error> {
    Ok(Account {
        account_number: row.try_get("account_number")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        mobile_number: row.try_get("mobile_number")?,
        communicated: row.try_get("communicated")?,
    })
}
