//! `invoke`: one call, without bindings.

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;
use std::time::Duration;

use futures_util::StreamExt;
use wellspring_functions::{ContentType, FunctionKind, Incoming, Message, Wanted};

use super::FAILED;
use super::args::Invoke;
use super::output::{print_bytes, print_chain, print_error};
use crate::invocation::Functions;
use crate::runtime::Runtime;

pub(super) async fn invoke(runtime: Runtime, call: &Invoke) -> ExitCode {
    let (functions, outputs) = match runtime.start_outputs().await {
        Ok(started) => started,
        Err(error) => return print_chain(&error),
    };
    let result = answer(&functions, call).await;
    outputs.close(Duration::from_secs(5)).await;
    match result {
        Ok(messages) => print_all(&messages),
        Err(error) => {
            print_error(&format!("error: {error}"));
            ExitCode::from(FAILED)
        }
    }
}

/// Every message on lines of its own.
fn print_all(messages: &[Vec<u8>]) -> ExitCode {
    let failed = messages.iter().map(|message| print_bytes(message)).find(|code| *code != ExitCode::SUCCESS);
    failed.unwrap_or(ExitCode::SUCCESS)
}

async fn answer(functions: &Functions, call: &Invoke) -> Result<Vec<Vec<u8>>, String> {
    let invocation = functions.get(&call.definition).map_err(|error| error.to_string())?;
    let incoming = if invocation.composition().kind() == FunctionKind::Supplier {
        Incoming::Nothing
    } else {
        Incoming::One(message(call)?)
    };
    let output = invocation.call(incoming, Wanted::Natural).await.map_err(|error| error.to_string())?;
    let mut replies = output.into_stream();
    let mut answers = Vec::new();
    while let Some(reply) = replies.next().await {
        answers.push(reply.map_err(|error| error.to_string())?.message.bytes().to_vec());
    }
    Ok(answers)
}

fn message(call: &Invoke) -> Result<wellspring_functions::EncodedMessage, String> {
    let content_type = ContentType::parse(&call.content_type).map_err(|error| error.to_string())?;
    let payload = match &call.payload {
        Some(payload) => payload.clone().into_bytes(),
        None => read_input()?,
    };
    let mut message = Message::encoded(payload, content_type);
    for header in &call.headers {
        let (name, value) = header
            .split_once('=')
            .ok_or_else(|| format!("`{header}` is not a header, expected `NAME=VALUE`"))?;
        message.headers_mut().append(name, value);
    }
    Ok(message)
}

fn read_input() -> Result<Vec<u8>, String> {
    if io::stdin().is_terminal() {
        return Err("there is no payload, expected it after the definition or on standard input".to_owned());
    }
    let mut payload = Vec::new();
    io::stdin()
        .read_to_end(&mut payload)
        .map_err(|error| format!("standard input cannot be read: {error}"))?;
    Ok(payload)
}
