//! The target `batch` as a libFuzzer program.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| setpoint_fuzz::batch::run(data));
