//! The message ids a device remembers, and what it answered.

use std::collections::{HashMap, VecDeque};

use crate::answer::Planned;

/// Message ids and their answers, the oldest forgotten first.
#[derive(Debug)]
pub(crate) struct Memory {
    answers: HashMap<String, Vec<Planned>>,
    order: VecDeque<String>,
    limit: usize,
}

impl Memory {
    /// Remembers at most `limit` ids; none at all when it is 0.
    pub(crate) fn new(limit: usize) -> Self {
        Self { answers: HashMap::new(), order: VecDeque::new(), limit }
    }

    pub(crate) fn recall(&self, message_id: &str) -> Option<&[Planned]> {
        self.answers.get(message_id).map(Vec::as_slice)
    }

    pub(crate) fn remember(&mut self, message_id: &str, answers: Vec<Planned>) {
        if self.limit == 0 {
            return;
        }
        if self.answers.insert(message_id.to_owned(), answers).is_some() {
            return;
        }
        self.order.push_back(message_id.to_owned());
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }

    pub(crate) fn forget_all(&mut self) {
        self.answers.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forgets_the_oldest() {
        let mut memory = Memory::new(2);
        for id in ["a", "b", "b", "c"] {
            memory.remember(id, Vec::new());
        }
        assert!(memory.recall("a").is_none());
        assert!(memory.recall("b").is_some() && memory.recall("c").is_some());
        memory.forget_all();
        assert!(memory.recall("c").is_none());
        memory.remember("d", Vec::new());
        assert!(memory.recall("d").is_some());
    }

    #[test]
    fn may_remember_nothing() {
        let mut memory = Memory::new(0);
        memory.remember("a", Vec::new());
        assert!(memory.recall("a").is_none());
    }
}
