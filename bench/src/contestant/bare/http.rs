//! The functions in bare axum.

use axum::routing::post;
use axum::{Json, Router};

use super::Task;
use crate::Failure;
use crate::story::{AccountsMsg, email, sms};

/// Serves `POST /email,sms` with axum alone; the signal ends the process.
pub(super) fn run(task: &Task) -> Result<(), Failure> {
    let router = Router::new()
        .route("/email,sms", post(async |Json(account): Json<AccountsMsg>| Json(sms(email(account)))));
    let tokio = tokio::runtime::Runtime::new()?;
    tokio.block_on(async {
        let listener = tokio::net::TcpListener::bind(&task.address).await?;
        Ok(axum::serve(listener, router).await?)
    })
}
