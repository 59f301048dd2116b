use std::borrow::Cow;

use wellspring_functions::{Headers, State, consumer, function};

#[derive(serde::Deserialize)]
struct Account;

#[function]
fn text(text: &str) -> usize {
    text.len()
}

#[function]
fn list(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

#[consumer]
fn account(account: &mut Account) {
    let _ = account;
}

#[function]
fn inside(texts: Vec<Cow<'_, str>>) -> usize {
    texts.len()
}

#[function]
fn injected(number: u64, headers: &Headers, state: State<&str>) -> u64 {
    let _ = (headers, state);
    number
}

fn main() {}
