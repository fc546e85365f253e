//! The devices' side: commands out, answers in, over a broker.

mod link;

pub(crate) use link::DeviceLink;
