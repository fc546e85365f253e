//! The target `requester_script` as a libFuzzer program.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| setpoint_fuzz::requester_script::run(data));
