use wellspring_functions::function;

#[function]
fn any_type<T: serde::de::DeserializeOwned>(value: T) -> u64 {
    let _ = value;
    0
}

#[function]
fn any_length<const N: usize>(values: [u8; N]) -> usize {
    values.len()
}

#[function]
fn any_lifetime<'a>(text: std::borrow::Cow<'a, str>) -> String {
    text.into_owned()
}

fn main() {}
