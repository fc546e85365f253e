//! What a device answered to the latest message ids, so that it executes each of them once.

use std::collections::{HashMap, VecDeque};

use crate::answer::PlannedAnswer;

/// The answers to the latest message ids. A new id beyond the limit evicts the oldest one.
#[derive(Debug)]
pub(crate) struct RecentAnswers {
    answers: HashMap<String, Vec<PlannedAnswer>>,
    order: VecDeque<String>,
    limit: usize,
}

impl RecentAnswers {
    /// Keeps at most `limit` ids; 0 keeps none.
    pub(crate) fn new(limit: usize) -> Self {
        Self { answers: HashMap::new(), order: VecDeque::new(), limit }
    }

    pub(crate) fn get(&self, message_id: &str) -> Option<&[PlannedAnswer]> {
        self.answers.get(message_id).map(Vec::as_slice)
    }

    pub(crate) fn insert(&mut self, message_id: &str, answers: Vec<PlannedAnswer>) {
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

    pub(crate) fn clear(&mut self) {
        self.answers.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_id_is_evicted() {
        let mut recent = RecentAnswers::new(2);
        for id in ["a", "b", "b", "c"] {
            recent.insert(id, Vec::new());
        }
        assert!(recent.get("a").is_none());
        assert!(recent.get("b").is_some() && recent.get("c").is_some());
        recent.clear();
        assert!(recent.get("c").is_none());
        recent.insert("d", Vec::new());
        assert!(recent.get("d").is_some());
    }

    #[test]
    fn a_limit_of_0_keeps_nothing() {
        let mut recent = RecentAnswers::new(0);
        recent.insert("a", Vec::new());
        assert!(recent.get("a").is_none());
    }
}
