use wellspring_functions::{consumer, function, supplier};

#[function]
struct Account;

#[consumer]
pub enum Kind {}

#[supplier]
impl Account {}

#[function]
trait Doubles {}

#[consumer]
mod accounts {}

#[supplier]
const ANSWER: u64 = 42;

#[function]
static COUNT: u64 = 0;

#[function]
type Number = u64;

#[supplier]
use std::fmt;

#[function]
const fn accepted(number: u64) -> u64 {
    number
}

fn main() {}
