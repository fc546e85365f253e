//! The command as a user runs it: a process, its output and its exit code.

mod bench;
mod check;
mod command;
mod demo;
mod plant;
mod service;
