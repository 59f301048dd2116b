use wellspring_functions::function;

trait Doubles {
    #[function]
    fn double(number: u64) -> u64;
}

unsafe extern "C" {
    #[function]
    safe fn abs(number: i32) -> i32;
}

fn main() {}
