//! One call: by hand, through the engine, and with more stages.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use wellspring_bench::counted::Work;
use wellspring_bench::story::PAYLOAD;

fn invocation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("invocation");
    for (name, work) in [
        ("by hand", Work::ByHand),
        ("one stage", Work::Engine(1)),
        ("two stages", Work::Engine(2)),
        ("three stages", Work::Engine(3)),
    ] {
        let Ok(call) = work.prepare() else { continue };
        group.bench_function(name, |bencher| bencher.iter(|| call(Bytes::from_static(PAYLOAD)).is_ok()));
    }
    group.finish();
}

criterion_group!(benches, invocation);
criterion_main!(benches);
