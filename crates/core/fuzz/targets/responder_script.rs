//! The target `responder_script` as a libFuzzer program.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| setpoint_fuzz::responder_script::run(data));
