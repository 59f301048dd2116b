use wellspring_functions::function;

#[function(nam = "a b", each = 3)]
unsafe fn everything<T>(&self, text: &str, #[cfg(unix)] more: T) {
    let _ = (text, more);
}

fn main() {}
