//! The target `topic` as a libFuzzer program.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| setpoint_fuzz::topic::run(data));
