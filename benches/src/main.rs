//! x
mod counted;
mod memory;
mod story;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    if a[1] == "memory" {
        memory::throughput(&a[2], story::PAYLOAD, a[3].parse().unwrap()).unwrap();
        return;
    }
    if a[1] == "count" {
        counted::run(&a[2], a[3].parse().unwrap()).unwrap();
        return;
    }
    println!("payload {}", story::PAYLOAD.len());
    for _ in 0..3 {
        println!("bytes {:.0}", memory::throughput("bytes", story::PAYLOAD, 2_000_000).unwrap());
        println!("email {:.0}", memory::throughput("email", story::PAYLOAD, 1_000_000).unwrap());
        println!("email|sms {:.0}", memory::throughput("email|sms", story::PAYLOAD, 1_000_000).unwrap());
    }
}
