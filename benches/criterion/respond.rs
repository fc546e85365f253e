//! Reading, validating, and writing the full response; and all that a service does up to it.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{hint::black_box, num::NonZeroUsize, time::Duration};

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use setpoint::{
    Family, Limits, Now, Responder,
    check::{check, check_form},
    responder::{CheckedBatch, Effect, ResponderConfig},
};
use setpoint_benches::{EPOCH_MS, ORG, Park, SIZES, batch};

fn respond(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("respond");
    let (limits, now) = (Limits::DEFAULT, Now::new(0, EPOCH_MS));
    let park = Park::new();
    let mut config = ResponderConfig::default();
    config.pending_per_device = NonZeroUsize::MAX;
    for family in Family::ALL {
        for items in SIZES {
            let batch = batch(family, items);
            group.throughput(Throughput::ElementsAndBytes { elements: items as u64, bytes: batch.body.len() as u64 });
            group.bench_function(BenchmarkId::new(format!("form/{}", family.name()), items), |bencher| {
                bencher.iter(|| check_form(black_box(&batch.body), family, ORG, &limits, now).response.len());
            });
            group.bench_function(BenchmarkId::new(format!("directory/{}", family.name()), items), |bencher| {
                bencher.iter(|| check(black_box(&batch.body), family, ORG, &park, &limits, now).response.len());
            });
            group.bench_function(BenchmarkId::new(format!("service/{}", family.name()), items), |bencher| {
                bencher.iter_batched(
                    || (Responder::new(config.clone(), [7; 32]), batch.body.clone()),
                    |(mut responder, body)| {
                        responder.handle_batch(CheckedBatch::read(body, family, ORG, &park, &limits, now), now);
                        while let Some(effect) = black_box(responder.poll_effect(now)) {
                            if let Effect::Persist { write, .. } = effect {
                                responder.handle_persisted(write, now);
                            }
                        }
                        responder
                    },
                    BatchSize::LargeInput,
                );
            });
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
    targets = respond
}
criterion_main!(benches);
