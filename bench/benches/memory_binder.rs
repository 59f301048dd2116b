//! Messages through the memory binder and one function, sender and reader on the same core.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use wellspring_bench::memory;
use wellspring_bench::story::PAYLOAD;

fn memory_binder(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("memory binder");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    for definition in ["bytes", "email", "email|sms"] {
        group.bench_function(definition, |bencher| {
            bencher.iter_custom(|messages| {
                let messages = messages.max(10_000);
                let rate = memory::throughput(definition, &[], PAYLOAD, messages).unwrap_or(f64::NAN);
                Duration::from_secs_f64(messages as f64 / rate)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, memory_binder);
criterion_main!(benches);
