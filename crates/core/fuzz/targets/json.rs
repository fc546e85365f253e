//! The target `json` as a libFuzzer program.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| setpoint_fuzz::json::run(data));
